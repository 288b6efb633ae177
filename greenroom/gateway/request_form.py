"""What the log may tell of an infer request, and by which bytes the same one is known again."""

from collections.abc import Callable

from starlette.requests import Request
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.suspects import RequestForm, shown
from greenroom.gateway.json_head import JsonHead
from greenroom.grpc_types import Context


def json_form(request: Request, head: JsonHead, body: bytes) -> RequestForm:
    client = request.client.host if request.client else "nowhere"
    inputs = [one for one in head.json.get("inputs", ()) if isinstance(one, dict)]
    described = [(one.get("name"), one.get("datatype"), one.get("shape", ())) for one in inputs]
    return RequestForm(client, lambda: shown(described), _without(body, head.json.get("id")))


def message_form(context: Context, parsed: pb.ModelInferRequest, request: bytes) -> RequestForm:
    def tensors() -> str:
        return shown((one.name, one.datatype, one.shape) for one in parsed.inputs)

    return RequestForm(context.peer(), tensors, _without(request, parsed.id))


def _without(body: bytes, identity: object) -> Callable[[], bytes]:
    """Two requests that differ in nothing but their id are the same."""

    def content() -> bytes:
        name = identity.encode(errors="replace") if isinstance(identity, str) else b""
        return body.replace(name, b"", 1) if name else body

    return content
