"""Every error a user can meet, with its HTTP status and its gRPC code.

A message is one sentence that names the object, the value and the rule. Nothing else
of an exception (no traceback, no repr) leaves the server.
"""

from typing import ClassVar

BROKEN = "Greenroom failed to handle this request; see its log."
"""What a user is told of an exception that nobody foresaw."""


class GreenroomError(Exception):
    """Root of the tree: something on our side went wrong."""

    http_status = 500
    grpc_code = "INTERNAL"
    retry_after: float | None = None
    """Seconds after which asking again makes sense; None: it would not help."""
    reason = "other"
    """The label `reason` of the metrics, where a request is refused with it."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to the answer."""
        return {"Retry-After": f"{self.retry_after:.0f}"} if self.retry_after else {}


class InvalidInput(GreenroomError):
    """The request itself is wrong; sending it again will not help."""

    http_status = 400
    grpc_code = "INVALID_ARGUMENT"


class Unauthenticated(GreenroomError):
    """The caller has no API key, or one that is not known."""

    http_status = 401
    grpc_code = "UNAUTHENTICATED"

    @property
    def headers(self) -> dict[str, str]:
        """How the caller is to show a key."""
        return {"WWW-Authenticate": 'Bearer realm="greenroom"'}


class PermissionDenied(GreenroomError):
    """The caller may not do this."""

    http_status = 403
    grpc_code = "PERMISSION_DENIED"


class UnknownModel(GreenroomError):
    """No model of that name is in the model repositories."""

    http_status = 404
    grpc_code = "NOT_FOUND"


class Conflict(GreenroomError):
    """The model is in a state in which this makes no sense."""

    http_status = 409
    grpc_code = "FAILED_PRECONDITION"


class Cancelled(GreenroomError):
    """Who asked does not want the answer any more."""

    http_status = 499
    grpc_code = "CANCELLED"


class TooSlow(GreenroomError):
    """The request did not arrive within the configured time."""

    http_status = 408
    grpc_code = "DEADLINE_EXCEEDED"

    @property
    def headers(self) -> dict[str, str]:
        """What still comes is not waited for."""
        return {"Connection": "close"}


class TooLarge(GreenroomError):
    """The request has more bytes than the configured bound."""

    http_status = 413
    grpc_code = "RESOURCE_EXHAUSTED"


class NotJson(GreenroomError):
    """A web page sends JSON under another name."""

    http_status = 415
    grpc_code = "INVALID_ARGUMENT"


class DiskFull(GreenroomError):
    """A folder cannot be written: no space, over the quota, read-only; nothing was kept."""

    http_status = 507
    grpc_code = "RESOURCE_EXHAUSTED"


class Unavailable(GreenroomError):
    """Not now: a queue is full, a wait was too long, a model or the server is down."""

    http_status = 503
    grpc_code = "UNAVAILABLE"
    retry_after: float | None = 1.0


class ShuttingDown(Unavailable):
    """The service grants no more leases: it ends."""

    reason = "shutting_down"

    def __init__(self) -> None:
        super().__init__("The service is shutting down.")


class QueueFull(Unavailable):
    """As many requests wait, or bytes are held, as the configuration allows."""

    reason = "queue_full"


class WaitedTooLong(Unavailable):
    """The model did not become ready within max_wait."""

    reason = "waited_too_long"


class DoesNotFit(Unavailable):
    """The GPU, or the configured budget, can never hold these models together."""

    grpc_code = "RESOURCE_EXHAUSTED"
    retry_after = None
    reason = "does_not_fit"


class TransitionFailed(Unavailable):
    """A load, unload, offload or restore that this caller waited for has failed."""

    reason = "transition_failed"


class OutOfMemory(Unavailable, MemoryError):
    """The device or the host has not the memory for this now; asking again may help."""


class ServerDown(Unavailable):
    """Triton does not answer."""


class KeyRefused(Unavailable):
    """Triton does not know the key of its repository API that this controller has."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Triton at {address} refuses the controller's key; set the same GREENROOM_TRITON_KEY "
            "for both."
        )


class BackendDied(Unavailable):
    """The process behind a model died, or was stopped, while it had the request."""

    def __init__(self, instance: str, again: bool = False) -> None:
        more = ", and again when the request was repeated" if again else ""
        super().__init__(
            f"The model process {instance} died while it ran this request{more}; it is being "
            f"restarted."
        )
        self.instance = instance


class DiedMidAnswer(BackendDied):
    """A part of the answer had been sent already, so the request cannot be repeated."""

    def __init__(self, instance: str) -> None:
        super().__init__(instance)
        self.args = (f"The model process {instance} died in the middle of its answer.",)


class TritonError(GreenroomError):
    """Triton's own refusal or failure, with Triton's code.

    The Python backend appends the traceback of what was raised; it is cut off here.
    """

    _HTTP: ClassVar[dict[str, int]] = {
        "INVALID_ARGUMENT": 400,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "UNIMPLEMENTED": 501,
        "UNAVAILABLE": 503,
        "DEADLINE_EXCEEDED": 504,
    }

    def __init__(self, message: str, grpc_code: str) -> None:
        super().__init__(without_traceback(message))
        self.grpc_code = grpc_code
        self.http_status = self._HTTP.get(grpc_code, 500)


def as_details(sentence: str) -> str:
    """What gRPC can carry in the details of a status, and else ends the call for.

    They are metadata, of which clients take 8 KiB, with three bytes for each that is not printable.
    """
    longest = 2500 if sentence.isascii() else 600
    return sentence if len(sentence) <= longest else f"{sentence[:longest]}..."


def without_traceback(message: str) -> str:
    """What a Python backend said, without the traceback that it appends."""
    return message.split("\n\nAt:\n", 1)[0]


class SetupError(GreenroomError):
    """The machine or the configuration lacks something; the message says how to mend it."""


class PullFailed(GreenroomError):
    """A checkpoint could not be fetched."""


class SourceUnreachable(PullFailed):
    """A hub does not answer, or its connection breaks; another one may help."""
