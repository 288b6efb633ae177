"""The gRPC service as Ray wants it named: importable by the modules that its messages name.

tritonclient's generated messages say that they come from the modules `service_pb2` and
`model_config_pb2`, which nobody can import: Ray pickles messages by that name.
"""

import sys
from typing import Any

from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

for _module in (service_pb2, model_config_pb2):
    for _message in vars(_module).values():
        _name = getattr(_message, "__module__", None)
        if isinstance(_name, str) and _name.endswith("_pb2"):
            sys.modules.setdefault(_name, _module)


def add_to_server(servicer: Any, server: Any) -> None:
    """What `grpc_servicer_functions` names."""
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
