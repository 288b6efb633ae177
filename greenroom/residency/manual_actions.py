"""The manual actions that somebody waits for: asked for, fulfilled, failed."""

from collections.abc import Iterator

from greenroom.errors import Conflict, GreenroomError
from greenroom.residency.effects import Answered
from greenroom.residency.messages import no_way, not_controllable
from greenroom.residency.model import Model, Verb
from greenroom.residency.states import TRANSITIONS, Action, Residency


def pending_verb(entry: Model, action: Action) -> Verb | None:
    """Return the manual action of this kind that waits already, for others to join.

    Raises Conflict when the model can not do it at all.
    """
    if action in (Action.OFFLOAD, Action.RESTORE) and not entry.controllable:
        raise Conflict(not_controllable(entry, action))
    return next((verb for verb in entry.verbs if verb.action is action), None)


def settled_verbs(entry: Model) -> Iterator[Answered]:
    """Answer the verbs whose state is reached, or that lead nowhere from here."""
    while entry.verbs and not (entry.moving or entry.broken):
        verb = entry.verbs[0]
        if entry.comes_back and verb.action is not Action.UNLOAD:
            return
        if verb.target is entry.residency:
            entry.last_manual = verb.order
            entry.comes_back = False
            answer = Answered(verb)
        elif verb.action is Action.LOAD or entry.residency in TRANSITIONS[verb.action].start:
            return
        else:
            answer = Answered(verb, Conflict(no_way(entry, verb.action)))
        entry.verbs.pop(0)
        yield answer


def failed_verbs(entry: Model, target: Residency, error: GreenroomError) -> Iterator[Answered]:
    """Answer the verbs that wanted the state which was not reached."""
    for verb in [verb for verb in entry.verbs if verb.target is target]:
        entry.verbs.remove(verb)
        yield Answered(verb, error)
