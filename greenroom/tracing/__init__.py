"""Traces of requests and of what they wait for, in OpenTelemetry's form; off by default."""

from greenroom.tracing.traces import Span, Traces, endpoint, traces

__all__ = ["Span", "Traces", "endpoint", "traces"]
