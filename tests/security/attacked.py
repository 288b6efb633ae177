"""Models for attacks, and what must not change while they run: the server and its processes."""

import shutil
from pathlib import Path

from tritonclient.grpc import service_pb2 as pb

from greenroom.triton.leftovers import stubs

ECHO = Path(__file__).parent.parent / "models" / "echo"
STEPS = """
sequence_batching {
  iterative_sequence: true
  max_sequence_idle_microseconds: 60000000
  oldest { max_candidate_sequences: 64 }
}
"""
LOADED = ("echo", "words", "steps")


def attacked_models(folder: Path) -> Path:
    """Return a new repository: `echo`, `words` which has strings, and `steps` which is stepped."""
    for name in LOADED:
        shutil.copytree(ECHO, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = (ECHO / "config.pbtxt").read_text()
    (folder / "words/config.pbtxt").write_text(config.replace("TYPE_FP32", "TYPE_STRING"))
    (folder / "steps/config.pbtxt").write_text(config + STEPS)
    return folder


def pids(running) -> set[int]:
    """Return the processes of Triton and of its models."""
    triton = running.service.triton
    return {triton.pid, *(stub.pid for stub in stubs(triton.prefix))}


def json_request(shape, data, datatype="FP32", output=None, **fields) -> dict:
    """Return an infer request as HTTP has it; `output`: parameters of the output."""
    tensor = {"name": "INPUT", "shape": shape, "datatype": datatype, "data": data}
    outputs = [{"name": "OUTPUT", "parameters": output}] if output else []
    return {"inputs": [tensor], "outputs": outputs, **fields}


def message(model, shape, raw=None, datatype="FP32", **fields) -> pb.ModelInferRequest:
    """Return an infer request as gRPC has it."""
    request = pb.ModelInferRequest(model_name=model, **fields)
    request.inputs.add(name="INPUT", datatype=datatype, shape=shape)
    if raw is not None:
        request.raw_input_contents.append(raw)
    return request
