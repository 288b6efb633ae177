"""Client for a Greenroom server.

The names load when they are first used, so that a command line that only shows its help
does not wait for numpy and tritonclient.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenroom_client.async_client import AsyncClient
    from greenroom_client.client import Client
    from greenroom_client.errors import (
        ConnectionFailed,
        GreenroomClientError,
        InvalidInput,
        MissingExtra,
        NotFound,
        Refused,
        ServerError,
        Timeout,
        Unavailable,
    )
    from greenroom_client.speech import Speech, Transcript

__all__ = [
    "AsyncClient",
    "Client",
    "ConnectionFailed",
    "GreenroomClientError",
    "InvalidInput",
    "MissingExtra",
    "NotFound",
    "Refused",
    "ServerError",
    "Speech",
    "Timeout",
    "Transcript",
    "Unavailable",
]

_MODULES = {
    "AsyncClient": "async_client",
    "Client": "client",
    "Speech": "speech",
    "Transcript": "speech",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
