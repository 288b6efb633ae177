"""What the policy does to a model that nobody uses, and when."""

from greenroom.residency.model import Model
from greenroom.residency.states import Action, Residency


def idle_action(model: Model) -> tuple[float, Action] | None:
    """When the next idle action is due and which it is, None if there is none.

    The clock starts at the end of the last lease. After a manual action the policy waits for
    the next request, after a failed one for its back-off; a pinned model and an
    ensemble (it has no weights) never leave.
    """
    demand, policy = model.demand, model.policy
    if demand.leases or demand.waiting or policy.pinned or model.steps or model.by_hand:
        return None
    hot = model.residency is Residency.HOT
    if not hot and model.residency is not Residency.WARM:
        return None
    offload = policy.offload_after if hot and model.controllable else -1
    unload = policy.unload_after
    if unload >= 0 and not 0 <= offload < unload:
        after, action = unload, Action.UNLOAD
    elif offload >= 0:
        after, action = offload, Action.OFFLOAD
    else:
        return None
    return max(demand.idle_since + after, model.failure.retry_at), action
