"""Which shared memory clients may register with Triton: none, or what is named as theirs.

Triton maps whatever it is told to, its own regions too: who writes there controls it. Those begin
with ``greenroom-`` and 12 hexadecimal digits (`greenroom.triton.region_prefix`).
"""

import re

from greenroom.errors import InvalidInput, PermissionDenied

_CLIENTS_KEY = re.compile(r"/?greenroom-client-[A-Za-z0-9._-]{1,200}")
_MOST_BYTES = 2**62


class ClientRegions:
    """Checks what a client wants to register."""

    def __init__(self, allowed: bool) -> None:
        self._allowed = allowed

    def check_cuda(self) -> None:
        """Raise PermissionDenied if shared memory is off."""
        if not self._allowed:
            raise PermissionDenied(
                "Shared memory of clients is off; GREENROOM_SHARED_MEMORY=true switches it on."
            )

    def check_system(self, key: object, *numbers: object) -> None:
        """Check a region by its key and its numbers. Raises PermissionDenied, InvalidInput."""
        self.check_cuda()
        if not isinstance(key, str) or not _CLIENTS_KEY.fullmatch(key):
            raise PermissionDenied(
                f"Shared memory key {str(key)[:60]!r} is refused; it must be greenroom-client- "
                f"followed by letters, digits, '.', '_' or '-'."
            )
        for number in numbers:
            if type(number) is not int or not 0 <= number <= _MOST_BYTES:
                raise InvalidInput(
                    f"Shared memory {key}: offset and byte_size must be numbers of bytes up to "
                    "2**62."
                )
