"""A walk on models whose answers the test decides."""

import asyncio
import json

import pytest
from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import (
    BackendDied,
    Cancelled,
    DiedMidAnswer,
    GreenroomError,
    ServerDown,
    TritonError,
)
from greenroom.gateway.graph import Graph, Step
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.walk import InferenceRequest, Walk
from greenroom.triton.raw_tensors import InferRequest, given_tensors, infer_response, one_string

FIRST = Step("first", "", {"IN": "IN"}, {"OUT": "MIDDLE"})
LAST = Step("last", "", {"IN": "MIDDLE"}, {"OUT": "OUT"})
UNKNOWN = TritonError("stream 's' is unknown; it has ended, was not pulled.", "INVALID_ARGUMENT")


class Models:
    """`first` answers at once; `last` works in steps and has as many pieces."""

    def __init__(self, pieces=2, room=2):
        self.asked = []
        self.held = HeldBytes(2**20)
        self.room = asyncio.Semaphore(room)
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.errors = {}
        """What an order is answered with."""
        self._left = {}
        self._pieces = pieces

    async def infer(self, asked, metadata=()):
        request = pb.ModelInferRequest.FromString(asked.encoded())
        inputs = dict(
            zip((one.name for one in request.inputs), request.raw_input_contents, strict=True)
        )
        if request.model_name == "first":
            self.asked.append("first")
            return infer_response("first", "1", "", {"OUT": one_string(b"middle")})
        order = json.loads(inputs["STREAM"][4:])
        self.asked.append(order["action"])
        if order["action"] == "next":
            await self.go_on.wait()
        if error := self.errors.pop(order["action"], None):
            raise error
        left = self._left.setdefault(order["id"], self._pieces)
        self._left[order["id"]] = left - (order["action"] == "next")
        report = json.dumps({"final": order["whole"] or left == 1, "seconds": 0.5}).encode()
        return infer_response(
            "last", "1", "", {"STREAM_REPORT": one_string(report), "OUT": one_string(b"piece")}
        )

    def walk(self):
        graph = Graph((FIRST, LAST), ("IN",), (), ("OUT",))
        asked = InferenceRequest("both", graph, {"IN": one_string(b"in")}, {"OUT": {}}, {})
        rooms = {"last": self.room}
        return Walk(asked, self, rooms.get, self.held)

    async def until(self, *asked):
        while self.asked[-len(asked) :] != list(asked):  # noqa: ASYNC110
            await asyncio.sleep(0)


def begun(walk):
    """Begin a stream and return its task and its pieces."""
    running = asyncio.create_task(walk.run(lambda piece, pulled: None))
    return running, walk.pieces(running)


async def test_each_step_is_asked_once_and_a_piece_is_pulled_when_the_last_was_taken():
    models = Models()
    running, pieces = begun(models.walk())
    await models.until("first", "start", "next")
    first = await anext(pieces)
    assert (first.seconds, first.final, models.held.now > 0) == (0.5, False, True)
    assert [one.final async for one in pieces] == [True]
    assert models.asked == ["first", "start", "next", "next"]
    assert (running.done(), models.held.now) == (True, 0)


async def test_nothing_is_pulled_for_who_takes_nothing():
    models = Models(pieces=9)
    running, pieces = begun(models.walk())
    await models.until("next")
    for _ in range(50):
        await asyncio.sleep(0)
    assert models.asked.count("next") == 1
    await anext(pieces)
    for _ in range(50):
        await asyncio.sleep(0)
    assert models.asked.count("next") == 2
    running.cancel()


@pytest.mark.parametrize("when", ["pulling", "waiting to be read"])
async def test_who_leaves_has_the_stream_cancelled_and_its_room_is_free(when):
    models = Models(pieces=9, room=1)
    if when == "pulling":
        models.go_on.clear()
    walk = models.walk()
    running, _ = begun(walk)
    await models.until("next")
    walk.leave()
    await models.until("cancel")
    models.go_on.set()
    with pytest.raises(Cancelled):
        await running
    assert not models.room.locked()


async def test_so_many_answers_of_a_model_are_under_way_and_the_rest_wait():
    models = Models(room=2)
    models.go_on.clear()
    walks = [models.walk() for _ in range(5)]
    wholes = [asyncio.create_task(walk.whole()) for walk in walks]
    await models.until("next", "next")
    for _ in range(50):
        await asyncio.sleep(0)
    assert (models.asked.count("first"), models.asked.count("start")) == (5, 2)
    walks[4].leave()
    models.go_on.set()
    ended = await asyncio.gather(*wholes, return_exceptions=True)
    assert [isinstance(one, Cancelled) for one in ended] == [False] * 4 + [True]
    assert models.asked.count("start") == 4


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (BackendDied("last_0_0"), BackendDied, "died in the middle of its answer"),
        (ServerDown("Triton does not answer."), ServerDown, "in the middle of the answer"),
        (UNKNOWN, ServerDown, "lost this stream"),
        (TritonError("No.", "INTERNAL"), TritonError, "No."),
    ],
)
async def test_what_has_not_begun_can_be_repeated_and_the_rest_ends_visibly(error, before, after):
    models = Models()
    models.errors["next"] = error
    _, pieces = begun(models.walk())
    with pytest.raises(before) as raised:
        await anext(pieces)
    assert not isinstance(raised.value, DiedMidAnswer)
    _, pieces = begun(models.walk())
    await anext(pieces)
    models.errors["next"] = error
    with pytest.raises(GreenroomError, match=after) as raised:
        await anext(pieces)
    assert not isinstance(raised.value, ServerDown)


async def test_a_walk_whose_process_died_goes_anew_from_its_first_step():
    models = Models()
    models.errors["next"] = BackendDied("last_0_0")
    walk = models.walk()
    with pytest.raises(BackendDied):
        await walk.whole()
    assert (await walk.whole()).tensors["OUT"].raw
    assert models.asked == ["first", "start", "next", "first", "start", "next"]


def test_typed_contents_and_raw_ones_are_the_same_tensor():
    request = pb.ModelInferRequest()
    tensor = request.inputs.add(name="X", datatype="INT8", shape=[2])
    tensor.contents.int_contents.extend([-1, 5])
    assert given_tensors(InferRequest(request))["X"].raw == b"\xff\x05"


async def test_who_leaves_while_it_waits_for_its_turn_ends_at_once():
    models = Models(room=1)
    models.go_on.clear()
    first = asyncio.create_task(models.walk().whole())
    await models.until("next")
    second = models.walk()
    waiting = asyncio.create_task(second.whole())
    await models.until("first")
    second.leave()
    with pytest.raises(Cancelled):
        await waiting
    models.go_on.set()
    await first
    assert not models.room.locked()
