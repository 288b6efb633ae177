"""The Step1 language model: from a prompt's ids to the ids of speech.

``step1`` is the network, ``attention`` how a block of a prompt or one decoding step looks at the
``key_value_cache``, ``generation`` the loop that decodes several prompts together, ``sampling``
how an id is drawn, ``decode_step`` and ``decode_graphs`` one step, plain or as a CUDA graph,
``memory`` what all of it takes.
"""
