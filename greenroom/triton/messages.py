"""How Triton says that the process behind a model is dead or stopped."""

import re

from greenroom.errors import BackendDied

_DEAD = re.compile(r"(?:in ensemble '[^']*', )*Stub process '(?P<instance>.+)' is not healthy\.")


def dead_backend(message: str) -> BackendDied | None:
    """Return the error if this is what Triton says, None for any other message.

    The whole message is compared: a model's own words may contain anything.
    """
    found = _DEAD.fullmatch(message)
    return BackendDied(found["instance"]) if found else None


def dead_model(instance: str, needs: tuple[str, ...]) -> str | None:
    """Return which of the models that a request needs an instance belongs to.

    Triton names instances ``<model>_<number>_<number>``, unless the model's config names them.
    """
    if len(needs) == 1:
        return needs[0]
    named = [name for name in needs if instance.startswith(f"{name}_")]
    return max(named, key=len, default=None)
