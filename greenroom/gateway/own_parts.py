"""Leaves out of a model's metadata and config what is between Greenroom and the model.

A client that asks what a model takes would else send it, or take the model for one of sequences.
"""

from typing import Any

from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as pb

from greenroom.gateway.graph import OWN_TENSORS
from greenroom.managed.stream_order import STREAM_INPUT

_SCHEDULING = "sequence_batching"


def without_own_metadata(answer: pb.ModelMetadataResponse) -> pb.ModelMetadataResponse:
    _leave_out(answer.inputs)
    _leave_out(answer.outputs)
    return answer


def without_own_config(config: model_config_pb2.ModelConfig) -> model_config_pb2.ModelConfig:
    if _has_orders(one.name for one in config.input):
        config.ClearField(_SCHEDULING)
    _leave_out(config.input)
    _leave_out(config.output)
    return config


def without_own_json(shown: dict[str, Any]) -> dict[str, Any]:
    """Of metadata, or of a config, as Triton's HTTP shows it."""
    if _has_orders(one.get("name") for one in shown.get("input", ())):
        shown.pop(_SCHEDULING, None)
    for field in ("input", "output", "inputs", "outputs"):
        if field in shown:
            shown[field] = [one for one in shown[field] if one.get("name") not in OWN_TENSORS]
    return shown


def _has_orders(names: Any) -> bool:
    return STREAM_INPUT in names


def _leave_out(tensors: Any) -> None:
    kept = [one for one in tensors if one.name not in OWN_TENSORS]
    if len(kept) < len(tensors):
        del tensors[:]
        tensors.extend(kept)
