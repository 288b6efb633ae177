"""The layer between Triton and an engine, on a scripted Triton and a scripted engine."""

import json
from unittest.mock import Mock

import numpy as np
import pytest
import scripted_backend

from greenroom import boot_clock
from greenroom.errors import InvalidInput, OutOfMemory, SetupError, Unavailable
from greenroom.managed.engine import Memory
from greenroom.managed.result_cache import ResultCache, tensor_bytes
from greenroom.residency.control import code_and_sentence

OUTPUTS = {"Y": "TYPE_FP32", "WORD": "TYPE_STRING", "RESIDENCY_REPORT": "TYPE_STRING"}


class ScriptedEngine:
    """Doubles X; says what it was asked, in order, and fails where it is told to."""

    name = "scripted"

    def __init__(self, settings):
        self.calls, self.fails = [], {}
        self.memory_now = Memory(device_bytes=100, device_overhead_bytes=7, host_bytes=50)
        self.cache = ResultCache(10_000, tensor_bytes)

    def _call(self, name):
        self.calls.append(name)
        if name in self.fails:
            raise self.fails[name]

    def run(self, batch):
        self._call("run")
        self.calls[-1] = f"run {len(batch)}"
        return [self._double(one) for one in batch]

    def _double(self, one):
        if one["X"][0] < 0:
            return InvalidInput("X is negative; it must not be.")
        return {"Y": one["X"] * 2, "WORD": np.array(["你好"], dtype=np.object_)}

    def prime(self):
        self._call("prime")

    def offload(self):
        self._call("offload")
        self.memory_now = Memory(host_bytes=50)

    def restore(self):
        self._call("restore")
        self.memory_now = Memory(device_bytes=100, host_bytes=50)

    def memory(self):
        return self.memory_now

    def close(self):
        self._call("close")


@pytest.fixture
def log():
    return []


@pytest.fixture
def model(monkeypatch, log):
    scripted_backend.install(monkeypatch, log)
    from greenroom.managed.managed_model import ManagedModel

    class Model(ManagedModel):
        required = ("X",)

    made = Model()
    made.initialize({"model_config": config("test_managed_model:ScriptedEngine")})
    made.engine = made._engine
    made.engine.calls.clear()
    return made


def config(engine):
    return json.dumps(
        {
            "name": "doubler",
            "output": [{"name": name, "data_type": kind} for name, kind in OUTPUTS.items()],
            "parameters": {"engine": {"string_value": engine}},
        }
    )


def x(value, rows=1):
    return scripted_backend.request(X=np.full((rows, 1), value, np.float32))


def control(action, **more):
    return scripted_backend.request(RESIDENCY=json.dumps({"action": action, **more}))


def report(response):
    assert response.error is None
    assert set(response.tensors) == {"RESIDENCY_REPORT"}
    return json.loads(response.tensors["RESIDENCY_REPORT"][0, 0])


def test_an_ordinary_request_is_answered_with_its_batch_dimension(model):
    (response,) = model.execute([x(3.0)])
    assert response.tensors["Y"].tolist() == [[6.0]]
    assert response.tensors["Y"].dtype == np.float32
    assert response.tensors["WORD"][0, 0].decode() == "你好"


def test_a_control_acts_between_the_requests_around_it(model):
    responses = model.execute([x(1.0), x(2.0), control("offload"), x(3.0)])
    assert model.engine.calls == ["run 2", "offload", "restore", "run 1"]
    assert report(responses[2])["residency"] == "warm"
    assert [r.tensors["Y"][0, 0] for r in responses if "Y" in r.tensors] == [2.0, 4.0, 6.0]


def test_a_report_has_every_field(model):
    (response,) = model.execute([control("report")])
    found = report(response)
    assert found.pop("seconds") >= 0
    assert found.pop("pid") > 0
    assert found == {
        "residency": "hot",
        "device_bytes": 100,
        "device_overhead_bytes": 7,
        "host_bytes": 50,
        "engine": "scripted",
        "error": None,
        "error_code": None,
    }


def test_an_offload_and_a_restore_happen_once(model):
    controls = ("offload", "offload", "restore", "restore")
    responses = model.execute([control(action) for action in controls])
    assert model.engine.calls == ["offload", "restore"]
    assert [report(r)["residency"] for r in responses] == ["warm", "warm", "hot", "hot"]


def test_a_cancelled_request_is_not_run(model):
    left, waits = x(1.0), x(2.0)
    left.is_cancelled = lambda: True
    cancelled, answered = model.execute([left, waits])
    assert model.engine.calls == ["run 1"]
    assert cancelled.error.code == "CANCELLED"
    assert answered.tensors["Y"].tolist() == [[4.0]]


def test_an_engine_stops_between_windows_when_all_of_its_requests_are_cancelled(model):
    from greenroom.managed.wanted import stop_if_unwanted

    left, waits, windows = x(1.0), x(2.0), []

    def run(batch):
        for window in range(3):
            stop_if_unwanted()
            windows.append(window)
            left.is_cancelled = lambda: True
        return [{"Y": one["X"]} for one in batch]

    model.engine.run = run
    assert model.execute([left])[0].error.code == "CANCELLED"
    assert windows == [0]
    left.is_cancelled = lambda: False
    assert model.execute([left, waits])[1].error is None
    assert windows == [0, 0, 1, 2]
    stop_if_unwanted()


def test_an_expired_control_is_not_done(model):
    late = {"expires": boot_clock.now() - 1, "boot": boot_clock.boot()}
    (response,) = model.execute([control("offload", **late)])
    assert model.engine.calls == []
    assert report(response)["residency"] == "hot"
    assert "expired" in report(response)["error"]


def test_a_control_is_done_before_it_expires(model):
    (response,) = model.execute([control("offload", expires=boot_clock.now() + 60)])
    assert report(response)["residency"] == "warm"


def test_another_machines_clock_says_nothing(model):
    (response,) = model.execute([control("offload", expires=1.0, boot="another's")])
    assert report(response)["residency"] == "warm"


def test_an_offload_that_leaves_device_memory_has_failed(model):
    model.engine.offload = lambda: None
    (response,) = model.execute([control("offload")])
    assert report(response)["residency"] == "hot"
    assert "left 100 bytes" in report(response)["error"]


def test_a_failed_restore_stays_warm_and_can_be_tried_again(model):
    model.execute([control("offload")])
    model.engine.fails["restore"] = MemoryError("no room")
    first, second = model.execute([control("restore"), x(1.0)])
    assert report(first)["residency"] == "warm"
    assert report(first)["error"] == "no room"
    assert report(first)["error_code"] == "out_of_memory"
    assert second.error.code == "INTERNAL"
    model.engine.fails.clear()
    third, fourth = model.execute([x(1.0), control("report")])
    assert third.tensors["Y"][0, 0] == 2.0
    assert report(fourth)["residency"] == "hot"


def test_clear_cache_forgets(model):
    model.engine.cache.get(b"a", lambda: {"X": np.zeros(9)})
    (response,) = model.execute([control("clear_cache")])
    assert report(response)["error"] is None
    assert model.engine.cache.held_bytes == 0


@pytest.mark.parametrize("raw", ["", "{", "[]", "3", '{"action": "sleep"}', "{}"])
def test_a_malformed_control_is_refused(model, raw):
    (response,) = model.execute([scripted_backend.request(RESIDENCY=raw)])
    assert response.error.code == "INVALID_ARG"
    assert str(response.error).startswith("RESIDENCY")


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (scripted_backend.request(Z="hi"), "input X is missing; the model needs it."),
        (x(1.0, rows=2), "input X has 2 rows; a request has exactly 1"),
        (x(-1.0), "X is negative; it must not be."),
        (
            scripted_backend.request(Z=np.array([[b"a\xff"]], dtype=np.object_)),
            "input Z is not valid UTF-8 at byte 1.",
        ),
    ],
)
def test_a_wrong_request_fails_alone(model, bad, sentence):
    good, failed, also_good = model.execute([x(1.0), bad, x(2.0)])
    assert failed.error.code == "INVALID_ARG"
    assert str(failed.error).startswith(sentence)
    assert (good.tensors["Y"][0, 0], also_good.tensors["Y"][0, 0]) == (2.0, 4.0)


def test_a_crash_of_the_engine_is_one_sentence_and_its_traceback_is_logged(model, log):
    model.engine.fails["run"] = ZeroDivisionError("secret")
    (response,) = model.execute([x(1.0)])
    assert response.error.code == "INTERNAL"
    sentence = "model 'doubler' failed: ZeroDivisionError; see the server's log."
    assert str(response.error) == sentence
    assert "Traceback" in log[0]
    assert "secret" in log[0]


def test_an_engine_that_is_not_available_now_says_so(model):
    model.engine.fails["run"] = Unavailable("The worker is gone.")
    (response,) = model.execute([x(1.0)])
    assert response.error.code == "UNAVAILABLE"


def test_the_cache_is_counted_on_the_metrics(model):
    model.engine.cache.get(b"a", lambda: {"X": np.zeros(9)})
    model.engine.cache.get(b"a", lambda: {"X": np.zeros(9)})
    model.execute([control("report")])
    model.execute([control("report")])
    made = scripted_backend.MetricFamily.made
    assert made["greenroom_cache_hits_total"].value() == 1
    assert made["greenroom_cache_misses_total"].value() == 1
    assert made["greenroom_cache_bytes"].value() == model.engine.cache.held_bytes > 0
    assert made["greenroom_cache_entries"].value() == 1
    model.execute([control("clear_cache")])
    assert made["greenroom_cache_entries"].value() == 0


def test_it_is_primed_at_load_and_closed_at_the_end(model):
    model.finalize()
    assert model.engine.calls == ["close"]
    model.initialize({"model_config": config("test_managed_model:ScriptedEngine")})
    assert model._engine.calls == ["prime"]


@pytest.mark.parametrize("lacking", [MemoryError(), OutOfMemory("No room."), "torch"])
def test_a_load_that_lacks_memory_says_so_by_a_code(model, monkeypatch, lacking):
    if lacking == "torch":
        lacking = pytest.importorskip("torch").OutOfMemoryError("No room.")
    monkeypatch.setattr(ScriptedEngine, "prime", Mock(side_effect=lacking))
    with pytest.raises(OutOfMemory) as caught:
        model.initialize({"model_config": config("test_managed_model:ScriptedEngine")})
    assert code_and_sentence(f"Internal: {caught.value}") == (
        "out_of_memory",
        f"Internal: {str(lacking) or 'MemoryError'}",
    )


def test_an_unknown_engine_is_named_with_the_choices(model):
    with pytest.raises(SetupError, match=r"'whisker'; it must be one of package\.module:Class"):
        model.initialize({"model_config": config("whisker")})
