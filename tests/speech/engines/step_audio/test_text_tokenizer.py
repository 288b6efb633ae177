"""Ids of a small tokenizer.model against those of sentencepiece itself."""

from pathlib import Path

import pytest
import sentencepiece
from parity_fixtures import parity_json
from tiny_checkpoints.tiny_tokenizer_model import tokenizer_model

from greenroom.errors import InvalidInput, SetupError
from greenroom_speech.engines.step_audio.prompts import clone, ids_of
from greenroom_speech.engines.step_audio.text_tokenizer import TextTokenizer

PROMPTS = parity_json("prompts")
CONTROL = ("<|EOT|>", "<|BOT|>")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    path.write_bytes(tokenizer_model())
    return path


@pytest.fixture(scope="module")
def tokenizer(path: Path) -> TextTokenizer:
    return TextTokenizer.read(path)


@pytest.fixture(scope="module")
def reference(path: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def texts() -> list[str]:
    probes = [probe["text"] for probe in PROMPTS["tokenizer_probe"]]
    jobs = [job["instruction"] or "" for job in PROMPTS["jobs"]]
    return [*probes, *jobs, *PROMPTS["texts"].values(), PROMPTS["system_prompt_edit"], "", "<tool>"]


@pytest.mark.parametrize("text", texts())
def test_same_ids_as_sentencepiece(
    tokenizer: TextTokenizer, reference: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    """But for three things: control pieces are read from text, and a space mark is put neither
    before a leading piece such as <audio_0> nor before a leading space."""
    if any(piece in text for piece in CONTROL):
        return
    wanted = reference.encode(text)
    if text.startswith((" ", "<")):
        wanted = wanted[1:]
    assert tokenizer.encode(text) == wanted


def test_control_pieces_are_read(
    tokenizer: TextTokenizer, reference: sentencepiece.SentencePieceProcessor
) -> None:
    ids = tokenizer.encode("<s><|BOT|> human\nx<|EOT|>")
    human = reference.encode("human\n")
    (x,) = (number for number in tokenizer.encode("ax") if number not in tokenizer.encode("a"))
    assert ids == [1, tokenizer.marks.turn, *human, x, tokenizer.marks.end]


def test_no_id_is_put_in_front(tokenizer: TextTokenizer) -> None:
    assert tokenizer.encode("hello")[0] != tokenizer.marks.start
    assert tokenizer.encode("") == []


def test_a_clone_prompt_in_both_layouts(tokenizer: TextTokenizer) -> None:
    said = clone("hello", [0, 1, 1024, 1025, 5119], "world")
    b, a = ids_of(said, "B", tokenizer), ids_of(said, "A", tokenizer)
    audio = [tokenizer.audio.first + code for code in (0, 1, 1024, 1025, 5119)]
    for ids in (a, b):
        first = ids.index(audio[0])
        assert ids[first : first + 5] == audio
        assert (ids.count(tokenizer.marks.turn), ids.count(tokenizer.marks.end)) == (3, 2)
        assert ids[:2] == [tokenizer.marks.start, tokenizer.marks.turn]
    assert b.count(tokenizer.marks.start) == 1
    assert a.count(tokenizer.marks.start) == 4


@pytest.mark.parametrize("text", ["a<|EOT|>b", "<s>", "<unk>", "hm <audio_5>"])
def test_words_that_are_more_than_words_are_refused(tokenizer: TextTokenizer, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"TEXT contains '<.*>'; this is reserved"):
        tokenizer.check_words("TEXT", text)


def test_other_words_are_not(tokenizer: TextTokenizer) -> None:
    tokenizer.check_words("TEXT", "Say <audio>, <|x|> and [Laughter], naïve ☃ 𝄞\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"nonsense", "is not a SentencePiece model"),
        (lambda data: b"", "is not a Unigram model"),
        (lambda data: data[: len(data) // 2], "is not a SentencePiece model"),
        (lambda data: data.replace(b"<|BOT|>", b"<|bot|>"), r"no piece '<\|BOT\|>'"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, change: object, message: str) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(change(tokenizer_model()))
    with pytest.raises(SetupError, match=message):
        TextTokenizer.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"tokenizer.model cannot be read: No such file"):
        TextTokenizer.read(tmp_path / "tokenizer.model")
