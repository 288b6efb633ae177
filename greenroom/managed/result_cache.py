"""Results of the last inputs, within a bound of bytes."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

Result = TypeVar("Result")

ENTRY_BYTES = 256
"""What a key and its place in the store take, roughly."""


class ResultCache(Generic[Result]):
    """A least-recently-used store bounded by the bytes of its results.

    Results are shared with the cache: who gets one must not change it. Not for several
    threads. It lives as long as its process.
    """

    def __init__(self, max_bytes: int, size: Callable[[Result], int]) -> None:
        self._size = size
        self._store: LRUCache[bytes, Result] = LRUCache(max_bytes, getsizeof=self._bytes_of)
        self.hits = 0
        self.misses = 0

    @property
    def held_bytes(self) -> int:
        """Never more than the bound."""
        return int(self._store.currsize)

    @property
    def entries(self) -> int:
        return len(self._store)

    def get(self, key: bytes, compute: Callable[[], Result]) -> Result:
        """The result under ``key``, computed and kept where it is missing.

        A result larger than the whole cache is returned without being kept; an exception
        keeps nothing.
        """
        if key in self._store:
            self.hits += 1
            return self._store[key]
        self.misses += 1
        result = compute()
        if self._bytes_of(result) <= self._store.maxsize:
            self._store[key] = result
        return result

    def __contains__(self, key: bytes) -> bool:
        """Whether `get` would compute nothing; it does not count as a hit or miss."""
        return key in self._store

    def clear(self) -> None:
        """Forget every result; the counters go on."""
        self._store.clear()

    def _bytes_of(self, result: Result) -> int:
        return self._size(result) + ENTRY_BYTES


def tensor_bytes(tensors: Mapping[str, npt.NDArray[Any]]) -> int:
    """Text counted in UTF-8."""
    return sum(_array_bytes(array) for array in tensors.values())


def digest(*parts: npt.NDArray[Any] | str) -> bytes:
    """A key over arrays and words; their types, shapes and borders count."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, str):
            body: bytes = part.encode()
            head = f"str:{len(body)};"
        else:
            head = f"{part.dtype.str}:{part.shape};"
            body = np.ascontiguousarray(part).tobytes()
        hasher.update(head.encode())
        hasher.update(body)
    return hasher.digest()


def _array_bytes(array: npt.NDArray[Any]) -> int:
    if array.dtype == np.object_:
        return sum(len(str(item).encode()) for item in array.flat)
    return int(array.nbytes)
