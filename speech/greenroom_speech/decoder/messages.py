"""What the gateway and the process of one file say to each other over their socket.

The process begins with a Head; then each byte from the gateway asks for a window, which is a
Head with the number of its samples and after it the samples, float32. The last has 0 samples.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar

NEXT = b"n"


@dataclass(frozen=True)
class Head:
    """The beginning of each of the process's messages."""

    kind: int
    rate: int = 0
    size: int = 0
    """Samples or, of a refusal, bytes of the text that follow."""

    OPENED: ClassVar[int] = 1
    WINDOW: ClassVar[int] = 2
    NO_SOUND: ClassVar[int] = 3
    TOO_LONG: ClassVar[int] = 4
    BROKEN: ClassVar[int] = 5
    """Nobody foresaw it; what follows is for the log."""
    FORM: ClassVar[struct.Struct] = struct.Struct("<BIQ")

    def packed(self) -> bytes:
        return self.FORM.pack(self.kind, self.rate, self.size)

    @classmethod
    def unpacked(cls, content: bytes) -> "Head":
        return cls(*cls.FORM.unpack(content))
