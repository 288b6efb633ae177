"""What Triton tells of a model that it has loaded, made from its config."""

from tritonclient.grpc import model_config_pb2, service_pb2

from greenroom.triton.repository import ModelSpec

_PREFIX = "TYPE_"


def metadata(
    spec: ModelSpec, config: model_config_pb2.ModelConfig
) -> service_pb2.ModelMetadataResponse:
    """Describe the latest version, shapes with the batch dimension."""
    answer = service_pb2.ModelMetadataResponse(
        name=spec.name,
        versions=spec.versions[-1:],
        platform=config.platform or config.backend,
    )
    for tensors, described in ((config.input, answer.inputs), (config.output, answer.outputs)):
        for tensor in tensors:
            shape = ([-1] if config.max_batch_size > 0 else []) + list(tensor.dims)
            described.add(name=tensor.name, datatype=datatype(tensor.data_type), shape=shape)
    return answer


def datatype(number: int) -> str:
    """The name that requests and metadata have for a config's number of a datatype."""
    name = str(model_config_pb2.DataType.Name(number)).removeprefix(_PREFIX)
    return "BYTES" if name == "STRING" else name
