"""Where a visitor gives a recording and its words, or takes those of a bundled voice."""

from typing import Any

import gradio as gr

from greenroom_speech.ui.translations import Translations
from greenroom_speech.voices import voice, voices


def recording_and_words(words: Translations, label: str, name: str) -> tuple[Any, Any, Any]:
    """Lay out a recording, what it says, and samples of both; `name` begins their ids.

    Returns the two and the event of a choice.
    """
    recording = gr.Audio(
        sources=["upload", "microphone"], type="filepath",
        label=label, elem_id=f"{name}-recording", buttons=["download"],
    )  # fmt: skip
    said = gr.Textbox(
        "", label=words("transcript"), info=words("transcript_hint"),
        lines=2, elem_id=f"{name}-transcript",
    )  # fmt: skip
    return recording, said, samples(words, [recording, said], f"{name}-samples")


def samples(words: Translations, filled: list[Any], name: str) -> Any:
    """Lay out a choice of them; `filled` take the recording and, if there are two, its words.

    Returns the event of a choice.
    """
    names = [one.name for one in voices()]
    choice = gr.Radio(names, label=words("samples"), elem_id=name)

    def chosen(name: str) -> Any:
        found = voice(name)
        recording = found.path.read_bytes()
        return (recording, found.transcript) if len(filled) > 1 else recording

    return choice.input(chosen, choice, filled, show_progress="hidden")
