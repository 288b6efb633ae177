"""Metadata and config of a model that is not loaded.

They come from its config.pbtxt, or from what Triton made of it when it was loaded last. An
incomplete one that has never been loaded is loaded for them.
"""

from tritonclient.grpc import model_config_pb2, service_pb2

from greenroom.controller.controller import Controller
from greenroom.triton.repository import ModelSpec

_PREFIX = "TYPE_"


def spec_of(controller: Controller, model: str, version: str) -> ModelSpec | None:
    """Return the model if the repositories have it in that version; the empty one means any."""
    spec = controller.repository.models.get(model) if controller.knows(model) else None
    if spec is None or not spec.versions:
        return None
    return spec if version in ("", *spec.versions) else None


async def unloaded_metadata(
    controller: Controller, spec: ModelSpec
) -> service_pb2.ModelMetadataResponse:
    """Return what Triton answers for the loaded model: its latest version, shapes with batch."""
    config = await _config(controller, spec)
    answer = service_pb2.ModelMetadataResponse(
        name=spec.name,
        versions=spec.versions[-1:],
        platform=config.platform or config.backend,
    )
    for tensors, described in ((config.input, answer.inputs), (config.output, answer.outputs)):
        for tensor in tensors:
            shape = ([-1] if config.max_batch_size > 0 else []) + list(tensor.dims)
            described.add(name=tensor.name, datatype=_datatype(tensor.data_type), shape=shape)
    return answer


async def unloaded_config(
    controller: Controller, spec: ModelSpec
) -> service_pb2.ModelConfigResponse:
    """Return the config with the name that Triton fills in."""
    answer = service_pb2.ModelConfigResponse(config=await _config(controller, spec))
    answer.config.name = spec.name
    return answer


async def _config(controller: Controller, spec: ModelSpec) -> model_config_pb2.ModelConfig:
    if spec.known_config is None:
        await controller.touch(spec.name)
    return spec.known_config or spec.config


def _datatype(number: int) -> str:
    name = str(model_config_pb2.DataType.Name(number)).removeprefix(_PREFIX)
    return "BYTES" if name == "STRING" else name
