"""What the policy does to a model that nobody uses, and when."""

from greenroom.residency.model import Model
from greenroom.residency.states import Action, Residency


def idle_action(model: Model) -> tuple[float, Action] | None:
    """When the next idle action is due and which it is, None if there is none.

    The clock starts at the end of the last lease. After a manual action the policy waits for
    the next request, after a failed one for its back-off; a pinned model and an
    ensemble (it has no weights) never leave.
    """
    if model.policy.pinned or model.steps or model.by_hand or not model.idle:
        return None
    due = []
    if model.residency is Residency.HOT and model.controllable and model.policy.offload_after >= 0:
        due.append((model.demand.idle_since + model.policy.offload_after, Action.OFFLOAD))
    if model.residency in (Residency.HOT, Residency.WARM) and model.policy.unload_after >= 0:
        due.append((model.demand.idle_since + model.policy.unload_after, Action.UNLOAD))
    if not due:
        return None
    at, action = min(due, key=lambda item: (item[0], item[1] is not Action.UNLOAD))
    return max(at, model.failure.retry_at), action
