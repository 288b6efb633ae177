"""How near clones by kokoro come to people, and whether they are understood; embedded beside it.

Usage: ``python benchmarks/neural_voice.py FOLDER [--limit N]``. FOLDER holds recordings named
SPEAKER-CHAPTER-UTTERANCE as LibriSpeech has them; of each speaker the first of 7 to 14 s is the
reference. One line for each speaker and engine, then the medians.

R is the cosine by Resemblyzer (in no extra: ``pip install --no-deps resemblyzer`` and
``webrtcvad-wheels``, with torch and librosa), E that by the embedder of the service, which chooses
by it. Both are told for the reference and, behind the slash, for the speaker's other utterances.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from resemblyzer import VoiceEncoder, preprocess_wav

from greenroom.managed.engine import Tensors, text
from greenroom_speech.engines.embedded.asr import EmbeddedAsr
from greenroom_speech.engines.embedded.tokenizer import EmbeddedTokenizer
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.engines.embedded.world import RATE
from greenroom_speech.engines.kokoro.embedder import Embedder
from greenroom_speech.engines.kokoro.tokenizer import KokoroTokenizer
from greenroom_speech.engines.kokoro.tts import KokoroTts
from greenroom_speech.engines.moonshine.engine import MoonshineAsr
from greenroom_speech.settings import EngineSettings
from greenroom_speech.word_errors import word_errors

SAID = (
    "The weather is very nice this morning.",
    "I would like to drink a cup of coffee.",
    "We will meet again at the station tomorrow.",
    "The children are playing in the garden behind the house.",
)
SECONDS = (7.0, 14.0)


def speakers(folder: Path) -> Iterator[tuple[str, Path, list[Path]]]:
    """Return each speaker's name, reference and other utterances."""
    known: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.flac")):
        known.setdefault(path.name.partition("-")[0], []).append(path)
    for name, paths in known.items():
        fits = [path for path in paths if SECONDS[0] <= soundfile.info(path).duration <= SECONDS[1]]
        if fits:
            yield name, fits[0], [path for path in paths if path != fits[0]]


class Judge:
    """Measures what an engine said."""

    def __init__(self, settings: EngineSettings) -> None:
        self._encoder, self._embedder = (
            VoiceEncoder("cpu", verbose=False),
            Embedder(settings.models),
        )
        self._ears = {"moonshine": MoonshineAsr(settings), "pocketsphinx": EmbeddedAsr(settings)}

    def voices(self, samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the embeddings by R and by E."""
        prepared = preprocess_wav(samples, source_sr=rate)
        return self._encoder.embed_utterance(prepared), self._embedder.embedding(samples, rate)

    def errors(self, waves: list[np.ndarray]) -> dict[str, float]:
        """Return the word error rate of each recogniser."""
        rates = {}
        for name, ears in self._ears.items():
            pairs = [
                word_errors(words, ears.hear(wave, RATE, timed=False).text)
                for words, wave in zip(SAID, waves, strict=True)
            ]
            rates[name] = sum(wrong for wrong, _ in pairs) / sum(said for _, said in pairs)
        return rates


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compare clones by kokoro and by the embedded voice."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=99, help="how many speakers")
    options = parser.parse_args()
    settings = EngineSettings()
    judge, pitch = Judge(settings), EmbeddedTokenizer(settings)
    engines = {
        "kokoro": (KokoroTokenizer(settings), KokoroTts(settings)),
        "embedded": (pitch, EmbeddedTts(settings)),
    }
    rows: dict[str, list[list[float]]] = {name: [] for name in engines}
    for speaker, path, others in list(speakers(options.folder))[: options.limit]:
        samples, rate = soundfile.read(path, dtype="float32")
        target = judge.voices(samples, rate)
        unseen = [judge.voices(*soundfile.read(other, dtype="float32")) for other in others]
        asked = {"AUDIO": samples, "SAMPLE_RATE": np.array([rate], np.int32)}
        for name, (tokenizer, tts) in engines.items():
            begin = time.process_time()
            prompt: Tensors = {**tokenizer.answer(asked), "TRANSCRIPT": text("")}
            learnt = time.process_time()
            waves = [tts.answer({**prompt, "TEXT": text(words)})["WAVEFORM"] for words in SAID]
            whole, spent = np.concatenate(waves), time.process_time() - learnt
            ours = judge.voices(whole, RATE)
            wer = judge.errors(waves)
            row = [
                *(float(one @ other) for one, other in zip(ours, target, strict=True)),
                *(
                    float(np.mean([one @ other[place] for other in unseen])) if unseen else np.nan
                    for place, one in enumerate(ours)
                ),
                wer["moonshine"],
                wer["pocketsphinx"],
                _median(pitch, whole, RATE) / _median(pitch, samples, rate),
                learnt - begin,
                spent / (whole.size / RATE),
            ]
            rows[name].append(row)
            print(f"{speaker:6} {name:9} {_shown(row)}", flush=True)
    for name, kept in rows.items():
        print(f"{'median':6} {name:9} {_shown(list(np.nanmedian(kept, axis=0)))}")
        print(f"{'least':6} {name:9} {_shown(list(np.nanmin(kept, axis=0)))}")
        print(f"{'most':6} {name:9} {_shown(list(np.nanmax(kept, axis=0)))}")
        print(f"{'mean':6} {name:9} {_shown(list(np.nanmean(kept, axis=0)))}")


def _median(tokenizer: EmbeddedTokenizer, samples: np.ndarray, rate: int) -> float:
    heard = tokenizer.answer({"AUDIO": samples, "SAMPLE_RATE": np.array([rate], np.int32)})
    f0 = heard["SPEECH_FEATURES"][:, 0]
    return float(np.median(f0[f0 > 0]))


def _shown(row: list[float]) -> str:
    near, near_e, far, far_e, wer, wer_p, pitch, learning, factor = row
    return (
        f"R {near:.2f}/{far:.2f}  E {near_e:.2f}/{far_e:.2f}  "
        f"WER {wer:.3f} (pocketsphinx {wer_p:.3f})  F0 {pitch:.2f}  "
        f"tokenizer {learning:.1f} CPU s, {factor:.2f} CPU s a second"
    )


if __name__ == "__main__":
    main()
