"""Traces of requests and of what they wait for, in OpenTelemetry's form; off by default."""

import logging
from collections.abc import Mapping

from greenroom.tracing.traces import Span, Traces, endpoint

__all__ = ["Span", "Traces", "endpoint", "traces"]

logger = logging.getLogger(__name__)


def traces(environment: Mapping[str, str]) -> Traces:
    """Makes spans if there is somewhere to send them to."""
    url = endpoint(environment)
    if url is None:
        return Traces()
    try:
        from greenroom.tracing.otlp import OtlpTraces
    except ImportError as missing:
        logger.warning(
            "Traces cannot be sent to %s, because %s is not installed: pip install "
            "'greenroom[tracing]'",
            url,
            missing.name,
        )
        return Traces()
    return OtlpTraces(url)
