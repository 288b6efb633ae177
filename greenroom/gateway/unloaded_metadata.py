"""Metadata and config of a model that is not loaded.

They come from its config.pbtxt, or from what Triton made of it when it was loaded last. An
incomplete one that has never been loaded is loaded for them.
"""

from tritonclient.grpc import model_config_pb2, service_pb2

from greenroom.controller.controller import Controller
from greenroom.gateway.own_parts import without_own_config, without_own_metadata
from greenroom.triton.model_metadata import metadata
from greenroom.triton.repository import ModelSpec


def spec_of(controller: Controller, model: str, version: str) -> ModelSpec | None:
    """None if the repositories have not got it in that version; the empty one means any."""
    spec = controller.repository.models.get(model) if controller.knows(model) else None
    if spec is None or not spec.versions:
        return None
    return spec if version in ("", *spec.versions) else None


async def unloaded_metadata(
    controller: Controller, spec: ModelSpec
) -> service_pb2.ModelMetadataResponse:
    """As the gateway answers for the loaded model."""
    return without_own_metadata(metadata(spec, await _config(controller, spec)))


async def unloaded_config(
    controller: Controller, spec: ModelSpec
) -> service_pb2.ModelConfigResponse:
    """With the name that Triton fills in."""
    answer = service_pb2.ModelConfigResponse(config=await _config(controller, spec))
    answer.config.name = spec.name
    without_own_config(answer.config)
    return answer


async def _config(controller: Controller, spec: ModelSpec) -> model_config_pb2.ModelConfig:
    if spec.known_config is None:
        await controller.touch(spec.name)
    return spec.known_config or spec.config
