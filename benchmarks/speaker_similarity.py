"""How much more like its reference a clone is than the synthetic voice that it was made from.

Usage: ``python benchmarks/speaker_similarity.py [FOLDER]``. FOLDER holds recordings and, beside
each, a text file of the same stem with its transcript (no file: none is used); the language is
that of the transcript's script, English without one. Without FOLDER the bundled voices are taken,
which were made from the same synthetic voices and therefore gain less than a person's recording.

The measure is the cosine of Resemblyzer's speaker embeddings. Resemblyzer is no dependency of
this project and needs torch. Beside the project, in an environment of its own::

    python -m venv /tmp/similarity && . /tmp/similarity/bin/activate
    pip install torch librosa webrtcvad-wheels && pip install --no-deps resemblyzer
    pip install -e client -e . -e 'speech[embedded]'
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from resemblyzer import VoiceEncoder, preprocess_wav

from greenroom.managed.engine import text
from greenroom_speech.engines.embedded.base_voice import Speaker
from greenroom_speech.engines.embedded.languages import guess, language_of
from greenroom_speech.engines.embedded.tokenizer import profile
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.engines.embedded.world import RATE
from greenroom_speech.settings import EngineSettings
from greenroom_speech.voices import voices

SAID = {
    "en": (
        "The weather is very nice this morning.",
        "I would like to drink a cup of coffee.",
        "We will meet again at the station tomorrow.",
        "The children are playing in the garden behind the house.",
    ),
    "zh": (
        "今天天气很好，我们一起去公园散步吧。",
        "他昨天买了一本新书，非常有意思。",
        "请你明天早上八点给我打电话。",
        "我的朋友在北京的一家医院工作。",
    ),
}
Reference = tuple[str, Path, str]


def references(folder: Path | None) -> Iterator[Reference]:
    """Return name, recording and transcript of each reference."""
    if folder is None:
        yield from ((voice.name, voice.path, voice.transcript) for voice in voices())
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in {".wav", ".flac", ".mp3", ".ogg"}:
            words = path.with_suffix(".txt")
            yield path.stem, path, words.read_text(encoding="utf-8") if words.exists() else ""


class Comparison:
    """Cosines of clones and of unadapted voices with their references."""

    def __init__(self) -> None:
        self._encoder = VoiceEncoder("cpu", verbose=False)
        self._tts = EmbeddedTts(EngineSettings())
        self._speaker = Speaker()

    def cosines(self, reference: Reference) -> tuple[str, float, float, float]:
        """Return the language said, and the cosines of clone, mean and best unadapted voice."""
        _, path, transcript = reference
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1)
        language = guess(transcript) if guess(transcript) in SAID else "en"
        target = self._embedding(mono, rate)
        prompt = {**profile(mono, rate).tensors(), "TRANSCRIPT": text(transcript)}
        cloned = [
            self._tts.answer({**prompt, "TEXT": text(words), "LANGUAGE": text(language)})
            for words in SAID[language]
        ]
        joined = np.concatenate([answer["WAVEFORM"] for answer in cloned])
        plain = [float(target @ one) for one in self._unadapted(language)]
        ours = float(target @ self._embedding(joined, RATE))
        return language, ours, float(np.mean(plain)), max(plain)

    def close(self) -> None:
        """End the synthesizers."""
        self._tts.close()
        self._speaker.close()

    def _unadapted(self, language: str) -> list[np.ndarray]:
        made = []
        for voice in self._speaker.voices(language_of("", language)):
            parts = [part for words in SAID[language] for part in self._speaker.say(words, voice)]
            made.append(self._embedding(np.concatenate(parts), RATE))
        return made

    def _embedding(self, samples: np.ndarray, rate: int) -> np.ndarray:
        return self._encoder.embed_utterance(preprocess_wav(samples, source_sr=rate))


def main() -> None:
    parser = argparse.ArgumentParser(description="Cosine of clones with their references.")
    parser.add_argument("folder", type=Path, nargs="?", help="recordings; default: bundled voices")
    comparison = Comparison()
    gains = []
    print(f"{'reference':24} said  clone  plain voices: mean   best   gain over mean")
    for reference in references(parser.parse_args().folder):
        language, clone, mean, best = comparison.cosines(reference)
        gains.append(clone - mean)
        name = reference[0][:24]
        print(f"{name:24} {language:4} {clone:6.3f} {mean:19.3f} {best:6.3f} {clone - mean:+10.3f}")
    print(f"mean gain {np.mean(gains):+.3f} over {len(gains)} references")
    comparison.close()


if __name__ == "__main__":
    main()
