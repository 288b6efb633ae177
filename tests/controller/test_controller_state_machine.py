"""Any order of events over a whole controller: clients, hands, time, and Triton's answers."""

import asyncio
from contextlib import AsyncExitStack
from itertools import count

import pytest
from controller_harness import ControllerHarness
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from slow_triton import SlowTriton

from greenroom.errors import DoesNotFit, GreenroomError, TritonError
from greenroom.residency.control import OUT_OF_MEMORY, coded
from greenroom.residency.policy import Policy
from greenroom.residency.states import Action

MIB = 2**20
SIZES = {"asr": (4 * MIB, MIB), "tts": (8 * MIB, MIB), "lm": (8 * MIB, MIB)}
BUDGET = 16 * MIB
MODELS = ("asr", "tts", "lm", "echo", "speech")
FAILURES = (None, None, None, "weights.bin is not there.", coded(OUT_OF_MEMORY, "No."))
FOR_EVER = 1e9


class AnyOrderOfEvents(RuleBasedStateMachine):
    """asr fits beside either of tts and lm; tts and lm do not fit together."""

    folder = None
    numbers = count()

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.triton = SlowTriton(SIZES)
        self.asked = []
        self.leases = []
        self.actions = []
        self.harness = self.runner.run(self._begin())

    async def _begin(self):
        policy = {
            "asr": Policy(pinned=True, max_wait=FOR_EVER),
            "tts": Policy(offload_after=1, unload_after=10, max_wait=FOR_EVER),
            "lm": Policy(offload_after=0, unload_after=20, max_wait=FOR_EVER),
            "echo": Policy(unload_after=5, max_wait=FOR_EVER),
            "speech": Policy(max_wait=FOR_EVER),
        }
        folder = self.folder / str(next(self.numbers))
        harness = ControllerHarness(
            folder, self.triton, policy, None, {"gpu_budget_bytes": BUDGET}, more=("lm",)
        )
        self.triton.come()
        await self.stack.enter_async_context(harness.following())
        for name, (device, overhead) in SIZES.items():
            harness.controller.stage.models[name].memory.measured = device + overhead
        await harness.settle()
        return harness

    def settle(self):
        """Let all that can happen happen, and sort who has been answered."""
        self.runner.run(self.harness.settle())
        for task in [task for task in self.asked if task.done()]:
            self.asked.remove(task)
            if task.exception() is None:
                self.leases.append(task.result())
            else:
                assert isinstance(task.exception(), GreenroomError)
        for task in [task for task in self.actions if task.done()]:
            self.actions.remove(task)
            assert task.exception() is None or isinstance(task.exception(), GreenroomError)

    @rule(model=st.sampled_from(MODELS))
    def ask(self, model):
        self.asked.append(self.runner.run(self.harness.ask(model)))
        self.settle()

    @precondition(lambda self: self.asked)
    @rule(pick=st.integers(0, 1000))
    def client_leaves(self, pick):
        self.asked.pop(pick % len(self.asked)).cancel()
        self.settle()

    @precondition(lambda self: self.leases)
    @rule(pick=st.integers(0, 1000))
    def request_ends(self, pick):
        self._release(self.leases.pop(pick % len(self.leases)))

    @rule(model=st.sampled_from(MODELS), action=st.sampled_from([*Action, "touch"]))
    def act_by_hand(self, model, action):
        controller = self.harness.controller

        async def begin():
            asked = controller.touch(model) if action == "touch" else controller.act(model, action)
            self.actions.append(asyncio.ensure_future(asked))

        self.runner.run(begin())
        self.settle()

    @precondition(lambda self: self.triton.open)
    @rule(pick=st.integers(0, 1000), failure=st.sampled_from(FAILURES))
    def triton_answers(self, pick, failure):
        call = list(self.triton.open)[pick % len(self.triton.open)]
        error = TritonError(failure, "INTERNAL") if failure and call[0] != "report" else None
        self._in_loop(self.triton.end, call, error)

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0, 30.0]))
    def time_passes(self, seconds):
        self._in_loop(self.harness.clock.advance, seconds)

    @rule(
        model=st.sampled_from(MODELS[:3]),
        pinned=st.booleans(),
        offload_after=st.sampled_from([-1, 0, 3]),
    )
    def policy_changes(self, model, pinned, offload_after):
        given = {"pinned": pinned, "offload_after": offload_after}
        try:
            self._in_loop(self.harness.controller.change_policy, model, given)
        except DoesNotFit:
            assert pinned

    @rule(goes=st.booleans())
    def triton_is_started_anew(self, goes):
        if goes:
            self._in_loop(self.triton.die)
            self._in_loop(self.triton.come)

    def _release(self, lease):
        self.runner.run(self.harness.release(lease))
        self.settle()

    def _in_loop(self, call, *arguments):
        async def called():
            call(*arguments)

        self.runner.run(called())
        self.settle()

    @invariant()
    def one_call_at_a_time_moves_a_model(self):
        moving = [model for action, model in self.triton.open if action != "report"]
        assert len(moving) == len(set(moving))

    @invariant()
    def the_models_never_hold_more_than_the_budget(self):
        assert sum(map(self.triton.held, SIZES)) <= BUDGET

    @invariant()
    def a_leased_model_is_not_taken_away(self):
        for action, model in self.triton.open:
            if action in ("offload", "unload"):
                assert self.harness.controller.stage.models[model].demand.leases == 0

    def teardown(self):
        """When everything ends that has begun, everybody has been answered."""
        try:
            for _ in range(300):
                for call in list(self.triton.open):
                    self._in_loop(self.triton.end, call)
                while self.leases:
                    self._release(self.leases.pop())
                if not (self.asked or self.actions or self.triton.open):
                    break
                self.time_passes(15.0)
            assert not self.asked
            assert not self.actions
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()


def run(folder, examples, steps):
    machine = type("AnyOrderOfEvents", (AnyOrderOfEvents,), {"folder": folder})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("examples", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_any_order_of_events_keeps_the_promises(tmp_path, examples):
    run(tmp_path, examples, steps=40)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_very_many_orders_of_events_keep_the_promises(tmp_path):
    run(tmp_path, examples=300, steps=100)
