"""A machine that tries any order of events, with the invariants after each."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from stage_harness import StageHarness, model

from greenroom.errors import Conflict, QueueFull, ServerDown
from greenroom.residency.effects import READ_BACK, Begin
from greenroom.residency.states import MOVING, TAKES_AWAY, Action, Residency

NAMES = ("asr", "tokenizer", "tts", "lm", "speech", "duet")
STEPS = NAMES[:4]
SPEECH = ("asr", "tokenizer", "tts")
DUET = ("tts", "lm")
LOADED = (Residency.HOT, Residency.WARM, Residency.OFFLOADING, Residency.RESTORING)
FOUND = (Residency.HOT, Residency.LOADING, Residency.UNLOADING)
HOLDS_A_LEASE = (Residency.HOT, Residency.RESTORING)


class CheckedHarness(StageHarness):
    """Looks at each transition when it begins, and at each lease when it is granted."""

    def record(self, effects):
        for effect in effects:
            if isinstance(effect, Begin) and effect.reason != READ_BACK:
                self.check(effect.model, effect.action, effect.buries)
        super().record(effects)

    def check(self, name, action, buries):
        assert buries is self[name].failure.broken, "what is broken is unloaded and nothing else"
        if action in TAKES_AWAY and not buries:
            assert self[name].demand.leases == 0, "never taken away under a lease"
        if action is Action.UNLOAD:
            for ensemble in self.stage.models.values():
                loads = ensemble.residency is Residency.LOADING
                assert not (loads and name in ensemble.steps), "not while its ensemble loads"
        if action is Action.LOAD:
            for step in self[name].steps:
                assert self.residency(step) in LOADED, "steps before their ensemble"


class AnyOrder(RuleBasedStateMachine):
    """Four models and two ensembles that share one of them."""

    def __init__(self):
        super().__init__()
        self.harness = self.made_harness()
        self.tickets = []
        self.manual_actions = []
        self.excused = set()
        """Models that may be leased and not hot: lost with Triton or their process."""

    def made_harness(self):
        return CheckedHarness(
            model("asr", pinned=True),
            model("tokenizer", offload_after=0, unload_after=5, controllable=False, max_waiting=2),
            model("tts", offload_after=1, unload_after=10, max_wait=20),
            model("lm", offload_after=30),
            model("speech", steps=SPEECH, controllable=False),
            model("duet", steps=DUET, controllable=False),
            up=False,
        )

    @rule(name=st.sampled_from(NAMES))
    def ask(self, name):
        before = [self.harness[n].demand.waiting for n in NAMES]
        try:
            self.tickets.append(self.harness.ask(name))
        except QueueFull:
            assert [self.harness[n].demand.waiting for n in NAMES] == before

    @precondition(lambda self: self.tickets)
    @rule(pick=st.integers(0, 1000))
    def client_goes(self, pick):
        self.harness.end(self.tickets.pop(pick % len(self.tickets)))

    @rule(name=st.sampled_from(NAMES), action=st.sampled_from(list(Action)))
    def act_by_hand(self, name, action):
        try:
            self.manual_actions.append(self.harness.act_by_hand(name, action))
        except ServerDown:
            assert not self.harness.stage.up
        except Conflict:
            assert not self.harness[name].controllable

    @precondition(lambda self: self.harness.running)
    @rule(pick=st.integers(0, 1000), error=st.sampled_from([None, None, None, "No."]))
    def transition_ends(self, pick, error):
        name = list(self.harness.running)[pick % len(self.harness.running)]
        if error and self.harness.running[name].action is Action.RESTORE:
            self.excused.add(name)
        self.harness.finish(name, error)

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 4.0, 30.0, 500.0]))
    def time_passes(self, seconds):
        self.harness.wait(seconds)

    @precondition(lambda self: self.harness.stage.up)
    @rule()
    def triton_dies(self):
        self.harness.lose()
        self.excused.update(NAMES)

    @precondition(lambda self: not self.harness.stage.up)
    @rule(found=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(FOUND)))
    def triton_comes(self, found):
        self.harness.back(found)

    @rule(name=st.sampled_from(STEPS), late=st.booleans())
    def a_process_dies(self, name, late):
        seen_at = self.harness[name].came_at if late else self.harness.now
        if self.harness.stage.broke(name, seen_at, self.harness.now):
            self.excused.add(name)
        self.harness.decide()

    @rule(name=st.sampled_from(STEPS), residency=st.sampled_from([Residency.WARM, Residency.HOT]))
    def model_reports(self, name, residency):
        self.harness.stage.observed(name, residency)
        self.harness.decide()

    @invariant()
    def the_counters_say_what_the_tickets_say(self):
        waiting, leases = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
        for ticket in self.tickets:
            if ticket in self.harness.refused:
                continue
            counted = waiting if ticket.granted_at is None else leases
            for name in ticket.needs:
                counted[name] += 1
        for name in NAMES:
            assert self.harness[name].demand.waiting == waiting[name]
            assert self.harness[name].demand.leases == leases[name]

    @invariant()
    def a_ticket_has_at_most_one_answer(self):
        assert len(set(self.harness.granted)) == len(self.harness.granted)
        assert not set(self.harness.granted) & set(self.harness.refused)

    @invariant()
    def leased_means_hot_or_restoring(self):
        for name in NAMES:
            entry = self.harness[name]
            if not entry.demand.leases:
                self.excused.discard(name)
            elif name not in self.excused:
                assert entry.residency in HOLDS_A_LEASE

    @invariant()
    def a_model_moves_exactly_while_its_transition_runs(self):
        for name in NAMES:
            running = self.harness.stage.up and name in self.harness.running
            assert (self.harness.residency(name) in MOVING) is running

    @invariant()
    def nobody_waits_past_a_deadline_and_a_timer_is_set_for_each(self):
        due = self.harness.stage.next_due(self.harness.now)
        assert due is None or due > self.harness.now
        for ticket in self.tickets:
            if ticket.granted_at is None and ticket not in self.harness.refused:
                assert ticket.deadline > self.harness.now
                assert due is not None
                assert due <= ticket.deadline

    @invariant()
    def nobody_waits_for_what_could_be_served(self):
        if not self.harness.stage.up:
            return
        for ticket in self.tickets:
            if ticket.granted_at is None and ticket not in self.harness.refused:
                assert not all(self.harness[n].serves(ticket) for n in ticket.needs)

    def teardown(self):
        """Whatever happened: when all end what they began, everyone is answered and all go."""
        harness = self.harness
        if not harness.stage.up:
            harness.back()
        for _ in range(200):
            for name in list(harness.running):
                harness.finish(name)
            for ticket in [t for t in self.tickets if t.granted_at is not None]:
                self.tickets.remove(ticket)
                harness.release(ticket)
            harness.wait(60)
        assert not harness.running
        for ticket in self.tickets:
            assert ticket in harness.refused
        for verb in self.manual_actions:
            assert verb in harness.answers
        for entry in harness.stage.models.values():
            assert entry.demand.leases == entry.demand.waiting == 0
            goes = entry.policy.unload_after >= 0 and not entry.policy.pinned
            if goes and not entry.steps and not entry.by_hand:
                assert entry.residency is Residency.COLD, "an idle model goes when time passes"


def run(machine, examples, steps):
    """Run a machine; a failure prints the shortest order of events that shows it."""
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
