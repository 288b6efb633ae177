"""Text to ids, from the released SentencePiece file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace

from greenroom.errors import InvalidInput, SetupError
from greenroom_speech.engines.step_audio.audio_ids import AudioIds
from greenroom_speech.engines.step_audio.sentencepiece_file import Vocabulary, read_pieces

AUDIO_PIECE = re.compile(r"<audio_\d+>")


@dataclass(frozen=True)
class Marks:
    """Ids of the pieces that separate the turns of a conversation."""

    start: int = 1
    """``<s>``"""
    turn: int = 4
    """``<|BOT|>``"""
    end: int = 3
    """``<|EOT|>``"""


class TextTokenizer:
    """As transformers 4.53.3 reads the file, but for the id 1 that it puts before every text.

    Later releases of transformers rebuild it as another kind of model with other ids.
    """

    def __init__(self, pieces: Vocabulary) -> None:
        self._pieces = pieces
        self._ids = {piece: number for number, (piece, _) in enumerate(pieces.scored)}
        self._tokenizer = _built(pieces)
        self.marks = Marks(*(self._id(piece) for piece in ("<s>", "<|BOT|>", "<|EOT|>")))
        self.audio = AudioIds(self._id("<audio_0>"))

    @classmethod
    def read(cls, path: Path) -> "TextTokenizer":
        """Read a ``tokenizer.model``; SetupError where it is not one of Step1."""
        return cls(read_pieces(path))

    def __len__(self) -> int:
        return len(self._pieces.scored)

    def encode(self, text: str) -> list[int]:
        """Special pieces in the text are read as such; none is added."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def check_words(self, field: str, text: str) -> None:
        """Raises InvalidInput where a user's text would be read as more than words."""
        for number in self.encode(text):
            if number in self._reserved:
                piece = self._pieces.scored[number][0]
                raise InvalidInput(f"{field} contains {piece!r}; this is reserved for the model.")

    @cached_property
    def _reserved(self) -> frozenset[int]:
        audio = [n for n in self._pieces.user_defined if AUDIO_PIECE.fullmatch(self._piece(n))]
        return frozenset([self._pieces.unknown, *self._pieces.control, *audio])

    def _piece(self, number: int) -> str:
        return self._pieces.scored[number][0]

    def _id(self, piece: str) -> int:
        if piece not in self._ids:
            raise SetupError(
                f"tokenizer.model has no piece {piece!r}; the tokenizer of Step1 has it."
            )
        return self._ids[piece]


def _built(pieces: Vocabulary) -> Tokenizer:
    tokenizer = Tokenizer(Unigram(pieces.scored, pieces.unknown, pieces.byte_fallback))
    tokenizer.pre_tokenizer = Metaspace(prepend_scheme="first", split=False)
    special = [pieces.unknown, *pieces.control]
    tokenizer.add_special_tokens(_added(pieces, special, special=True))
    tokenizer.add_tokens(_added(pieces, pieces.user_defined, special=False))
    return tokenizer


def _added(pieces: Vocabulary, numbers: Sequence[int], special: bool) -> list[AddedToken]:
    return [
        AddedToken(pieces.scored[number][0], normalized=False, special=special)
        for number in numbers
    ]
