"""What a request that Ray routes asks for: the one place that touches Ray's private types.

The router API is alpha, and says of a request only its route's prefix; path and message are in its
first argument. `tests/fleet` tries this with the installed Ray.
"""

import pickle
from typing import Any

import grpc
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, gRPCStatusError

from greenroom.fleet.directory import Directory, RequestNeeds

VIEW = "view"
"""The replica's method whose first argument is the id of the replica that is asked."""


def asked_of(pending: Any, directory: Directory) -> RequestNeeds:
    """Of a PendingRequest; one of a kind that is not known asks for nothing in particular."""
    metadata = pending.metadata
    if metadata.call_method == VIEW:
        return RequestNeeds(replica=pending.args[0])
    given = pending.args[0] if pending.args else None
    if isinstance(given, bytes):  # by the proxy of this cluster, never by a client
        given = pickle.loads(given)
    if (scope := getattr(given, "asgi_scope", None)) is not None:
        return directory.of_path(scope["path"], scope.get("query_string", b""))
    if (context := metadata.grpc_context) is not None:
        said = {str(key): str(value) for key, value in context.invocation_metadata()}
        return directory.of_message(getattr(given, "user_request_proto", None), said)
    return RequestNeeds()


class ReplicaDied(BackPressureError):
    """The one error that Ray's HTTP proxy answers with 503 and Retry-After, said of a death.

    Ray itself makes it 500. It cannot send the request elsewhere: its body has been taken.
    """

    def __init__(self) -> None:
        super().__init__(0, 0, 503, 1.0)
        self._message = "The replica that had the request has died; send the request again."


def answer_for_the_dead(result: Any, metadata: Any) -> None:
    """If the replica dies before the first part of its answer, `result` raises what says so."""
    kind = type(result)

    class Answered(kind):  # type: ignore[misc,valid-type]
        begun = False

        async def __anext__(self) -> Any:
            try:
                part = await super().__anext__()
            except RayActorError as error:
                if self.begun:
                    raise
                raise _said_of_death(error, metadata) from None
            self.begun = True
            return part

        async def get_async(self) -> Any:
            try:
                return await super().get_async()
            except RayActorError as error:
                raise _said_of_death(error, metadata) from None

    result.__class__ = Answered


def _said_of_death(error: RayActorError, metadata: Any) -> Exception:
    died = ReplicaDied()
    if metadata.grpc_context is None:
        return died
    told: Exception = gRPCStatusError(died, grpc.StatusCode.UNAVAILABLE, str(died))
    return told
