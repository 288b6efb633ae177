"""Whether Mandarin by kokoro is understood, and by the embedded voice beside it.

Whisper base, by the engine faster-whisper, hears what both say; what it writes and what was to be
said are compared as pinyin with tones, so another character of the same sound is no error. The
prompt lets it write simplified characters: of the traditional ones some readings are not known.
MODELS_FOLDER is what benchmarks/whisper_base.py has filled. References: the bundled Mandarin
voices, and the recordings that are given.

    .venv/bin/python benchmarks/mandarin.py MODELS_FOLDER [RECORDING...]
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from pypinyin import Style, lazy_pinyin

from greenroom.managed.engine import text
from greenroom_speech.engines.embedded.tokenizer import EmbeddedTokenizer
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.engines.faster_whisper.engine import FasterWhisperAsr
from greenroom_speech.engines.kokoro.tokenizer import KokoroTokenizer
from greenroom_speech.engines.kokoro.tts import KokoroTts
from greenroom_speech.settings import EngineSettings
from greenroom_speech.voices import voices
from greenroom_speech.word_errors import word_errors

SAID = (
    "今天早上的天气非常好。",
    "我想喝一杯热咖啡。",
    "我们明天在火车站见面。",
    "孩子们在房子后面的花园里玩。",
    "请把窗户打开，外面很凉快。",
    "这本书讲的是一个老人的故事。",
    "他每天早上都去公园跑步。",
    "你能告诉我图书馆在哪里吗？",
    "昨天晚上下了一场大雨。",
    "妈妈做的饭总是最好吃的。",
)
PROMPT = "以下是普通话的句子。"
HAN = re.compile(r"[\u4e00-\u9fff]+")


def references(recordings: list[Path]) -> Iterator[tuple[str, Path]]:
    for voice in voices():
        if voice.language == "zh":
            yield voice.name, voice.path
    for path in recordings:
        yield path.stem, path


def pinyin(words: str, style: Style) -> str:
    """Syllables between spaces; what is no character is left out."""
    return " ".join(lazy_pinyin("".join(HAN.findall(words)), style, neutral_tone_with_five=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("recordings", type=Path, nargs="*")
    given = parser.parse_args()
    settings = EngineSettings()
    ears = FasterWhisperAsr(
        EngineSettings(models_dir=given.models, whisper_model="base", asr_device="cpu")
    )
    engines = {
        "kokoro": (KokoroTokenizer(settings), KokoroTts(settings)),
        "embedded": (EmbeddedTokenizer(settings), EmbeddedTts(settings)),
    }
    sums = {name: np.zeros(3, int) for name in engines}
    print("| reference | engine | pinyin errors | without tones |\n|---|---|---|---|")
    for speaker, path in references(given.recordings):
        samples, rate = soundfile.read(path, dtype="float32")
        reference = {"AUDIO": samples, "SAMPLE_RATE": np.array([rate], np.int32)}
        for name, (tokenizer, tts) in engines.items():
            prompt = {**tokenizer.answer(reference), "TRANSCRIPT": text(""), "LANGUAGE": text("zh")}
            counted = np.zeros(3, int)
            for words in SAID:
                answer = tts.answer({**prompt, "TEXT": text(words)})
                asked = {"AUDIO": answer["WAVEFORM"], "SAMPLE_RATE": answer["WAVEFORM_RATE"]}
                known = {"AUDIO_LANGUAGE": text("zh"), "PROMPT": text(PROMPT)}
                heard = ears.answer({**asked, **known})["TRANSCRIPT"][0]
                toned, plain = (
                    word_errors(pinyin(words, style), pinyin(heard, style))
                    for style in (Style.TONE3, Style.NORMAL)
                )
                counted += (toned[0], plain[0], toned[1])
            sums[name] += counted
            print(_row(speaker, name, counted), flush=True)
    for name, counted in sums.items():
        print(_row("all", name, counted))


def _row(speaker: str, engine: str, counted: np.typing.NDArray[np.int_]) -> str:
    toned, plain, syllables = counted.tolist()
    return f"| {speaker} | {engine} | {toned / syllables:.3f} | {plain / syllables:.3f} |"


if __name__ == "__main__":
    main()
