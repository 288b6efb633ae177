"""Make the bundled reference voices: synthetic speech with moved formants and pitch.

Usage: ``python benchmarks/make_voices.py`` writes speech/greenroom_speech/voices/*.flac. The
recordings are derived from Flite's and espeak-ng's output and belong to nobody.
"""

from dataclasses import dataclass, replace

import numpy as np
import soundfile

from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.base_voice import BaseVoice, Speaker
from greenroom_speech.engines.embedded.formants import warped
from greenroom_speech.engines.embedded.loudness import levelled
from greenroom_speech.engines.embedded.voice_pitch import smooth_pitch
from greenroom_speech.engines.embedded.world import RATE, Analysis, Floats
from greenroom_speech.voices import voices

RMS = 0.08
PAUSE = np.zeros(RATE // 4)


@dataclass(frozen=True)
class Recipe:
    """A base voice and what is moved."""

    base: BaseVoice
    formants: float
    pitch: float
    liveliness: float
    stretch: float = 1.0


RECIPES = {
    "clara": Recipe(BaseVoice("flite", "slt"), 0.94, 1.05, 1.0),
    "henry": Recipe(BaseVoice("flite", "rms"), 0.95, 1.1, 1.25),
    "lan": Recipe(BaseVoice("espeak", "cmn+f3"), 1.0, 1.15, 1.0, 0.8),
}


def moved(samples: Floats, recipe: Recipe) -> Floats:
    """Return base speech with the recipe's formants and pitch."""
    f0, times = smooth_pitch(samples)
    power = world.envelope(samples, f0, times)
    frames = Analysis(f0, power, world.aperiodicity(samples, f0, times))
    middle = np.median(f0[f0 > 0])
    pitch = np.where(f0 > 0, middle * (f0 / middle) ** recipe.liveliness * recipe.pitch, 0.0)
    envelope = np.exp(warped(np.log(power), recipe.formants))
    return world.synthesise(replace(frames, f0=pitch, envelope=envelope))


def main() -> None:
    speaker = Speaker()
    for voice in voices():
        recipe = RECIPES[voice.name]
        spoken = speaker.say(voice.transcript, recipe.base, recipe.stretch)
        parts = [part for piece in spoken for part in (PAUSE, moved(piece, recipe))][1:]
        samples = levelled(np.concatenate(parts), RMS)
        soundfile.write(voice.path, samples, RATE, subtype="PCM_16")
        print(f"{voice.path.name}: {samples.size / RATE:.1f} s, peak {np.max(np.abs(samples)):.2f}")
    speaker.close()


if __name__ == "__main__":
    main()
