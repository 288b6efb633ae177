"""What the stage says of its decisions: reasons of transitions and of refusals."""

from greenroom.residency.model import Model
from greenroom.residency.states import TRANSITIONS, Action


def begin_reason(entry: Model) -> str:
    """Return who wants the model hot."""
    if entry.waiting:
        return "request"
    return "pinned" if entry.policy.pinned else "ensemble"


def queue_full(entry: Model) -> str:
    """Say that no more requests may wait."""
    return (
        f"Model {entry.name} already has {entry.waiting} requests waiting, "
        f"as many as max_waiting ({entry.policy.max_waiting}) allows."
    )


def not_controllable(entry: Model, action: Action) -> str:
    """Say that the model can only come and go as a whole."""
    return (
        f"Model {entry.name} does not take the RESIDENCY input: "
        f"it can be loaded and unloaded, not {TRANSITIONS[action].during.replace('ing', 'ed')}."
    )


def no_way(entry: Model, action: Action) -> str:
    """Say from where the action would be possible."""
    start = " or ".join(sorted(TRANSITIONS[action].start))
    return f"Model {entry.name} is {entry.residency}: {action} needs a {start} model."


def not_in_time(model: str, missing: list[Model], seconds: float) -> str:
    """Say what a request has waited for in vain."""
    states = ", ".join(f"{entry.name} is {entry.residency}" for entry in missing)
    errors = "".join(
        f" The last error of {entry.name}: {entry.last_error}"
        for entry in missing
        if entry.failures
    )
    return f"Model {model} is not ready after {seconds:.1f} s of waiting: {states}.{errors}"
