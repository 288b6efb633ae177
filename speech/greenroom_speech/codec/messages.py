"""What the gateway and the process of one file say to each other over their socket.

The process of a file first says BEGUN.

Reading: a Head follows; then each byte from the gateway asks for a window, which
is a Head with the number of its samples and after it the samples, float32. The last has 0 samples.

Writing: the gateway sends PIECE, the number of samples, and after it the samples, float32; the
process answers each with ENCODED, the number of bytes, and after it the bytes. The last has 0
samples.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar

BEGUN = b"b"
NEXT = b"n"
PIECE = struct.Struct("<Q")
ENCODED = struct.Struct("<Q")


@dataclass(frozen=True)
class Head:
    """The beginning of each of the process's messages while it reads."""

    kind: int
    rate: int = 0
    size: int = 0
    """Samples of a window or, of a refusal, bytes of the text that follow; of an open file the
    samples that it says it has, 0 if it does not say.
    """

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
