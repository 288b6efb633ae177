"""What the gateway and the controller tell of while they work; here it comes to nothing.

OpenTelemetry's own variables decide, and what needs its packages is imported only then::

    request --- wait
       ^ '----- infer --- Triton's own spans
       |
       '.. link .. load, restore, offload or unload, each a trace of its own
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import grpc
from starlette.types import ASGIApp

from greenroom.errors import GreenroomError
from greenroom.residency.effects import Begin
from greenroom.residency.model import Ticket
from greenroom.residency.states import Residency

_Value = TypeVar("_Value")


class Span:
    """A span that nobody wants."""

    def asked(self, ticket: Ticket) -> None:
        """Of a wait: this is what waits."""

    def answered(self, outcome: str, start: Residency | None) -> None:
        """Of a request: how it ended, and the `Lease.start` if it had a lease."""

    def ended(self, error: GreenroomError | None) -> None:
        """Of a transition: how it ended."""


_NONE = nullcontext(Span())


class Traces:
    """Makes no spans and leaves everything as it is."""

    def around_http(self, app: ASGIApp) -> ASGIApp:
        """Spans of the application belong to the client's trace."""
        return app

    def around_grpc(self, service: grpc.GenericRpcHandler) -> grpc.GenericRpcHandler:
        """Spans of the service belong to the client's trace."""
        return service

    def request(self, model: str, protocol: str) -> AbstractContextManager[Span]:
        """Span one request to a model, from its arrival to its answer."""
        return _NONE

    def wait(self) -> AbstractContextManager[Span]:
        """Span the wait of a request for its lease."""
        return _NONE

    def infer(self) -> AbstractContextManager[Span]:
        """Span the forwarded call, which goes on when its client has left."""
        return _NONE

    def transition(self, begin: Begin, waiting: Iterable[Ticket]) -> AbstractContextManager[Span]:
        """Span a transition; requests that caused it are among the `waiting` ones."""
        return _NONE

    def passed(self, headers: Iterable[tuple[str, _Value]]) -> Iterable[tuple[str, _Value | str]]:
        """A client's headers as Triton shall get them: its spans belong to ours."""
        return headers

    def end(self) -> None:
        """Send what has not been sent; takes a second at most."""


def endpoint(environment: Mapping[str, str]) -> str | None:
    """The URL to which traces go over HTTP; None without one."""
    if whole := environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return whole
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{base.rstrip('/')}/v1/traces" if base else None
