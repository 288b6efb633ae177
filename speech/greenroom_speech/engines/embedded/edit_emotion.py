"""The task ``emotion``: the prosody of a feeling, a caricature and not acting."""

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.edit_prosody import Prosody

EMOTIONS = {
    "happy": Prosody(pitch=1.16, liveliness=1.33, pace=1.06, tilt_db=2.0),
    "excited": Prosody(pitch=1.22, liveliness=1.45, pace=1.14, tilt_db=3.0),
    "surprised": Prosody(pitch=1.22, liveliness=1.55, pace=0.98, tilt_db=1.5),
    "angry": Prosody(pitch=1.06, liveliness=1.3, pace=1.1, tilt_db=5.0),
    "fear": Prosody(pitch=1.14, liveliness=0.87, pace=1.12),
    "sad": Prosody(pitch=0.92, liveliness=0.62, pace=0.86, tilt_db=-4.0),
    "depressed": Prosody(pitch=0.88, liveliness=0.5, pace=0.8, tilt_db=-5.0),
    "coldness": Prosody(pitch=0.95, liveliness=0.5, tilt_db=-1.0),
    "calm": Prosody(pitch=0.965, liveliness=0.75, pace=0.93, tilt_db=-1.5),
    "remove": Prosody(liveliness=0.7),
}


def prosody_of(info: str) -> Prosody:
    """Raises InvalidInput for an emotion that is not done here."""
    prosody = EMOTIONS.get(info)
    if prosody is None:
        raise InvalidInput(
            f"TASK_INFO of 'emotion' is {info[:40]!r}; with the embedded engine it must be one "
            f"of {', '.join(EMOTIONS)}."
        )
    return prosody
