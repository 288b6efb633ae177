"""Whether anybody still waits for what a model computes; engines ask between two windows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from greenroom.errors import Cancelled

_REQUESTS: ContextVar[Sequence[Any]] = ContextVar("requests", default=())
"""Triton's, of the batch that is run now."""


@contextmanager
def computing_for(requests: Sequence[Any]) -> Iterator[None]:
    """Inside, the engine works for these requests of Triton."""
    token = _REQUESTS.set(requests)
    try:
        yield
    finally:
        _REQUESTS.reset(token)


def stop_if_unwanted() -> None:
    """Raise Cancelled when every request of the batch at hand was cancelled.

    For an engine whose one `run` may last long; outside of one it does nothing.
    """
    requests = _REQUESTS.get()
    if requests and all(request.is_cancelled() for request in requests):
        raise Cancelled("The request was cancelled.")
