"""Keeps a flood of lines that say the same out of the log."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
_PERIOD = 10.0
_MOST = 100
"""Lines in a period that differ in numbers only: an ordinary log never has as many."""
_LONGEST = 4000
"""Characters of a line: an error may tell the megabyte that it is about."""


class FoldedLines:
    """Hands lines on to `say`; of the same ones only the first, and later how many there were.

    A server that has no file left for another connection says so 50,000 times a second.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._seen: Counter[str] = Counter()
        self._end: asyncio.TimerHandle | None = None

    def add(self, line: str) -> None:
        if len(line) > _LONGEST:
            line = f"{line[:_LONGEST]}... ({len(line)} characters)"
        form = _NUMBERS.sub("#", line)
        self._seen[form] += 1
        if self._end is None:
            self._end = asyncio.get_running_loop().call_later(_PERIOD, self.close)
        if self._seen[form] <= _MOST:
            self._say(line)

    def close(self) -> None:
        """Say what has been left out, and begin anew."""
        if self._end:
            self._end.cancel()
            self._end = None
        for form, times in self._seen.items():
            if times > _MOST:
                self._say(f"{times - _MOST} more lines like this in {_PERIOD:g} s: {form}")
        self._seen.clear()
