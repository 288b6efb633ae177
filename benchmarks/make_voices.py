"""Make the bundled reference voices: synthetic speech by Kokoro.

Usage: ``python benchmarks/make_voices.py`` writes speech/greenroom_speech/voices/*.flac; it needs
the extra neural. Each is a blend of Kokoro's voices, so that it is nobody's, not even one of these.
"""

import numpy as np
import soundfile

from greenroom.managed.engine import text
from greenroom_speech.engines.embedded.loudness import levelled
from greenroom_speech.engines.embedded.world import RATE
from greenroom_speech.engines.kokoro.tts import KokoroTts
from greenroom_speech.settings import EngineSettings
from greenroom_speech.voices import voices

RMS = 0.08
BLENDS = {
    "clara": "af_heart(2)+bf_emma(1)",
    "henry": "am_michael(2)+bm_george(1)",
    "lan": "zf_xiaoxiao(2)+zf_xiaoyi(1)",
    "wei": "zm_yunxi(2)+zm_yunyang(1)",
}


def main() -> None:
    engine = KokoroTts(EngineSettings())
    for voice in voices():
        asked = {"TEXT": text(voice.transcript), "VOICE": text(BLENDS[voice.name])}
        said = engine.answer({**asked, "LANGUAGE": text(voice.language)})["WAVEFORM"]
        samples = levelled(said.astype(np.float64), RMS)
        soundfile.write(voice.path, samples, RATE, subtype="PCM_16")
        print(f"{voice.path.name}: {samples.size / RATE:.1f} s, peak {np.max(np.abs(samples)):.2f}")
    engine.close()


if __name__ == "__main__":
    main()
