"""A client may not send the control input, however it writes it."""

import gzip
import json
import tracemalloc
import zlib

import pytest

from greenroom.errors import InvalidInput, PermissionDenied, TooLarge
from greenroom.gateway.control_guard import refuse_control
from greenroom.gateway.json_head import json_part, read_json


def uncounted(size):
    """Take note of no copy."""


def request(*names):
    return json.dumps({"inputs": [{"name": name, "shape": [1, 1]} for name in names]}).encode()


def test_a_request_without_it_passes():
    refuse_control(["AUDIO", "TEXT"])
    read_json(request("AUDIO", "TEXT"))


def test_the_refusal_says_what_to_do_instead():
    with pytest.raises(PermissionDenied, match=r"Input RESIDENCY is reserved.*POST /residency/"):
        refuse_control(["AUDIO", "RESIDENCY"])


def test_the_input_by_which_the_gateway_pulls_is_kept_too():
    with pytest.raises(PermissionDenied, match="Input STREAM is reserved for the gateway"):
        refuse_control(["TEXT", "STREAM\0"])
    read_json(request("STREAMS", "stream"))


@pytest.mark.parametrize(
    "text",
    [
        request("AUDIO", "STREAM"),
        request("AUDIO", "RESIDENCY"),
        rb'{"inputs": [{"name": "\u0052ESIDENCY"}]}',
        rb'{"inputs": [{"\u006eame": "RESIDENCY"}]}',
        b'{"inputs": [{"name": "RESIDENCY", "name": "AUDIO"}]}',
        b'{"inputs": [{"name": "AUDIO", "name": "RESIDENCY"}]}',
        b'{"inputs": [{"name": "RESIDENCY"}], "inputs": []}',
        b'{"inputs": [], "inputs": [{"name": "RESIDENCY"}]}',
        b'{"RESIDENCY": "{}", "text_input": "as generate has it"}',
    ],
    ids=[
        "stream",
        "plain",
        "escaped",
        "escaped key",
        "first",
        "second",
        "inputs 1",
        "inputs 2",
        "generate",
    ],
)
def test_it_is_found_however_it_is_written(text):
    with pytest.raises(PermissionDenied):
        read_json(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"inputs": [{"name": "TEXT", "data": ["the RESIDENCY of a model"]}]}',
        b'{"inputs": [{"name": "TEXT", "data": ["RESIDENCY"]}]}',
        rb'{"inputs": [{"name": "TEXT", "data": ["\u0052ESIDENCY"]}]}',
        b'{"id": "RESIDENCY", "inputs": []}',
    ],
)
def test_the_word_as_content_passes(text):
    read_json(text)


@pytest.mark.parametrize("text", [b"RESIDENCY", b'{"RESIDENCY": ', b"\\", b"\xff RESIDENCY"])
def test_what_could_hide_it_and_is_no_json_is_invalid(text):
    with pytest.raises(InvalidInput, match="not JSON"):
        read_json(text)


@pytest.mark.parametrize("counts_data", [False, True])
@pytest.mark.parametrize("name", [b"RESIDENCY", b"data"])
@pytest.mark.parametrize("depth", [64, 900, 100_000])
def test_json_nested_too_deeply_is_invalid(name, depth, counts_data):
    with pytest.raises(InvalidInput, match="nested too deeply"):
        read_json(b'{"%s": %s}' % (name, b"[1," * depth + b"[2]" + b"]" * depth), counts_data)


@pytest.mark.parametrize("counts_data", [False, True])
def test_json_as_deep_as_any_shape_is_read(counts_data):
    read_json(b'{"data": %s}' % (b"[1,[]," * 32 + b"[2]" + b"]" * 32), counts_data)


def test_without_a_header_length_all_of_the_body_is_json():
    assert json_part(b'{"a": 1}', None, None, 100, uncounted) == (b'{"a": 1}', 8)


def test_the_header_length_parts_json_from_tensors():
    assert json_part(b'{"a": 1}\x00\x01', "8", None, 100, uncounted) == (b'{"a": 1}', 10)


@pytest.mark.parametrize("length", ["9", "-1", "many", "", "8.0", "0x8", "8 "])
def test_a_header_length_that_can_not_be_is_named_with_the_rule(length):
    with pytest.raises(InvalidInput) as caught:
        json_part(b'{"a": 1}', length, None, 100, uncounted)
    assert f"Inference-Header-Content-Length is {length!r}" in str(caught.value)
    assert str(caught.value).endswith("up to the body's length, 8.")


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)],
)
def test_a_packed_body_is_unpacked_first(encoding, pack):
    assert json_part(pack(b'{"a": 1}\x00'), "8", encoding, 100, uncounted) == (b'{"a": 1}', 9)


@pytest.mark.parametrize("length", ["9", "many"])
def test_a_header_length_that_can_not_be_is_named_of_a_packed_body_too(length):
    with pytest.raises(InvalidInput, match=f"Inference-Header-Content-Length is {length!r}"):
        json_part(gzip.compress(b'{"a": 1}'), length, "gzip", 100, uncounted)


def test_identity_is_no_encoding():
    assert json_part(b"{}", None, "identity", 100, uncounted) == (b"{}", 2)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate;q=1"])
def test_another_encoding_is_refused_by_name(encoding):
    with pytest.raises(InvalidInput, match="Content-Encoding is"):
        json_part(b"{}", None, encoding, 100, uncounted)


def test_a_body_that_is_not_packed_as_it_says_is_invalid():
    with pytest.raises(InvalidInput, match="not gzip, although Content-Encoding says so"):
        json_part(b"{}", None, "gzip", 100, uncounted)


def test_a_bomb_is_unpacked_no_further_than_the_bound():
    bomb = gzip.compress(bytes(50 * 2**20))
    assert len(bomb) < 10**6
    with pytest.raises(TooLarge, match=r"max_request_bytes \(1000\)"):
        json_part(bomb, None, "gzip", 1000, uncounted)
    with pytest.raises(TooLarge, match=r"JSON of the body has more than \d+ bytes when unpacked"):
        json_part(bomb, None, "gzip", 10**8, uncounted)


def test_what_follows_the_json_is_not_kept():
    packed = gzip.compress(b"{}" + bytes(50 * 2**20))
    tracemalloc.start()
    assert json_part(packed, "2", "gzip", 10**8, uncounted) == (b"{}", 50 * 2**20 + 2)
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


def test_json_of_too_many_values_is_refused_but_numbers_are_not_values():
    with pytest.raises(InvalidInput, match="more than 250,000 commas and brackets"):
        read_json(b'{"inputs": [' + b"[]," * 250_000 + b"[]]}")
    read_json(b'{"inputs": [{"name": "A", "data": [' + b"1," * 300_000 + b"1]}]}", True)


def test_a_body_of_exactly_the_bound_passes():
    assert json_part(gzip.compress(bytes(1000)), None, "gzip", 1000, uncounted)[1] == 1000


def test_a_second_packed_part_is_not_read_because_triton_does_not_read_it():
    packed = gzip.compress(request("AUDIO")) + gzip.compress(request("RESIDENCY"))
    assert json_part(packed, None, "gzip", 1000, uncounted)[0] == request("AUDIO")
