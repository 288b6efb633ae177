"""What a model.py of 0.1 imported; says where it is now, in place of "no module named"."""

raise ImportError(
    "greenroom.engines.managed_model is greenroom.managed.managed_model since 0.2, and "
    "greenroom.engines.arena is greenroom.managed.arena; change the imports in model.py and beside "
    'it, and name the engine\'s class in config.pbtxt: engine, "my_engine:MyEngine"'
)
