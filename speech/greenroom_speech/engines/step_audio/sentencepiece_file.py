"""The released ``tokenizer.model``: a SentencePiece model, read as what it is, a protobuf message.

Only the fields that are needed are declared here, under the numbers of SentencePiece's
``sentencepiece_model.proto``. The generated module of the sentencepiece package would tie the
protobuf version to its own.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from greenroom.errors import SetupError

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6
_UNIGRAM = 1
_FIELD = descriptor_pb2.FieldDescriptorProto
_MESSAGES: dict[str, dict[str, tuple[int, int, str]]] = {
    "Piece": {
        "piece": (1, _FIELD.TYPE_STRING, ""),
        "score": (2, _FIELD.TYPE_FLOAT, ""),
        "type": (3, _FIELD.TYPE_INT32, ""),
    },
    "Trainer": {"model_type": (3, _FIELD.TYPE_INT32, "")},
    "Normalizer": {"precompiled_charsmap": (2, _FIELD.TYPE_BYTES, "")},
    "Model": {
        "pieces": (1, _FIELD.TYPE_MESSAGE, "Piece"),
        "trainer_spec": (2, _FIELD.TYPE_MESSAGE, "Trainer"),
        "normalizer_spec": (3, _FIELD.TYPE_MESSAGE, "Normalizer"),
    },
}


@dataclass(frozen=True)
class Vocabulary:
    """A Unigram vocabulary; an id is a place in ``scored``."""

    scored: list[tuple[str, float]]
    unknown: int
    control: list[int]
    user_defined: list[int]
    byte_fallback: bool


def read_pieces(path: Path) -> Vocabulary:
    """Read a model file; SetupError for one that is no Unigram model without normalisation."""
    model = _message()()
    try:
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from error
    except DecodeError as error:
        raise SetupError(f"{path} is not a SentencePiece model: {error}.") from error
    kinds: dict[int, list[int]] = {}
    for number, piece in enumerate(model.pieces):
        kinds.setdefault(piece.type or _NORMAL, []).append(number)
    if model.trainer_spec.model_type not in (0, _UNIGRAM) or len(kinds.get(_UNKNOWN, ())) != 1:
        raise SetupError(f"{path} is not a Unigram model with one unknown piece.")
    if model.normalizer_spec.precompiled_charsmap:
        raise SetupError(f"{path} normalises its text; a Step1 tokenizer does not.")
    return Vocabulary(
        [(piece.piece, piece.score) for piece in model.pieces],
        kinds[_UNKNOWN][0],
        kinds.get(_CONTROL, []),
        kinds.get(_USER_DEFINED, []),
        _BYTE in kinds,
    )


@cache
def _message() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="greenroom/sentencepiece_model.proto", package="greenroom.sentencepiece"
    )
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind, of) in fields.items():
            field = declared.field.add(name=name, number=number, type=kind)
            field.label = _FIELD.LABEL_REPEATED if name == "pieces" else _FIELD.LABEL_OPTIONAL
            if of:
                field.type_name = f".greenroom.sentencepiece.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("greenroom.sentencepiece.Model")
    )
