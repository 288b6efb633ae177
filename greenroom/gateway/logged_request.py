"""What is told of one request when it has ended: a line of the request log.

The doors begin it, the leases of the request add to it, whoever runs in its context finds it. One
request may have several leases, such as those of the windows of a long recording, or none, if it
is refused before.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class LoggedRequest:
    """One request; also the leases of one that is told lease by lease (`each`)."""

    id: str
    tell: Callable[["LoggedRequest"], None]
    protocol: str
    model: str | None = None
    start: str | None = None
    """Cold, warm or hot, at its first lease; None: it had no lease."""
    waited: float = 0.0
    """Seconds that its leases were waited for."""
    ran: float = 0.0
    """Seconds of its leases."""
    outcome: str | None = None
    bytes: int = 0
    """Of the answer."""
    each: bool = False
    """Every lease is told by itself, as those of a WebSocket are."""
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it came."""

    def leased(
        self, model: str, start: str | None, waited: float, ran: float, outcome: str
    ) -> None:
        """Add a lease, or the wait for one, that has ended."""
        if self.each:
            one = LoggedRequest(self.id, self.tell, self.protocol)
            one.leased(model, start, waited, ran, outcome)
            one.tell(one)
            return
        self.model = self.model or model
        self.start = self.start or start
        self.waited += waited
        self.ran += ran
        if self.outcome in (None, "served"):
            self.outcome = outcome


LOGGED_REQUEST: ContextVar[LoggedRequest | None] = ContextVar("asked", default=None)
"""The request at hand; its tasks inherit it. None: nobody wants to be told."""
