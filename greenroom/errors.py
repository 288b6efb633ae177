"""Every error a user can meet, with its HTTP status and its gRPC code.

A message is one sentence that names the object, the value and the rule. Nothing else
of an exception (no traceback, no repr) leaves the server.
"""


class GreenroomError(Exception):
    """Root of the tree: something on our side went wrong."""

    http_status = 500
    grpc_code = "INTERNAL"
    retry_after: float | None = None
    """Seconds after which asking again makes sense; None: it would not help."""


class InvalidInput(GreenroomError):
    """The request itself is wrong; sending it again will not help."""

    http_status = 400
    grpc_code = "INVALID_ARGUMENT"


class Refused(GreenroomError):
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


class TooLarge(GreenroomError):
    """The request has more bytes than the configured bound."""

    http_status = 413
    grpc_code = "RESOURCE_EXHAUSTED"


class Unavailable(GreenroomError):
    """Not now: a queue is full, a wait was too long, a model or the server is down."""

    http_status = 503
    grpc_code = "UNAVAILABLE"
    retry_after = 1.0


class QueueFull(Unavailable):
    """As many requests wait, or bytes are held, as the configuration allows."""


class WaitedTooLong(Unavailable):
    """The model did not become ready within max_wait."""


class TransitionFailed(Unavailable):
    """A load, unload, offload or restore that this caller waited for has failed."""


class ServerDown(Unavailable):
    """Triton does not answer."""


class SetupError(GreenroomError):
    """The machine or the configuration lacks something; the message says how to mend it."""
