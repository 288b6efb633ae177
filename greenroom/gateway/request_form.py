"""What the log may tell of an infer request, and by which bytes the same one is known again.

Two requests that differ in nothing but their id are the same.
"""

import re

from starlette.requests import Request
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.suspects import RequestForm, shown
from greenroom.gateway.asking import KEY
from greenroom.gateway.json_head import JsonHead
from greenroom.grpc_types import Context

_ID = re.compile(rb'"id"\s*:\s*"(?:[^"\\]|\\.)*"')


def json_form(request: Request, head: JsonHead, body: bytes) -> RequestForm:
    client = request.client.host if request.client else "nowhere"
    inputs = [one for one in head.json.get("inputs", ()) if isinstance(one, dict)]
    described = [(one.get("name"), one.get("datatype"), one.get("shape", ())) for one in inputs]
    return RequestForm(
        client, KEY.get() or client, lambda: shown(described), lambda: _ID.sub(b"", body, 1)
    )


def message_form(context: Context, parsed: pb.ModelInferRequest, request: bytes) -> RequestForm:
    client = context.peer()

    def tensors() -> str:
        return shown((one.name, one.datatype, one.shape) for one in parsed.inputs)

    def content() -> bytes:
        same = pb.ModelInferRequest.FromString(request)
        same.ClearField("id")
        known_by: bytes = same.SerializeToString(deterministic=True)
        return known_by

    return RequestForm(client, KEY.get() or client.rpartition(":")[0], tensors, content)
