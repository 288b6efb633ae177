"""A service with the models of tests/walked and the examples, and what its tests ask of it."""

import shutil

import httpx
import numpy as np
import tritonclient.grpc as triton_grpc
from own_ports import own_ports
from running import Running

from greenroom.settings import PROJECT, Settings

KEPT = {"unload_after": -1, "offload_after": -1}
MODELS = ("tally", "counter", "twice", "census", "pour")
TYPES = {"COUNT": np.int32, "SIZE": np.int32, "SECONDS": np.float32, "WORK": np.float32}


def walked_service(folder, **given):
    """Return the service, whose models take steps of 2 ms; it is to be entered."""
    for name in ("tally", "counter"):
        shutil.copytree(PROJECT / "examples" / "models" / name, folder / "models" / name)
    settings = Settings(
        **own_ports(),
        runtime_dir=folder / "runtime",
        model_repository=folder / "models",
        ensemble_repository=PROJECT / "tests" / "walked",
        triton_exit_timeout=2,
        policy=dict.fromkeys(MODELS, KEPT),
        **given,
    )
    return Running(settings, environment={"GREENROOM_STEP_SECONDS": "0.002"})


def texts(text, name="TEXT"):
    tensor = triton_grpc.InferInput(name, [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[text.encode()]], object))
    return [tensor]


def numbers(**values):
    """Return the inputs of ``pour``."""
    tensors = []
    for name, value in values.items():
        array = np.array([[value]], TYPES[name])
        tensors.append(
            triton_grpc.InferInput(name, [1, 1], "FP32" if name in ("SECONDS", "WORK") else "INT32")
        )
        tensors[-1].set_data_from_numpy(array)
    return tensors


def streamed(running, model, inputs, *, stream=True, requests=("",)):
    """Return the answers to requests of these ids, as an unmodified client gets them."""

    async def asked():
        for name in requests:
            parameters = {"stream": True} if stream else None
            yield {
                "model_name": model,
                "inputs": inputs,
                "parameters": parameters,
                "request_id": name,
            }

    return running.grpc.stream_infer(asked())


def is_final(answer):
    return answer.get_response().parameters["triton_final_response"].bool_param


async def triton_metric(running, name, **labels):
    """Return the sum of one of Greenroom's metrics on Triton's port, or 0; labels in order."""
    async with httpx.AsyncClient() as client:
        lines = (await client.get(running.service.triton.metrics_url)).text.splitlines()
    start = f"greenroom_{name}{{" + ",".join(f'{key}="{value}"' for key, value in labels.items())
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))


async def until_rows(running, number, model="tally"):
    """Wait until so many answers of the model are in the making, paused streams counted."""
    while await triton_metric(running, "rows", model=model) != number:
        pass
