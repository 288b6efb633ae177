"""What the stage says of its decisions: reasons of transitions and of refusals."""

from collections.abc import Collection, Iterable, Mapping

from greenroom.residency.budget import Budget
from greenroom.residency.model import Model
from greenroom.residency.states import TRANSITIONS, Action


def queue_full(entry: Model) -> str:
    return (
        f"Model {entry.name} already has {entry.demand.waiting} requests waiting, "
        f"as many as max_waiting ({entry.policy.max_waiting}) allows."
    )


def share_full(entry: Model, share: int) -> str:
    return (
        f"This API key already has {share} requests waiting for model {entry.name}, its share of "
        f"max_waiting ({entry.policy.max_waiting})."
    )


def not_controllable(entry: Model, action: Action) -> str:
    """Say that the model can only come and go as a whole."""
    return (
        f"Model {entry.name} does not take the RESIDENCY input: "
        f"it can be loaded and unloaded, not {TRANSITIONS[action].during.replace('ing', 'ed')}."
    )


def no_cache(entry: Model) -> str:
    """Say that the model cannot be asked to forget."""
    return f"Model {entry.name} does not take the RESIDENCY input: it has no cache to clear."


def no_way(entry: Model, action: Action) -> str:
    """Say from where the action would be possible."""
    start = " or ".join(sorted(TRANSITIONS[action].start))
    return f"Model {entry.name} is {entry.residency}: {action} needs a {start} model."


def not_in_time(model: str, missing: list[Model], seconds: float, memory: str) -> str:
    """Say what a request has waited for in vain; `memory`: what is said of that."""
    states = ", ".join(f"{entry.name} is {entry.residency}" for entry in missing)
    errors = "".join(
        f" The last error of {entry.name}: {entry.failure.last_error}"
        for entry in missing
        if entry.failure.failures
    )
    return f"Model {model} is not ready after {seconds:.1f} s of waiting: {states}.{errors}{memory}"


def does_not_fit(
    model: str, needs: Iterable[str], models: Mapping[str, Model], budget: Budget
) -> str:
    """Say why these models can never be hot together, and what would change that."""
    held = [models[name] for name in models if name in set(needs) or models[name].stays]
    listed = ", ".join(
        f"{entry.name} {_size(entry.memory.hot)}{' (pinned)' if entry.stays else ''}"
        for entry in held
        if entry.memory.hot
    )
    return (
        f"Model {model} does not fit into the GPU memory: {listed} need "
        f"{_size(budget.together(needs))} together, but there is only {_most(budget)}. Raise "
        "GREENROOM_GPU_BUDGET_BYTES or lower GREENROOM_GPU_RESERVE_BYTES as far as the GPU "
        "allows, unpin a model, or run one of them on the CPU."
    )


def no_room(
    model: str, entries: Collection[Model], models: Mapping[str, Model], budget: Budget
) -> str:
    """Say how much memory is needed, how much is free, and who holds the rest."""
    held = [
        f"{entry.name} holds {_size(entry.memory.held)} ({_why_held(entry)})"
        for entry in models.values()
        if entry.memory.held
    ]
    holders = ", ".join(held) or "no model of this service holds memory"
    return (
        f"Model {model} needs {_size(budget.need(entries))} of GPU memory and "
        f"{_size(max(0, budget.free))} of {_most(budget)} are free: {holders}."
    )


def _why_held(entry: Model) -> str:
    if entry.demand.leases:
        return "in use"
    if entry.stays:
        return "pinned"
    return "loaded by hand" if entry.by_hand else str(entry.residency)


def _most(budget: Budget) -> str:
    bounds = [f"a budget of {_size(budget.bound)}"] if budget.bound else []
    if budget.reading:
        total = _size(budget.reading.total_bytes)
        bounds.append(f"{total} on the GPU less a reserve of {_size(budget.reserve)}")
    return " and ".join(bounds)


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
