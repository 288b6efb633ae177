"""The tab that changes how a recording sounds, again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from greenroom_speech.ui.clips import Clips
from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.progress import Done, failed, followed, told
from greenroom_speech.ui.recordings import recording_and_words
from greenroom_speech.ui.speak_tab import inserted
from greenroom_speech.ui.speak_tab import said as summary
from greenroom_speech.ui.speech_requests import CLONE_MODELS, content_of, edited, heard, prepared
from greenroom_speech.ui.translations import Translations

NEEDS_TEXT = "paralinguistic"
WORDLESS = ("denoise", "vad")


def needs_words(task: str | None) -> bool:
    """Whether the model is told what the recording says."""
    return task not in WORDLESS


@dataclass(frozen=True)
class EditTab:
    """Builds the tab and answers it."""

    server: GatewayClient
    words: Translations

    def build(self, session: gr.State, prepared: gr.Blocks) -> list[Any]:
        """Lay the tab out; `prepared` is the page, whose load fills the lists.

        Returns what takes a recording, and its words.
        """
        w = self.words
        tags = gr.State({})
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=300):
                before, said, tried = recording_and_words(w, w("recording"), "edit")
            with gr.Column(scale=1, min_width=300):
                task = gr.Dropdown([], label=w("task"), elem_id="task")
                info = gr.Dropdown([], label=w("info"), elem_id="info", allow_custom_value=True)
                with gr.Group(visible=False) as new:
                    text = gr.Textbox("", label=w("new_text"))
                    sounds = gr.Radio([], label=w("sounds"), visible=False, elem_id="edit-sounds")
                apply = gr.Button(w("apply"), variant="primary", size="lg", elem_id="apply")
                status = gr.HTML(padding=False, elem_id="edit-status")
        quiet: dict[str, Any] = {"show_progress": "hidden"}
        prepared.load(self._tags, None, [tags, task, info, sounds], **quiet)
        task.change(self._infos, [tags, task], [info, new, said], **quiet)
        sounds.input(inserted, [sounds, text], [text, sounds], **quiet)
        before.upload(self._prepare, [before, task], said, **quiet)
        before.stop_recording(self._prepare, [before, task], said, **quiet)
        before.clear(str, None, said, **quiet)
        tried.then(self._prewarm, before, None, **quiet)
        asked = [before, task, info, text, said, session]
        apply.click(self._apply, asked, [status, session], **quiet)
        return [before, said]

    async def _tags(self) -> tuple[Any, ...]:
        try:
            known = (await self.server.ask("GET", "/v1/tags")).json()
        except GatewayError:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        tags, sounds = known["tasks"], known["text_tags"]
        tasks = [(self.words.known(task), task) for task in tags]
        first = next(iter(tags), None)
        infos = tags.get(first, [])
        return (
            tags,
            gr.update(choices=tasks, value=first),
            gr.update(choices=infos, value=infos[0] if infos else None),
            gr.update(choices=sounds, visible=bool(sounds)),
        )

    def _infos(self, tags: dict[str, list[str]], task: str) -> tuple[Any, ...]:
        infos = tags.get(task, [])
        shown = gr.update(choices=infos, value=infos[0] if infos else None, visible=bool(infos))
        return shown, gr.update(visible=task == NEEDS_TEXT), gr.update(visible=needs_words(task))

    async def _prepare(self, before: str | None, task: str) -> str:
        """Write down what a new recording says, where the edit will need it."""
        with suppress(GatewayError):
            content = content_of(before or "")
            ahead = asyncio.create_task(prepared(self.server, content))
            words = await heard(self.server, content) if needs_words(task) else ""
            await ahead
            return words
        return ""

    async def _prewarm(self, before: str | None) -> None:
        with suppress(GatewayError):
            await prepared(self.server, content_of(before or ""))

    async def _apply(
        self,
        before: str | None,
        task: str,
        info: str | None,
        text: str,
        said: str,
        made: Clips,
    ) -> AsyncIterator[tuple[Any, ...]]:
        if not before:
            yield failed(self.words("no_recording")), gr.skip()
            return
        fields = {"task": task, "task_info": info or ""}
        if needs_words(task):
            fields["transcript"] = said.strip()
        if task == NEEDS_TEXT:
            fields["text"] = text
        try:
            work = edited(self.server, before, fields, said)
            async for step in followed(self.server, self.words, CLONE_MODELS, "editing", work):
                if not isinstance(step, Done):
                    yield step, gr.skip()
                elif step.result is None:
                    yield failed(step.error or ""), gr.skip()
                else:
                    kept = made.with_clip(step.result)
                    yield told(summary(self.words, step.result)), kept
        except GatewayError as error:
            yield failed(str(error)), gr.skip()
