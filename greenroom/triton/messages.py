"""Triton's sentences, where what they say decides what is done."""

import re

from greenroom.errors import BackendDied

_DEAD = re.compile(r"(?:in ensemble '[^']*', )*Stub process '(?P<instance>.+)' is not healthy\.")
_DIED_LOADING = "Stub process '"
_BROKEN = ("Stream removed", "Socket closed", "recvmsg:", "Connection reset")
_RESTRICTED = "This protocol is restricted"
_NOT_READ = "failed to poll from model repository"
_UNREADABLE = ("failed to parse", "attempt to ")


def dead_backend(message: str) -> BackendDied | None:
    """An error if Triton says that the process behind a model is dead or stopped.

    The whole message is compared: a model's own words may contain anything.
    """
    found = _DEAD.fullmatch(message)
    return BackendDied(found["instance"]) if found else None


def dead_model(instance: str, needs: tuple[str, ...]) -> str | None:
    """Which of the models that a request needs an instance belongs to.

    Triton names instances ``<model>_<number>_<number>``, unless the model's config names them.
    """
    if len(needs) == 1:
        return needs[0]
    named = [name for name in needs if instance.startswith(f"{name}_")]
    return max(named, key=len, default=None)


def died_loading(message: str) -> bool:
    """A load has failed because the model's process died."""
    return _DIED_LOADING in message


def is_broken_connection(message: str) -> bool:
    """What gRPC itself says when the server ends in the middle of a call; Triton never does."""
    return message.startswith(_BROKEN)


def is_restricted(message: str) -> bool:
    """Triton refuses a call because of its key."""
    return message.startswith(_RESTRICTED)


def is_not_in_repository(message: str) -> bool:
    """A load has failed because the model's folder or its config cannot be read."""
    return _NOT_READ in message


def is_unreadable_json(message: str) -> bool:
    """A request failed because of its JSON; Triton calls that an error of its own (500)."""
    return any(words in message for words in _UNREADABLE)
