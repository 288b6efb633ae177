"""How long a stream may last while another model waits for the memory."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from greenroom.controller.metrics import Metrics
from greenroom.errors import Unavailable
from greenroom.gateway import stream_watch
from greenroom.gateway.graph import Graph, Step
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.stream_watch import StreamWatch
from greenroom.gateway.walk import InferenceRequest, Walk
from greenroom.residency.states import Residency
from greenroom.triton.raw_tensors import RawTensor, bytes_elements, infer_response, one_string


class Calls:
    """A model whose pieces tell so many seconds and never end; `orders` are what it was asked."""

    def __init__(self, seconds):
        self.orders = []
        self._seconds = seconds

    async def infer(self, request, metadata=()):
        order = json.loads(request.raws[-1][4:])
        self.orders.append(order["action"])
        report = {"id": order["id"], "sequence": 1, "final": False, "seconds": self._seconds}
        text = RawTensor("BYTES", (1, 1), bytes_elements([json.dumps(report).encode()]))
        return infer_response("m", "1", "", {"STREAM_REPORT": text, "OUT": one_string(b"piece")})


@pytest.fixture
def house(monkeypatch):
    """Return a controller with a memory for which somebody waits, and a maker of a watched walk."""
    monkeypatch.setattr(stream_watch, "_LOOK_EVERY", 0)
    house = SimpleNamespace(metrics=Metrics(), wanted=True)
    house.memory_awaited_beside = lambda held: house.wanted
    return house


def watched(house, calls, spare=0.0, untold=0.0):
    """Begin a stream that nobody reads after its first piece."""
    settings = SimpleNamespace(stream_spare_seconds=spare, stream_untold_seconds=untold)
    watch = StreamWatch(house, settings, "m")
    step = Step("m", "", {}, {"OUT": "OUT"})
    asked = InferenceRequest("m", Graph((step,), (), (), ("OUT",)), {}, {"OUT": {}}, {})
    walk = Walk(asked, calls, lambda model: asyncio.Semaphore(), HeldBytes(2**20))

    async def run():
        with watch.over(walk, ("m",)):
            await walk.run(lambda piece, pulled: watch.came(piece, Residency.HOT, 0.0, pulled))

    return asyncio.create_task(run())


@pytest.mark.parametrize(
    ("seconds", "limits"), [(0.0, {"spare": 99.0}), (0.001, {"spare": 0.001, "untold": 99.0})]
)
async def test_it_ends_when_another_model_waits_for_the_memory(house, seconds, limits):
    calls = Calls(seconds)
    with pytest.raises(Unavailable, match="because another model waits for the memory"):
        await watched(house, calls, **limits)
    assert calls.orders == ["start", "next", "cancel"]


@pytest.mark.parametrize(
    ("seconds", "limits"), [(0.0, {"untold": 99.0}), (50.0, {}), (1.0, {"spare": 99.0})]
)
async def test_it_goes_on_as_long_as_it_may(house, seconds, limits):
    running = watched(house, Calls(seconds), **limits)
    assert not (await asyncio.wait((running,), timeout=0.05))[0]
    running.cancel()


async def test_it_goes_on_when_nobody_waits(house):
    house.wanted = False
    calls = Calls(0.0)
    running = watched(house, calls)
    assert not (await asyncio.wait((running,), timeout=0.05))[0]
    house.wanted = True
    with pytest.raises(Unavailable):
        await running
