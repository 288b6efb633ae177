"""What the client of one connection has not taken yet: counted, and watched."""

import asyncio

from greenroom.gateway.held_bytes import HeldBytes


class Unsent:
    """Cuts a connection off whose client takes nothing for `seconds`."""

    def __init__(self, held: HeldBytes, seconds: float) -> None:
        self._held = held
        self._seconds = seconds
        self._key = ""
        self._clock: asyncio.TimerHandle | None = None
        self.bytes = 0
        """As counted; 0 while nearly all has been taken."""

    def pause(self, transport: asyncio.Transport, key: str) -> None:
        """Count what waits for the client, for the API key that asked."""
        self.bytes, self._key = transport.get_write_buffer_size(), key
        self._held.keep(self.bytes, key)
        self._watch(transport, self.bytes)

    def resume(self) -> None:
        """Watch no more: nearly all has been taken, or nobody is there to take it."""
        self._held.give_back(self.bytes, self._key)
        self.bytes = 0
        if self._clock:
            self._clock.cancel()
            self._clock = None

    def _watch(self, transport: asyncio.Transport, left: int) -> None:
        def look() -> None:
            now_left = transport.get_write_buffer_size()
            if now_left < left:
                self._watch(transport, now_left)
            else:
                transport.abort()

        self._clock = asyncio.get_running_loop().call_later(self._seconds, look)
