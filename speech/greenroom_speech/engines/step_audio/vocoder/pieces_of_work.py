"""Computations that can be left off between two pieces and gone on with later."""

from collections.abc import Generator
from typing import TypeVar

from torch import Tensor

Result = TypeVar("Result")
Work = Generator[None, None, Tensor]
"""Each ``next`` does one piece: a pass of the encoder, an Euler step or a window of HiFT; the last
one returns the result."""


def finished(work: Generator[None, None, Result]) -> Result:
    """Do all of it now."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
