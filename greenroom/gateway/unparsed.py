"""What one connection has received and nobody has parsed yet: counted while it waits."""

from greenroom.gateway.held_bytes import HeldBytes


class Unparsed:
    """A few kilobytes: while there are some, the connection is not read, or only once more."""

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self._counted = 0
        self.bytes = bytearray()

    def take(self, size: int) -> bytes:
        taken = bytes(self.bytes[:size])
        del self.bytes[:size]
        return taken

    def count(self) -> None:
        """Tell how much waits from now on. What is parsed at once is never told."""
        if more := len(self.bytes) - self._counted:
            self._held.keep(more, "")
            self._counted += more

    def drop(self) -> None:
        self.bytes.clear()
        self.count()
