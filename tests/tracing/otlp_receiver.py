"""A receiver of traces: OTLP over HTTP, as an OpenTelemetry collector takes them."""

import asyncio
import base64
import re
from dataclasses import dataclass, field

from aiohttp import web
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    begin: int
    end: int
    failed: bool
    why: str
    attributes: dict = field(compare=False, hash=False)
    links: tuple = ()


class Receiver:
    """Keeps every span that comes; an async context manager."""

    def __init__(self):
        self.spans = []
        self._came = asyncio.Event()

    async def __aenter__(self):
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *raised):
        await self._runner.cleanup()

    async def span(self, name, attributes=None, **fields):
        """Wait for a span of that name with these attributes and fields, and return it."""
        wanted = (attributes or {}).items()
        while True:
            for span in self.spans:
                fits = all(getattr(span, field) == value for field, value in fields.items())
                if span.name == name and fits and span.attributes.items() >= wanted:
                    return span
            self._came.clear()
            await self._came.wait()

    def of(self, trace):
        return [span for span in self.spans if span.trace == trace]

    async def _take(self, request):
        sent = _export(await request.read(), request.content_type)
        for resource in sent.resource_spans:
            service = _plain(resource.resource.attributes).get("service.name", "")
            for scope in resource.scope_spans:
                self.spans += [_span(service, span) for span in scope.spans]
        self._came.set()
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


def _export(body, content_type):
    """Read either form; JSON has ids in hex where protobuf's own JSON has base64."""
    if content_type != "application/json":
        return ExportTraceServiceRequest.FromString(body)
    based = re.sub(
        rb'("(?:traceId|spanId|parentSpanId)" *: *")([0-9a-f]+)(?=")',
        lambda found: found[1] + base64.b64encode(bytes.fromhex(found[2].decode())),
        body,
    )
    return json_format.Parse(based, ExportTraceServiceRequest(), ignore_unknown_fields=True)


def _span(service, span):
    return Span(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == 2,
        span.status.message,
        _plain(span.attributes),
        tuple(link.span_id.hex() for link in span.links),
    )


def _plain(attributes):
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }
