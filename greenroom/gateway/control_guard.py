"""Keeps Greenroom's own inputs, RESIDENCY and STREAM, from clients."""

from collections.abc import Iterable

from greenroom.errors import PermissionDenied
from greenroom.managed.stream_order import STREAM_INPUT
from greenroom.residency.control import RESIDENCY_INPUT

_INSTEAD = {
    RESIDENCY_INPUT: "the controller; use POST /residency/{model}/{load|offload|restore|unload}",
    STREAM_INPUT: "the gateway, which fetches streams with it; leave it out",
}


def refuse_control(names: Iterable[str]) -> None:
    """Raise PermissionDenied if one of the input names is one of Greenroom's own.

    Triton reads a name only up to its first NUL.
    """
    for name in names:
        plain = name.partition("\0")[0]
        if plain in _INSTEAD:
            raise PermissionDenied(f"Input {plain} is reserved for {_INSTEAD[plain]}.")
