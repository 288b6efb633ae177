"""A stage with its own time, and a record of everything that it has decided."""

from greenroom.errors import GreenroomError
from greenroom.residency.control import Report
from greenroom.residency.effects import Answered, Begin, Granted, Measure, Refused
from greenroom.residency.model import Model
from greenroom.residency.policy import Policy
from greenroom.residency.stage import Stage
from greenroom.residency.states import TRANSITIONS, Action, Residency

NEVER = -1.0


def model(name, *, steps=(), controllable=True, residency=Residency.COLD, **policy):
    """Return a model whose policy does nothing unless it is told."""
    policy = {"offload_after": NEVER, "unload_after": NEVER} | policy
    return Model(name, Policy(**policy), controllable, tuple(steps), residency)


class StageHarness:
    """Does what the controller does with the stage, in the test's own time."""

    def __init__(self, *models, up=True, budget=None, patience=10.0, key_share=1.0, **given):
        self.stage = Stage(models, budget, patience, key_share, **given)
        self.now = 100.0
        self.sizes = {}
        self.running = {}
        self.history = []
        self.granted = []
        self.refused = {}
        self.answers = {}
        if up:
            self.back({entry.name: entry.residency for entry in models})

    def __getitem__(self, name):
        return self.stage.models[name]

    def residency(self, name):
        return self.stage.models[name].residency

    def ask(self, name, key=""):
        ticket = self.stage.ask(name, self.now, key=key)
        if ticket.granted_at is not None:
            self.granted.append(ticket)
        self.decide()
        return ticket

    def leave(self, ticket):
        self.stage.leave(ticket)
        self.decide()

    def release(self, ticket):
        self.stage.release(ticket, self.now)
        self.decide()

    def end(self, ticket):
        """Let the client go: it gives up its place, or its lease."""
        if ticket.granted_at is None:
            self.leave(ticket)
        else:
            self.release(ticket)

    def act_by_hand(self, name, action):
        verb = self.stage.act_by_hand(name, Action(action), self.now)
        self.decide()
        return verb

    def finish(self, name, error=None):
        """End the model's running transition; `error` is one, or its sentence."""
        failure = GreenroomError(error) if isinstance(error, str) else error
        effects = self.stage.finished(self.running.pop(name), self.now, failure)
        self.report(name)
        self.record(effects)
        self.decide()

    def report(self, name):
        """Let a model say what it holds, if the test has said how large it is."""
        residency = self.residency(name)
        if name in self.sizes and residency in (Residency.HOT, Residency.WARM):
            device, overhead = self.sizes[name]
            held = device if residency is Residency.HOT else 0
            self.stage.reported(
                name, Report(residency=residency, device_bytes=held, device_overhead_bytes=overhead)
            )

    def lose(self):
        self.record(self.stage.server_lost())
        self.decide()

    def back(self, states=None):
        self.running.clear()
        self.record(self.stage.server_back(states or {}, self.now))
        self.decide()

    def wait(self, seconds):
        """Let time pass, as the controller does: from one due time to the next."""
        end = self.now + seconds
        while (due := self.stage.next_due(self.now)) is not None and due <= end:
            assert due > self.now, "a timer must not spin"
            self.now = due
            self.decide()
        self.now = end
        self.decide()

    def decide(self):
        for effect in self.stage.decide(self.now):
            self.record([effect])

    def record(self, effects):
        for effect in effects:
            match effect:
                case Begin():
                    assert effect.model not in self.running, "one transition at a time"
                    assert self.residency(effect.model) is TRANSITIONS[effect.action].during
                    self.running[effect.model] = effect
                    self.history.append((effect.model, str(effect.action), effect.reason))
                case Measure():
                    self.measure()
                case Granted(ticket):
                    self.granted.append(ticket)
                case Refused(ticket, error):
                    assert ticket not in self.refused, "one answer"
                    self.refused[ticket] = error
                case Answered(verb, error):
                    assert verb not in self.answers, "one answer"
                    self.answers[verb] = error

    def measure(self):
        """Answer a question for the card's memory; a harness without a card is never asked."""
        raise AssertionError("there is no card")

    @property
    def actions(self):
        """What has begun so far, without the reasons."""
        return [(name, action) for name, action, _ in self.history]
