"""What an engine counts, for Triton's metrics port."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Counted:
    """Numbers that only grow; an engine that has some names them in its attribute ``counted``."""

    name: str
    """Of the metric."""
    description: str
    label: str
    """What the keys of ``values`` are called."""
    values: Mapping[str, int]
    """The engine adds to it."""
