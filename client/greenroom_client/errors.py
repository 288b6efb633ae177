"""Every error of this package.

A message is one sentence; where the server refused, it is the server's own.
"""


class GreenroomClientError(Exception):
    """Root of the tree."""


class InvalidInput(GreenroomClientError):
    """The request itself is wrong; sending it again will not help."""


class MissingExtra(GreenroomClientError):
    """This installation lacks what the call needs; the message names the extra."""


class NotFound(GreenroomClientError):
    """The server has no such model or page."""


class Refused(GreenroomClientError):
    """The caller may not do this: no API key, a wrong one, or one without the scope."""


class Unavailable(GreenroomClientError):
    """Not now: a queue is full, a wait was too long, a model or the server is down."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which asking again makes sense; None: the server did not say."""


class Timeout(GreenroomClientError):
    """No answer came in time; the server may still be working on it."""


class ServerError(GreenroomClientError):
    """The server failed, or what it answered makes no sense."""


class ConnectionFailed(GreenroomClientError):
    """The server could not be reached, or the connection broke before the answer."""
