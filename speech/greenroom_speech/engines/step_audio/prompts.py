"""The conversation that the language model continues with speech, and its ids.

There are two layouts of the same words: B is what the current weights are used with, A that of
2025, with its text in segments that are encoded one by one.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.step_audio.text_tokenizer import Marks, TextTokenizer

Layout = Literal["A", "B"]
Encode = Callable[[str], list[int]]

ANYBODY = "debug"
"""The speaker's name in 2026."""

_CLONE = (
    "Generate audio with the following timbre, prosody and speaking style\n"
    "\n"
    "[speaker_start]\n"
    "speaker name: {speaker}\n"
    "speaker prompt text: \n"
    "{said}\n"
    "speaker audio tokens: \n"
    "{audio}\n"
    "[speaker_end]\n"
)
_EDIT = (
    "As a highly skilled audio editing and tuning specialist, you excel in interpreting user "
    "instructions and applying precise adjustments to meet their needs. Your expertise spans a "
    "wide range of enhancement capabilities, including but not limited to:\n"
    "# Emotional Enhancement\n"
    "# Speaking Style Transfer\n"
    "# Non-linguistic Adjustments\n"
    "# Audio Tuning & Editing\n"
    "Note: You will receive instructions in natural language and are expected to accurately "
    "interpret and execute the most suitable audio edits and enhancements.\n"
)
_NAMED_BY = 1000
"""Samples at each end of a recording that its speaker is named by."""


@dataclass(frozen=True)
class PromptText:
    """What is said to the model."""

    system: str
    user: str
    clone: bool


def clone(said: str, codes: Iterable[int], text: str, speaker: str = ANYBODY) -> PromptText:
    """Ask for ``text`` in the voice of a recording that says ``said``.

    ``codes`` are those of the recording: the n of each piece ``<audio_n>``.
    """
    system = _CLONE.format(speaker=speaker, said=said, audio=audio_pieces(codes))
    return PromptText(system, text, clone=True)


def edit(instruction: str, codes: Iterable[int]) -> PromptText:
    """Ask for a recording again, changed as ``instruction`` says."""
    return PromptText(_EDIT, f"{instruction}\n{audio_pieces(codes)}\n", clone=False)


def audio_pieces(codes: Iterable[int]) -> str:
    """A recording as text: ``<audio_n>`` for each code n."""
    return "".join(f"<audio_{code}>" for code in codes)


def speaker_name(said: str, samples: Samples) -> str:
    """The speaker's name in 2025, by what is said and the recording as it came."""
    flat = np.ravel(samples).astype(np.float32)
    if flat.size > 2 * _NAMED_BY:
        flat = np.concatenate([flat[:_NAMED_BY], flat[-_NAMED_BY:]])
    return f"clone_{hashlib.sha256(said.encode() + flat.tobytes()).hexdigest()[:16]}"


def ids_of(conversation: PromptText, layout: Layout, tokenizer: TextTokenizer) -> list[int]:
    if layout == "B":
        return tokenizer.encode(layout_b(conversation))
    marks = tokenizer.marks
    return layout_a(conversation, lambda text: [marks.start, *tokenizer.encode(text)], marks)


def layout_b(conversation: PromptText) -> str:
    """The one text that layout B encodes."""
    return (
        f"<s><|BOT|> system\n{conversation.system}<|EOT|><|BOT|> human\n{conversation.user}<|EOT|>"
        "<|BOT|> assistant\n"
    )


def layout_a(conversation: PromptText, encode: Encode, marks: Marks) -> list[int]:
    """The ids of layout A. Its ``encode`` put id 1 before every segment in 2025."""
    user = encode(conversation.user)
    if conversation.clone:
        user = encode("\n" + conversation.user)[len(encode("\n")) :]
    return [
        *(marks.start, marks.turn, *encode("system\n" + conversation.system), marks.end),
        *(marks.turn, *encode("human\n"), *user, marks.end),
        *(marks.turn, *encode("assistant\n")),
    ]
