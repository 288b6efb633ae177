"""Events of Wyoming as they come, each of a bounded size."""

import asyncio
from dataclasses import dataclass

from wyoming.event import Event, async_read_event

LINE_BYTES = 64 * 1024
"""Of an event's JSON line; also StreamReader's limit."""
FRAME_BYTES = 2**20
"""Of what follows a line: its data, or the sound of half a minute."""
IDLE_SECONDS = 300.0
"""Without an event, after which a connection is closed."""
_WATCHER = b"GET "


class BadFrame(Exception):
    """What came is no event; the message says why."""


class HttpProbe(Exception):
    """An HTTP client looks whether the server is there."""


@dataclass(frozen=True)
class FrameReader:
    """Reads one connection; it is wyoming's reader that asks for lines and bytes."""

    reader: asyncio.StreamReader

    async def next(self) -> Event | None:
        """None at the end. Raises BadFrame, TimeoutError, HttpProbe."""
        await asyncio.sleep(0)  # what has come already would be read without a turn for others
        async with asyncio.timeout(IDLE_SECONDS):
            try:
                event = await async_read_event(self)  # type: ignore[arg-type]
            except asyncio.IncompleteReadError:
                return None
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                raise BadFrame("The event is not a JSON object with a type.") from None
        if event is None:
            if self.reader.at_eof():
                return None
            raise BadFrame("The event is not a line of JSON.")
        if not isinstance(event.type, str) or not isinstance(event.data, dict):
            raise BadFrame("The event is not a JSON object with a type and data.")
        return event

    async def readline(self) -> bytes:
        try:
            line = await self.reader.readline()
        except ValueError:
            raise BadFrame(f"An event's line has more than {LINE_BYTES} bytes.") from None
        if line.startswith(_WATCHER):
            raise HttpProbe
        return line

    async def readexactly(self, size: int) -> bytes:
        if not isinstance(size, int) or size > FRAME_BYTES:
            raise BadFrame(f"An event brings {size} bytes; it may bring {FRAME_BYTES}.")
        return await self.reader.readexactly(size)
