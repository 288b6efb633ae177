"""How far the start of a word is from where it was said, by engine and by voice.

The recordings are made by synthesisers that tell how long each of their phones lasts: Kokoro
(its durations, three frames earlier, as its own times of words have them) and Flite. Words that
were not recognised do not count; the last column says how many were.

    .venv/bin/python benchmarks/word_times.py
"""

import sys

import numpy as np

from greenroom.settings import PROJECT
from greenroom_speech.engines.embedded.asr import EmbeddedAsr
from greenroom_speech.engines.english_asr import EnglishAsr
from greenroom_speech.engines.moonshine.engine import MoonshineAsr
from greenroom_speech.settings import EngineSettings

sys.path.append(str(PROJECT / "tests"))
from timed_speech import SENTENCES, by_flite, by_kokoro, start_errors

VOICES = (
    ("Kokoro af_heart", by_kokoro, "af_heart", 24_000),
    ("Kokoro am_michael", by_kokoro, "am_michael", 24_000),
    ("Flite rms", by_flite, "rms", 16_000),
    ("Flite slt", by_flite, "slt", 16_000),
)


def main() -> None:
    engines: list[EnglishAsr] = [MoonshineAsr(EngineSettings()), EmbeddedAsr(EngineSettings())]
    print("| engine | voice | mean ms | median ms | 95 % ms | words |\n|---|---|---|---|---|---|")
    for engine in engines:
        for shown, say, voice, rate in VOICES:
            errors, said = [], 0
            for sentence in SENTENCES:
                samples, known = say(sentence, voice)
                heard = engine.hear(samples.astype(np.float32), rate, timed=True)
                errors += start_errors(known, [(one.text, one.start) for one in heard.words])
                said += len(known)
            mean, median, most = 1000 * np.array(
                [np.mean(errors), np.median(errors), np.percentile(errors, 95)]
            )
            counted = f"{len(errors)} of {said}"
            print(
                f"| {engine.name} | {shown} | {mean:.0f} | {median:.0f} | {most:.0f} | {counted} |"
            )


if __name__ == "__main__":
    main()
