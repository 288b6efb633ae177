"""API keys: who may ask this service, and for what.

Keys are written ``scope:key``, one a line or with commas between, in GREENROOM_API_KEYS and in the
file GREENROOM_API_KEYS_FILE; ``#`` begins a comment. They are read once, at the start. In memory
there are only their digests, so nothing can print one.
"""

import hmac
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from greenroom.addresses import is_loopback
from greenroom.errors import PermissionDenied, SetupError, Unauthenticated
from greenroom.settings import Settings

MAKE_ONE = '(umask 077; echo "admin:$(head -c 32 /dev/urandom | base64)" > api.keys)'
"""The shell command that makes a file with a new key."""
_ENTRY = re.compile(r"(inference|admin):([A-Za-z0-9._~+/-]{16,}=*)")
"""A scope and a token as RFC 6750 has it for the Authorization header."""


class Scope(StrEnum):
    """What a key is good for."""

    INFERENCE = "inference"
    ADMIN = "admin"

    def covers(self, needed: "Scope") -> bool:
        """Admin includes inference."""
        return self is Scope.ADMIN or self is needed


@dataclass(frozen=True)
class ApiKeys:
    """The keys of a service; without any, everybody may do everything."""

    _digests: tuple[tuple[bytes, Scope], ...] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def check(self, authorization: str | None, needed: Scope, call: str) -> str:
        """Of the value of an Authorization header; returns if it allows a call of this scope.

        Names the key, by nothing of its content; empty for the only one. Every key is compared,
        each in constant time. Raises Unauthenticated, PermissionDenied.
        """
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "This server needs an API key: send it as Authorization: Bearer KEY. The command "
                "line takes it from GREENROOM_API_KEY."
            )
        given = _digest(key.strip())
        held = [
            (number, scope)
            for number, (known, scope) in enumerate(self._digests)
            if hmac.compare_digest(known, given)
        ]
        if not held:
            raise Unauthenticated("This API key is not valid here.")
        if not any(scope.covers(needed) for _, scope in held):
            raise PermissionDenied(
                f"{call} needs an API key with the scope {needed}; this key has {held[0][1]}."
            )
        return str(held[0][0]) if len(self._digests) > 1 else ""

    def count(self, scope: Scope) -> int:
        """Keys of exactly this scope."""
        return sum(one is scope for _, one in self._digests)


def api_keys(settings: Settings) -> ApiKeys:
    """Read the keys of a service.

    Raises SetupError for a file that cannot be read or an entry that is none, and when other
    machines can reach the gateway but no key is configured.
    """
    found: list[tuple[bytes, Scope]] = []
    if settings.api_keys is not None:
        found += _read(settings.api_keys.get_secret_value(), "GREENROOM_API_KEYS")
    if settings.api_keys_file is not None:
        found += _read(_content(settings.api_keys_file), str(settings.api_keys_file))
    if not found and not is_loopback(settings.host):
        raise SetupError(
            f"GREENROOM_HOST is {settings.host}, so other machines can reach the gateway, and no "
            f"API key is configured; make one with {MAKE_ONE} and set "
            "GREENROOM_API_KEYS_FILE=api.keys."
        )
    return ApiKeys(tuple(found))


def known_key(settings: Settings) -> str:
    """One of the configured keys, for a process that asks its own service; there must be one."""
    if settings.api_keys is not None:
        source = settings.api_keys.get_secret_value(), "GREENROOM_API_KEYS"
    else:
        assert settings.api_keys_file is not None, "there are keys"
        source = _content(settings.api_keys_file), str(settings.api_keys_file)
    return next(key for _, key in _entries(*source))


def exposed(settings: Settings) -> str | None:
    """A sentence if every user of this machine can read the file of keys."""
    path = settings.api_keys_file
    if path is None or not path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        return None
    return f"Every user of this machine can read or write the API keys in {path}; chmod 600 {path}."


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SetupError(
            f"GREENROOM_API_KEYS_FILE is {path}, which cannot be read: {reason}; "
            f"make one with {MAKE_ONE}."
        ) from None


def _read(text: str, source: str) -> list[tuple[bytes, Scope]]:
    """Digests and scopes; an error names the line, for its content may be a key."""
    found = [(_digest(key), scope) for scope, key in _entries(text, source)]
    if not found:
        raise SetupError(f"{source} contains no API key; make one with {MAKE_ONE}.")
    return found


def _entries(text: str, source: str) -> Iterator[tuple[Scope, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for entry in filter(None, map(str.strip, line.partition("#")[0].split(","))):
            match = _ENTRY.fullmatch(entry)
            if match is None:
                raise SetupError(
                    f"Line {number} of {source} is not an API key; it must be inference:KEY or "
                    "admin:KEY, KEY at least 16 of A-Z a-z 0-9 . _ ~ + / - and = at its end."
                )
            yield Scope(match[1]), match[2]


def _digest(key: str) -> bytes:
    return sha256(key.encode(errors="replace")).digest()
