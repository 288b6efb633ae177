"""How fields of a request become tensors: each says so itself, where it is declared.

A field ``seed: Annotated[int | None, TensorField("SEED")] = None`` is an input SEED of shape [1]
where it is given. Nothing else has to know of it but the engines that honour it and tts's config.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from greenroom.plugin import Array


@dataclass(frozen=True)
class TensorField:
    """Marks a field as an input of tts: a string, whole number or fraction of shape [1]."""

    name: str


def text(*values: str) -> Array:
    """A STRING tensor of shape (n,), its items UTF-8."""
    return np.array([value.encode() for value in values], dtype=np.object_)


def one_text(array: Array) -> str:
    return str(array.reshape(-1)[0].decode())


def tensors_of(request: BaseModel) -> dict[str, Array]:
    """The tensors of the fields that are marked and given; an empty text is not given."""
    found = {}
    for name, field in type(request).model_fields.items():
        for mark in field.metadata:
            value = getattr(request, name)
            if isinstance(mark, TensorField) and value not in (None, ""):
                found[mark.name] = _tensor(value)
    return found


def _tensor(value: str | int | float) -> Array:
    if isinstance(value, str):
        return text(value)
    return np.array([value], np.int64 if isinstance(value, int) else np.float32)
