"""How far the start of a word is from where it was said, by engine and by voice.

The recordings are made by synthesisers that tell how long each of their phones lasts: Kokoro
(its durations, three frames earlier, as its own times of words have them) and Flite. Words that
were not recognised do not count; the last column says how many were. With the folder that
benchmarks/whisper_base.py has made, whisper and faster-whisper are there too.

    .venv/bin/python benchmarks/word_times.py [MODELS_FOLDER]
"""

import sys
from pathlib import Path

import numpy as np

from greenroom.managed.engine import Engine, Request
from greenroom.settings import PROJECT
from greenroom_speech.engines.embedded.asr import EmbeddedAsr
from greenroom_speech.engines.faster_whisper.engine import FasterWhisperAsr
from greenroom_speech.engines.moonshine.engine import MoonshineAsr
from greenroom_speech.engines.whisper.engine import WhisperAsr
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
    engines: list[Engine] = [MoonshineAsr(EngineSettings()), EmbeddedAsr(EngineSettings())]
    if sys.argv[1:]:
        released = EngineSettings(models_dir=Path(sys.argv[1]), whisper_model="base")
        engines += [WhisperAsr(released), FasterWhisperAsr(released)]
    print("| engine | voice | mean ms | median ms | 95 % ms | words |\n|---|---|---|---|---|---|")
    for engine in engines:
        for shown, say, voice, rate in VOICES:
            errors, said = [], 0
            for sentence in SENTENCES:
                samples, known = say(sentence, voice)
                errors += start_errors(known, heard(engine, samples, rate))
                said += len(known)
            mean, median, most = 1000 * np.array(
                [np.mean(errors), np.median(errors), np.percentile(errors, 95)]
            )
            counted = f"{len(errors)} of {said}"
            print(
                f"| {engine.name} | {shown} | {mean:.0f} | {median:.0f} | {most:.0f} | {counted} |"
            )


def heard(engine: Engine, samples: np.ndarray, rate: int) -> list[tuple[str, float]]:
    """Each word and the second at which it begins."""
    asked = Request({"AUDIO": samples.astype(np.float32), "SAMPLE_RATE": np.array([rate])})
    asked.outputs = frozenset(("WORD_TEXTS", "WORD_TIMES"))
    answer = engine.answer(asked)
    starts = answer["WORD_TIMES"][:, 0].tolist()
    return list(zip(answer["WORD_TEXTS"].tolist(), starts, strict=True))


if __name__ == "__main__":
    main()
