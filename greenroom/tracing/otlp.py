"""Spans by OpenTelemetry's SDK, sent over HTTP by a thread of its own.

What is current is kept in context variables, which every task inherits from the one that made it.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar
from weakref import WeakKeyDictionary

import grpc
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.errors import GreenroomError
from greenroom.grpc_types import Handler
from greenroom.residency.effects import REQUEST, Begin
from greenroom.residency.model import Ticket
from greenroom.residency.states import Residency
from greenroom.tracing.traces import Span, Traces

_Value = TypeVar("_Value")

_W3C = TraceContextTextMapPropagator()
_FAILURES = ("refused", "failed")
_LONGEST_END = 1.0
"""Seconds for the last spans to be sent; nobody may be there to take them."""


class OtlpTraces(Traces):
    """Sends spans to `url`; all else is read by the SDK from its own OTEL_* variables."""

    def __init__(self, url: str) -> None:
        named = Resource({SERVICE_NAME: "greenroom"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url)))
        self._tracer = self._provider.get_tracer("greenroom")
        self._asked_in: WeakKeyDictionary[Ticket, SpanContext] = WeakKeyDictionary()

    def around_http(self, app: ASGIApp) -> ASGIApp:
        """Join the trace that a request's traceparent names."""

        async def joined(scope: Scope, receive: Receive, send: Send) -> None:
            _join(
                (key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"]
            )
            await app(scope, receive, send)

        return joined

    def around_grpc(self, service: grpc.GenericRpcHandler) -> grpc.GenericRpcHandler:
        """Join the trace that a call's traceparent names."""
        return _Joined(service)

    def request(self, model: str, protocol: str) -> AbstractContextManager[Span]:
        return self._span(model, SpanKind.SERVER, {"model": model, "protocol": protocol})

    def wait(self) -> AbstractContextManager[Span]:
        return self._span("wait", SpanKind.INTERNAL, {})

    def infer(self) -> AbstractContextManager[Span]:
        return self._span("infer", SpanKind.CLIENT, {})

    @contextmanager
    def transition(self, begin: Begin, waiting: Iterable[Ticket]) -> Iterator[Span]:
        """Span it as a trace of its own, whoever made the task that runs it."""
        causes = waiting if begin.reason == REQUEST else ()
        token = context.attach(context.Context())
        try:
            with self._span(
                f"{begin.action} {begin.model}",
                SpanKind.INTERNAL,
                {"model": begin.model, "action": begin.action, "reason": begin.reason},
                [Link(self._asked_in[ticket]) for ticket in causes if ticket in self._asked_in],
            ) as span:
                yield span
        finally:
            context.detach(token)

    def passed(self, headers: Iterable[tuple[str, _Value]]) -> Iterable[tuple[str, _Value | str]]:
        """Let the current span be the parent; Triton records whatever has one, sampled or not."""
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return headers
        ours: dict[str, str] = {}
        if current.trace_flags.sampled:
            _W3C.inject(ours)
        return [*(pair for pair in headers if pair[0] not in _W3C.fields), *ours.items()]

    def end(self) -> None:
        """Send the last spans, in a thread that the process does not wait for."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LONGEST_END)

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: dict[str, str], links: Iterable[Link] = ()
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            links=list(links),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _OtlpSpan(span, self._asked_in)
            except GreenroomError as error:
                if error.http_status >= 500:  # else it is the client's mistake
                    span.set_status(Status(StatusCode.ERROR, str(error)))
                raise


class _OtlpSpan(Span):
    def __init__(self, span: trace.Span, asked_in: WeakKeyDictionary[Ticket, SpanContext]) -> None:
        self._span = span
        self._asked_in = asked_in

    def asked(self, ticket: Ticket) -> None:
        if self._span.is_recording():
            self._asked_in[ticket] = self._span.get_span_context()

    def answered(self, outcome: str, start: Residency | None) -> None:
        self._span.set_attribute("outcome", outcome)
        if start is not None:
            self._span.set_attribute("start", start)
        if outcome in _FAILURES:
            self._span.set_status(StatusCode.ERROR)

    def ended(self, error: GreenroomError | None) -> None:
        if error is not None:
            self._span.set_status(Status(StatusCode.ERROR, str(error)))


class _Joined(grpc.GenericRpcHandler):
    """A gRPC service in the traces of its clients."""

    def __init__(self, service: grpc.GenericRpcHandler) -> None:
        self._service = service

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """The call's handler, which runs in the task that asks for it."""
        _join((key, value) for key, value in details.invocation_metadata or ())
        handler: Handler | None = self._service.service(details)
        return handler


def _join(headers: Iterable[tuple[str, object]]) -> None:
    """Let later spans of this task belong to the client's trace; each request is a task."""
    carried = {key: value for key, value in headers if key in _W3C.fields}
    context.attach(_W3C.extract(carried, context.Context()))
