"""Bytes of an open file."""

import os
from dataclasses import dataclass
from pathlib import Path

from greenroom.errors import SetupError


@dataclass(frozen=True)
class FilePart:
    """`size` bytes from byte `begin` on."""

    path: Path
    descriptor: int
    begin: int
    size: int

    def part(self, begin: int, size: int) -> "FilePart":
        """Some of these bytes."""
        return FilePart(self.path, self.descriptor, self.begin + begin, size)

    def read_into(self, buffer: memoryview) -> None:
        """Fill a buffer of this size. SetupError if the file ends before."""
        offset = self.begin
        while buffer:
            got = os.preadv(self.descriptor, [buffer], offset)
            if not got:
                raise self.ended(offset)
            buffer, offset = buffer[got:], offset + got

    def ended(self, offset: int) -> SetupError:
        """The file has become shorter than its header says."""
        return SetupError(f"checkpoint {self.path} ends at byte {offset}, too early.")
