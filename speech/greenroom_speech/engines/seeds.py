"""Seeds of draws: given, or drawn where a request has none."""

import hashlib
import secrets

import numpy as np

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Array, Tensors

MOST = 2**31
"""Drawn seeds are below it: short enough to be read out, and whole in every JSON number."""


def seed_of(request: Tensors) -> int:
    """``SEED``, or a new one where it is absent: a request without a seed is a new draw."""
    if "SEED" not in request:
        return new_seed()
    values = request["SEED"].reshape(-1)
    if values.size != 1:
        raise InvalidInput(f"SEED has {values.size} values; it must have 1.")
    return int(values[0])


def new_seed() -> int:
    """From 1 to 2**31 - 1."""
    return 1 + secrets.randbelow(MOST - 1)


def draw_seed(seed: int, draw: int) -> int:
    """The seed of draw 0, 1, ... of a seed: the first is the seed itself."""
    if draw == 0:
        return seed
    hashed = hashlib.blake2b(f"{seed} {draw}".encode(), digest_size=8).digest()
    return 1 + int.from_bytes(hashed) % (MOST - 1)


def seed_used(seed: int) -> Array:
    """``SEED_USED``: what gives the same again; 0 where an engine draws nothing."""
    return np.array([seed], np.int64)
