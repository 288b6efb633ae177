"""The manual actions that somebody waits for: asked for, fulfilled, failed."""

from collections.abc import Iterator

from greenroom.errors import Conflict, GreenroomError
from greenroom.residency.effects import Answered
from greenroom.residency.messages import no_way, not_controllable
from greenroom.residency.model import ManualAction, Model
from greenroom.residency.states import TRANSITIONS, Action, Residency


def pending_action(entry: Model, action: Action) -> ManualAction | None:
    """The action of this kind that waits already, for others to join.

    Raises Conflict when the model cannot do it at all.
    """
    if action in (Action.OFFLOAD, Action.RESTORE) and not entry.controllable:
        raise Conflict(not_controllable(entry, action))
    return next((manual for manual in entry.demand.manual_actions if manual.action is action), None)


def settled_actions(entry: Model) -> Iterator[Answered]:
    """Answer the manual actions whose state is reached, or that lead nowhere from here."""
    while entry.demand.manual_actions and not (entry.moving or entry.failure.broken):
        manual = entry.demand.manual_actions[0]
        if entry.failure.comes_back and manual.action is not Action.UNLOAD:
            return
        if manual.target is entry.residency:
            entry.demand.last_manual = manual.order
            entry.failure.comes_back = False
            answer = Answered(manual)
        elif manual.action is Action.LOAD or entry.residency in TRANSITIONS[manual.action].start:
            return
        else:
            answer = Answered(manual, Conflict(no_way(entry, manual.action)))
        entry.demand.manual_actions.pop(0)
        yield answer


def failed_actions(entry: Model, target: Residency, error: GreenroomError) -> Iterator[Answered]:
    """Answer the manual actions that wanted the state which was not reached."""
    for manual in [manual for manual in entry.demand.manual_actions if manual.target is target]:
        entry.demand.manual_actions.remove(manual)
        yield Answered(manual, error)
