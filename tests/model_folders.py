"""Writes the folders of model repositories."""

TENSOR = 'name: "INPUT" data_type: TYPE_FP32 dims: [ -1 ]'
OUTPUT = 'output [ { name: "OUTPUT" data_type: TYPE_FP32 dims: [ -1 ] } ]'
CONTROL = 'name: "RESIDENCY" data_type: TYPE_STRING dims: [ 1 ] optional: true'


def write_model(repository, name, controllable=True, text="pass\n"):
    """Write a Python model that takes the control input, or not."""
    inputs = [TENSOR, *([CONTROL] if controllable else [])]
    listed = ", ".join(f"{{ {tensor} }}" for tensor in inputs)
    return _write(repository, name, f'backend: "python"\ninput [ {listed} ]\n{OUTPUT}\n', text)


def write_ensemble(repository, name, *steps):
    """Write an ensemble of those steps."""
    listed = ", ".join(f'{{ model_name: "{step}" model_version: -1 }}' for step in steps)
    config = f'platform: "ensemble"\nensemble_scheduling {{ step [ {listed} ] }}\n'
    return _write(repository, name, config, None)


def _write(repository, name, config, text):
    version = repository / name / "1"
    version.mkdir(parents=True)
    (repository / name / "config.pbtxt").write_text(config)
    if text is not None:
        (version / "model.py").write_text(text)
    return repository / name
