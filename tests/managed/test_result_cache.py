import numpy as np
import pytest

from greenroom.managed.result_cache import ENTRY_BYTES, ResultCache, digest, tensor_bytes


def tensors(count: int) -> dict[str, np.ndarray]:
    return {"X": np.zeros(count, dtype=np.uint8)}


def cache_of(max_bytes: int) -> ResultCache[dict[str, np.ndarray]]:
    return ResultCache(max_bytes, tensor_bytes)


def never() -> dict[str, np.ndarray]:
    raise AssertionError("it was in the cache")


def test_a_second_request_is_answered_without_computing():
    cache = cache_of(10_000)
    first = cache.get(b"a", lambda: tensors(100))
    assert cache.get(b"a", never) is first
    assert (cache.hits, cache.misses) == (1, 1)


def test_the_least_recently_used_goes_and_the_bound_holds():
    cache = cache_of(2 * (100 + ENTRY_BYTES))
    for key in (b"a", b"b", b"a", b"c"):
        cache.get(key, lambda: tensors(100))
        assert cache.held_bytes <= 2 * (100 + ENTRY_BYTES)
    cache.get(b"a", never)
    with pytest.raises(AssertionError):
        cache.get(b"b", never)


def test_a_result_larger_than_the_cache_is_returned_and_not_kept():
    cache = cache_of(1000)
    assert cache.get(b"big", lambda: tensors(5000))["X"].size == 5000
    assert cache.held_bytes == 0


def test_a_cache_of_no_bytes_keeps_nothing():
    cache = cache_of(0)
    cache.get(b"a", lambda: tensors(1))
    cache.get(b"a", lambda: tensors(1))
    assert (cache.hits, cache.misses) == (0, 2)


def test_an_error_keeps_nothing():
    cache = cache_of(1000)
    with pytest.raises(AssertionError):
        cache.get(b"a", never)
    assert cache.get(b"a", lambda: tensors(1))["X"].size == 1


def test_clear_forgets():
    cache = cache_of(1000)
    cache.get(b"a", lambda: tensors(1))
    cache.clear()
    assert cache.held_bytes == 0
    cache.get(b"a", lambda: tensors(1))
    assert cache.misses == 2


def test_text_is_counted_in_utf8():
    assert tensor_bytes({"T": np.array(["你好"], dtype=np.object_)}) == 6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((np.zeros(4, np.float32),), (np.zeros(2, np.float64),)),
        ((np.zeros((2, 3)),), (np.zeros((3, 2)),)),
        (("ab", "c"), ("a", "bc")),
        ((np.zeros(1),), (np.ones(1),)),
    ],
)
def test_the_digest_tells_inputs_apart(one, other):
    assert digest(*one) != digest(*other)
    assert digest(*one) == digest(*one)
