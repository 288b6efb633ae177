"""A stepped model on a scripted Triton, which hands requests over again until they are answered."""

import json
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import scripted_backend

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Memory
from greenroom.managed.stepped_engine import Piece, Row

UNIX_BEGAN = 1_700_000_000.0
"""Unix time at which the clock began."""
OUTPUTS = {"Y": "TYPE_FP32", "STREAM_REPORT": "TYPE_STRING", "RESIDENCY_REPORT": "TYPE_STRING"}


class Count(Row):
    """Counts X down by one each step; every number on the way is a piece."""

    def __init__(self, left):
        self.name = left
        self.left, self.pieces = left, []

    @property
    def ready(self):
        return bool(self.pieces)

    def take(self, whole):
        length = len(self.pieces) if whole else 1
        taken, self.pieces = self.pieces[:length], self.pieces[length:]
        return Piece({"Y": np.array(taken, np.float32)}, 0.5)


class CountEngine:
    """Fails a row at 666, and says what it was asked."""

    name, cache = "count", None

    def __init__(self, settings):
        self.rows, self.steps, self.fails = [], [], {}
        self.after_step = lambda: None
        self.device_bytes = 100

    def begin(self, request, whole):
        left = int(request["X"][0])
        if left < 1:
            raise InvalidInput("X is below 1; it must not be.")
        self.rows.append(Count(left))
        return self.rows[-1]

    def step(self, rows):
        self.steps.append([row.name for row in rows])
        if "step" in self.fails:
            raise self.fails["step"]
        for row in rows:
            assert row in self.rows
            assert not row.done
            assert row.error is None
            if row.left == 666:
                row.error = InvalidInput("666 is not counted.")
                continue
            row.pieces.append(row.left)
            row.left -= 1
            row.done = not row.left
        self.after_step()

    def end(self, row):
        self.rows.remove(row)

    def prime(self):
        """Nothing."""

    def offload(self):
        self.device_bytes = 0

    def restore(self):
        if "restore" in self.fails:
            raise self.fails["restore"]
        self.device_bytes = 100

    def memory(self):
        return Memory(device_bytes=self.device_bytes)

    def close(self):
        assert not self.rows


@dataclass(eq=False)
class StepRequest:
    """A request in Triton's hands."""

    key: int
    tensors: list
    cancelled: bool = False
    response: object = None
    handed: int = 0

    @property
    def y(self):
        assert self.response.error is None, self.response.error
        return self.response.tensors["Y"][0].tolist()

    @property
    def report(self):
        return self._json("STREAM_REPORT")

    @property
    def residency(self):
        return self._json("RESIDENCY_REPORT")

    @property
    def failure(self):
        return self.response.error.code, str(self.response.error)

    def _json(self, name):
        assert self.response.error is None, self.response.error
        return json.loads(self.response.tensors[name][0, 0])


@dataclass
class Hands:
    """Triton's part: it calls execute with all that is not answered."""

    model: object
    pending: list = field(default_factory=list)
    answered: list = field(default_factory=list)
    keys: int = 0

    def ask(self, x=None, **inputs):
        if x is not None:
            inputs["X"] = np.full((1, 1), x, np.float32)
        self.keys += 1
        asked = StepRequest(self.keys, scripted_backend.request(**inputs).inputs())
        self.pending.append(asked)
        return asked

    def stream(self, action, name="s", x=None, **more):
        return self.ask(x, STREAM=json.dumps({"action": action, "id": name, **more}))

    def control(self, action):
        return self.ask(RESIDENCY=json.dumps({"action": action}))

    def execute(self, given=None):
        """Hand over what is pending, each request as an object that was not seen before."""
        given, flags = list(self.pending if given is None else given), {}
        requests = [
            SimpleNamespace(
                inputs=lambda asked=asked: asked.tensors,
                correlation_id=lambda asked=asked: asked.key,
                requested_output_names=list,
                is_cancelled=lambda asked=asked: asked.cancelled,
                set_release_flags=lambda flag, asked=asked: flags.update({asked.key: flag}),
            )
            for asked in given
        ]
        for asked, response in zip(given, self.model.execute(requests), strict=True):
            asked.handed += 1
            if response is None:
                assert flags[asked.key] == scripted_backend.RESCHEDULE
                continue
            assert asked.key not in flags
            asked.response = response
            self.pending.remove(asked)
            self.answered.append(asked)

    def run(self, *until):
        """Execute until these are answered, or all."""
        while any(asked in self.pending for asked in until or self.pending):
            self.execute()


def config(engine="steps_in_hand:CountEngine", iterative=True, rows=None):
    parameters = {"engine": {"string_value": engine}}
    if rows is not None:
        parameters["rows"] = {"string_value": rows}
    return json.dumps(
        {
            "name": "counting",
            "output": [{"name": name, "data_type": kind} for name, kind in OUTPUTS.items()],
            "sequence_batching": {"iterative_sequence": iterative},
            "parameters": parameters,
        }
    )


def stepped(monkeypatch, log, clock, **options):
    scripted_backend.install(monkeypatch, log)
    steps = import_module("greenroom.managed.steps")
    timer = SimpleNamespace(
        monotonic=lambda: clock.now,
        perf_counter=lambda: clock.now,
        time=lambda: UNIX_BEGAN + clock.now,
    )
    monkeypatch.setattr(steps, "time", timer)

    class Model(steps.SteppedModel):
        required = ("X",)

    model = Model()
    model.initialize({"model_config": config(**options)})
    return Hands(model)


def engine(hands):
    return hands.model._engine


def counts(x):
    return [float(number) for number in range(x, 0, -1)]
