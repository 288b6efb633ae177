"""Any order of events while GPU memory is short, under a configured budget and on a card."""

import pytest
from any_order import DUET, SPEECH, STEPS, AnyOrder, CheckedHarness, run
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from memory_harness import MIB, MemoryHarness, sized

from greenroom.errors import DoesNotFit, OutOfMemory, WaitedTooLong
from greenroom.residency.effects import READ_BACK, Begin
from greenroom.residency.eviction_order import greedy_dual, least_recently_used
from greenroom.residency.policy import Policy
from greenroom.residency.states import TAKES_AWAY

FOR_EVER = 1e9
LACKING = OutOfMemory("No.")


class CheckedMemory(MemoryHarness, CheckedHarness):
    """Looks at what is promised whenever something comes, and at what is evicted."""

    def record(self, effects):
        super().record(effects)
        for effect in effects:
            if isinstance(effect, Begin) and effect.reason != READ_BACK:
                self.check_memory(effect)

    def check_memory(self, begin):
        if begin.reason == "evict":
            assert not self[begin.model].stays, "a pinned model never makes room"
            assert begin.model in STEPS
        if begin.action in TAKES_AWAY or begin.model not in STEPS:
            return
        if self.card is None:
            assert self.stage.budget.free >= 0, "admitted sum <= budget"
        else:
            assert self.used_bytes <= (self.card - 2) * MIB, "it is there, and the reserve too"


class AnyOrderOfMemory(AnyOrder):
    """Models of 4 + 6 + 9 + 9 MiB, more than fit together."""

    budget = 0
    card = None
    order = staticmethod(least_recently_used)

    def made_harness(self):
        wait = {"max_wait": FOR_EVER}
        return CheckedMemory(
            sized("asr", 3, 1, pinned=True, **wait),
            sized("tokenizer", 6, offload_after=0, unload_after=5, controllable=False, **wait),
            sized("tts", 8, 1, offload_after=1, unload_after=10, **wait),
            sized("lm", 8, 1, offload_after=30, **wait),
            sized("speech", 0, steps=SPEECH, controllable=False, **wait),
            sized("duet", 0, steps=DUET, controllable=False, **wait),
            budget=self.budget,
            card=self.card,
            reserve=2,
            up=False,
            order=self.order,
        )

    @rule(
        name=st.sampled_from(STEPS),
        given=st.fixed_dictionaries(
            {},
            optional={
                "pinned": st.booleans(),
                "offload_after": st.sampled_from([-1.0, 0.0, 5.0]),
                "unload_after": st.sampled_from([-1.0, 0.0, 20.0]),
                "max_waiting": st.sampled_from([1, 5]),
            },
        ),
    )
    def policy_changes(self, name, given):
        policy = Policy(**self.harness[name].policy.model_dump() | given)
        try:
            self.harness.stage.change_policy(name, policy, given)
        except DoesNotFit:
            assert given["pinned"]
        self.harness.decide()

    @rule(pick=st.integers(0, 1000))
    def memory_runs_out(self, pick):
        if self.harness.running:
            self.transition_ends(pick, LACKING)

    @invariant()
    def nobody_gives_way_who_need_not(self):
        for entry in self.harness.stage.models.values():
            if entry.memory.gives_way_to is not None and self.harness.stage.up:
                assert (
                    entry.demand.leases
                    or entry.demand.waiting
                    or entry.moving
                    or entry.failure.broken
                )

    @invariant()
    def those_that_could_make_room_stand_in_order(self):
        models = self.harness.stage.models.values()
        there = [e for e in models if e.memory.held and not (e.demand.leases or e.moving)]
        there.sort(key=lambda entry: (self.order(entry), entry.demand.last_use, entry.name))
        assert list(self.harness.stage.by_eviction()) == there

    def teardown(self):
        """With all the time in the world nobody is refused for having waited too long."""
        super().teardown()
        for error in self.harness.refused.values():
            assert not isinstance(error, WaitedTooLong)


class AnyOrderOnABudget(AnyOrderOfMemory):
    """Models may turn out larger than they were measured."""

    budget = 24

    @rule(name=st.sampled_from(STEPS[1:]), more=st.sampled_from([0, 1]))
    def a_model_grows(self, name, more):
        device, overhead = self.harness[name].sizes
        self.harness.sizes[name] = device + more * MIB, overhead

    def teardown(self):
        for name in STEPS:
            self.harness.sizes[name] = self.harness[name].sizes
        super().teardown()


class AnyOrderOfWorth(AnyOrderOnABudget):
    """By what the return of each costs."""

    order = staticmethod(greedy_dual)


class AnyOrderOnACard(AnyOrderOfMemory):
    """Other programs use the card too."""

    card = 28

    @rule(mib=st.sampled_from([0, 4, 10, 30]))
    def others_use(self, mib):
        self.harness.others = mib
        self.harness.wait(1)

    def teardown(self):
        self.harness.others = 0
        super().teardown()


MACHINES = pytest.mark.parametrize("machine", [AnyOrderOnABudget, AnyOrderOfWorth, AnyOrderOnACard])


@MACHINES
@pytest.mark.parametrize("examples", [15, pytest.param(85, marks=pytest.mark.slow)])
def test_any_order_of_events_gives_no_byte_away_twice(machine, examples):
    run(machine, examples, steps=60)


@MACHINES
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_very_many_orders_of_events_give_no_byte_away_twice(machine):
    run(machine, examples=500, steps=100)
