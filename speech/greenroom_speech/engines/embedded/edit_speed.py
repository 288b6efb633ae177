"""The task ``speed``: the same words faster or slower, at the same pitch."""

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.edit_prosody import Prosody

WORDS = {"more slower": 0.65, "slower": 0.8, "faster": 1.25, "more faster": 1.5}
SLOWEST, FASTEST = 0.5, 2.0


def prosody_of(info: str) -> Prosody:
    """``info`` is one of WORDS or a factor on the speed; InvalidInput for anything else."""
    factor = WORDS.get(info)
    if factor is None:
        factor = _number(info)
    return Prosody(pace=factor)


def _number(info: str) -> float:
    try:
        factor = float(info)
    except ValueError:
        factor = 0.0
    if not SLOWEST <= factor <= FASTEST:
        raise InvalidInput(
            f"TASK_INFO of 'speed' is {info[:40]!r}; it must be one of {', '.join(WORDS)}, "
            f"or a factor from {SLOWEST:g} to {FASTEST:g}."
        )
    return factor
