"""How fast a speaker speaks, compared with a base voice."""

import numpy as np

from greenroom_speech.engines.embedded.base_texts import BASE_TEXTS
from greenroom_speech.engines.embedded.base_voice import BaseVoice, Speaker
from greenroom_speech.engines.embedded.languages import Language, guess
from greenroom_speech.engines.embedded.loudness import active_frames, frame_rms
from greenroom_speech.engines.embedded.voice_profile import SILENT, VoiceProfile

STRETCH = {"flite": (0.9, 1.1), "espeak": (0.6, 1.2)}
"""Bounds on the factor. Hurried Flite is understood less; espeak-ng's Mandarin is slow."""


def stretch_for(
    profile: VoiceProfile, transcript: str, language: Language, voice: BaseVoice, speaker: Speaker
) -> float:
    """The factor on the voice's durations that gives the speaker's pace.

    It is 1 without a transcript, or where that is in another script than the language.
    """
    if not transcript or guess(transcript) != guess(BASE_TEXTS[language.code]):
        return 1.0
    spoken = speaker.say(transcript, voice)
    ours = sum(int(np.count_nonzero(active_frames(frame_rms(piece)))) for piece in spoken)
    theirs = int(np.count_nonzero(profile.kinds != SILENT))
    return float(np.clip(theirs / ours, *STRETCH[voice.synthesizer])) if ours else 1.0
