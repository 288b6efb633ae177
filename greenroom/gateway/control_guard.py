"""Keeps the RESIDENCY control input for the controller: a client may not send it."""

from collections.abc import Iterable

from greenroom.errors import Refused
from greenroom.residency.control import RESIDENCY_INPUT


def refuse_control(names: Iterable[str]) -> None:
    """Raise Refused if one of the input names is the control input.

    Triton reads a name only up to its first NUL.
    """
    if any(name.partition("\0")[0] == RESIDENCY_INPUT for name in names):
        raise Refused(
            f"Input {RESIDENCY_INPUT} is reserved for the controller; "
            "use POST /residency/{model}/{load|offload|restore|unload}."
        )
