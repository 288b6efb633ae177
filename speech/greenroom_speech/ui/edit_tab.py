"""The tab that changes how a recording sounds, again and again."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from greenroom_speech.ui.clips import KEPT, Clips
from greenroom_speech.ui.clone_tab import said
from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.progress import Done, failed, followed, told
from greenroom_speech.ui.speech_requests import CLONE_MODELS, content_of, edited, prepared
from greenroom_speech.ui.translations import Translations

NEEDS_TEXT = "paralinguistic"


@dataclass(frozen=True)
class EditTab:
    """Builds the tab and answers it."""

    server: GatewayClient
    words: Translations

    def build(self, session: gr.State, prepared: gr.Blocks) -> None:
        """Lay the tab out; `prepared` is the page, whose load fills the lists."""
        w = self.words
        tags = gr.State({})
        with gr.Row(equal_height=False):
            before = gr.Audio(
                sources=["upload", "microphone"], type="filepath",
                label=w("before"), elem_id="before", buttons=["download"],
            )  # fmt: skip
            after = gr.Audio(
                label=w("after"), type="filepath", interactive=False,
                elem_id="after", buttons=["download"],
            )  # fmt: skip
        with gr.Row():
            task = gr.Dropdown([], label=w("task"), elem_id="task", min_width=150)
            info = gr.Dropdown(
                [], label=w("info"), elem_id="info", allow_custom_value=True, min_width=150
            )
            text = gr.Textbox(label=w("new_text"), visible=False, min_width=300)
        with gr.Row():
            apply = gr.Button(w("apply"), variant="primary", elem_id="apply", min_width=140)
            again = gr.Button(w("again"), elem_id="again", min_width=140)
            take = gr.Button(w("from_clone"), elem_id="from-clone", min_width=140)
        status = gr.HTML(padding=False, elem_id="edit-status")
        gr.Markdown(f"### {w('history')}")
        history = gr.HTML(
            f'<p class="status">{w("no_history")}</p>', padding=False, elem_id="session"
        )
        number = gr.Radio([], label=w("take"), visible=False, elem_id="session-choice")
        quiet: dict[str, Any] = {"show_progress": "hidden"}
        prepared.load(self._tags, None, [tags, task, info], **quiet)
        task.change(self._infos, [tags, task], [info, text], **quiet)
        before.upload(self._prepare, before, None, **quiet)
        before.stop_recording(self._prepare, before, None, **quiet)
        apply.click(
            self._apply, [before, task, info, text, session], [status, after, session], **quiet
        )
        again.click(self._again, after, [before, after, status], **quiet)
        take.click(self._take, session, [before, status], **quiet)
        number.input(self._choose, [number, session], before, **quiet)
        session.change(self._history, session, [history, number], **quiet)

    async def _tags(self) -> tuple[Any, ...]:
        try:
            tags = (await self.server.ask("GET", "/v1/tags")).json()["tasks"]
        except GatewayError:
            return gr.skip(), gr.skip(), gr.skip()
        tasks = [(self.words.known(task), task) for task in tags]
        first = next(iter(tags), None)
        infos = tags.get(first, [])
        return (
            tags,
            gr.update(choices=tasks, value=first),
            gr.update(choices=infos, value=infos[0] if infos else None),
        )

    def _infos(self, tags: dict[str, list[str]], task: str) -> tuple[Any, Any]:
        infos = tags.get(task, [])
        shown = gr.update(choices=infos, value=infos[0] if infos else None, visible=bool(infos))
        return shown, gr.update(visible=task == NEEDS_TEXT)

    async def _prepare(self, before: str | None) -> None:
        with suppress(GatewayError):
            await prepared(self.server, content_of(before or ""))

    async def _apply(
        self, before: str | None, task: str, info: str | None, text: str, made: Clips
    ) -> AsyncIterator[tuple[Any, ...]]:
        if not before:
            yield failed(self.words("no_recording")), gr.skip(), gr.skip()
            return
        fields = {"task": task, "task_info": info or ""}
        if task == NEEDS_TEXT:
            fields["text"] = text
        try:
            work = edited(self.server, content_of(before), fields)
            async for step in followed(self.server, self.words, CLONE_MODELS, "editing", work):
                if not isinstance(step, Done):
                    yield step, gr.skip(), gr.skip()
                elif step.result is None:
                    yield failed(step.error or ""), gr.skip(), gr.skip()
                else:
                    kept = made.with_clip(step.result)
                    yield told(said(self.words, step.result)), step.result.playable, kept
        except GatewayError as error:
            yield failed(str(error)), gr.skip(), gr.skip()

    def _again(self, after: str | None) -> tuple[Any, ...]:
        if not after:
            return gr.skip(), gr.skip(), failed(self.words("no_result"))
        return after, None, ""

    def _take(self, made: Clips) -> tuple[Any, Any]:
        clones = [sound for sound in made.clips if sound.what == "clone"]
        if not clones:
            return gr.skip(), failed(self.words("no_result"))
        return clones[0].playable, ""

    def _choose(self, number: str, made: Clips) -> Any:
        place = int(number) - 1
        return made.clips[place].playable if place < len(made.clips) else gr.skip()

    def _history(self, made: Clips) -> tuple[Any, Any]:
        rows = "".join(
            f"<li><b>{place}</b><span>{escape(self.words.known(sound.what))}</span>"
            f"<em>{escape(sound.text[:80])}</em><i>{sound.seconds:.1f} s</i></li>"
            for place, sound in enumerate(made.clips, 1)
        )
        choices = [str(place) for place in range(1, len(made.clips) + 1)][:KEPT]
        return (
            f'<ol class="session">{rows}</ol>',
            gr.update(choices=choices, value=None, visible=bool(choices)),
        )
