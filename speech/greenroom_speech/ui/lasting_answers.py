"""Answers that last for as long as somebody listens: nobody may have all of them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope

from greenroom.errors import Unavailable
from greenroom_speech.ui.addresses import network

_OF_PATH, _OF_VISITOR = 4, 32
"""At one time; a browser opens six connections to a host, and some of a tab that was left last."""


class LastingAnswers:
    """At most so many at one time; half of them for an address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def one(self, visitor: str | None, scope: Scope) -> Iterator[None]:
        """Counts one more. Raises Unavailable where there are too many."""
        address = network(scope["client"][0]) if scope["client"] else ""
        path = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
        shares = {
            ("all", ""): self._most,
            ("this address", address): self._most // 2,
            ("this browser", visitor or ""): _OF_VISITOR if visitor else self._most,
            ("this path", path): _OF_PATH,
        }
        for whose, most in shares.items():
            if self._open[whose] >= most:
                raise Unavailable(f"{most} answers to {whose[0]} go on, as many as are allowed.")
        self._open.update(shares.keys())
        try:
            yield
        finally:
            self._open -= Counter(shares.keys())
