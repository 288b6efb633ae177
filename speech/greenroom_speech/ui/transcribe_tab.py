"""The tab that writes down what a recording of any length says, and when."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from greenroom_speech.engines.times import Timed
from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.progress import Done, failed, followed, told
from greenroom_speech.ui.recordings import samples
from greenroom_speech.ui.speech_requests import content_of, transcribed
from greenroom_speech.ui.stoppable_work import stop
from greenroom_speech.ui.transcript import GrowingTranscript, Segment
from greenroom_speech.ui.translations import Translations

_LATEST = 12
"""Segments that are shown while more come: of hours, all of them would be sent again and again."""


@dataclass(frozen=True)
class TranscribeTab:
    """Builds the tab and answers it."""

    server: GatewayClient
    words: Translations

    def build(self, prepared: gr.Blocks) -> None:
        """Lay the tab out; `prepared` is the page, whose load fills the lists."""
        w = self.words
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=300):
                file = gr.File(label=w("file"), elem_id="file", height=160)
                recording = gr.Audio(
                    sources=["microphone"], type="filepath",
                    label=w("microphone"), elem_id="spoken", buttons=["download"],
                )  # fmt: skip
                tried = samples(w, [recording], "transcribe-samples")
                language = gr.Dropdown(
                    [(w("heard_language"), "")], value="", label=w("language"),
                    elem_id="heard-language", allow_custom_value=True,
                )  # fmt: skip
            with gr.Column(scale=1, min_width=300):
                with gr.Row():
                    begin = gr.Button(
                        w("begin"), variant="primary", size="lg", elem_id="transcribe", scale=3
                    )
                    ended = gr.Button(
                        w("stop"), size="lg", elem_id="stop-hearing", scale=1, min_width=80
                    )
                status = gr.HTML(padding=False, elem_id="heard-status")
                text = gr.Textbox(
                    label=w("heard"), lines=8, max_lines=16, elem_id="heard",
                    interactive=False, buttons=["copy"],
                )  # fmt: skip
                files = gr.HTML(padding=False, elem_id="heard-files")
        table = gr.HTML(padding=False, elem_id="segments")
        quiet: dict[str, Any] = {"show_progress": "hidden"}
        work = gr.State()
        file.upload(lambda: None, None, recording, **quiet)
        for event in (recording.stop_recording, tried.then):
            event(lambda: None, None, file, **quiet)
        shown = [status, text, table, files, work]
        begin.click(self._hear, [file, recording, language], shown, **quiet)
        ended.click(stop, work, None, **quiet)
        prepared.load(self._languages, None, language, **quiet)

    async def _languages(self) -> Any:
        try:
            known = (await self.server.ask("GET", "/v1/tags")).json()["languages"]
        except GatewayError:
            return gr.skip()
        return gr.update(choices=[(self.words("heard_language"), ""), *known])

    async def _hear(
        self, file: str | None, recording: str | None, language: str | None
    ) -> AsyncIterator[tuple[Any, ...]]:
        path = file or recording
        if not path:
            yield failed(self.words("nothing_to_hear")), *(gr.skip(),) * 4
            return
        transcript = GrowingTranscript()
        yield "", "", "", "", transcript
        try:
            work = transcribed(self.server, content_of(path), language or "", transcript)

            def come() -> tuple[str, float | None] | None:
                return self._come(transcript)

            there = 0
            async for step in followed(self.server, self.words, ["asr"], "listening", work, come):
                if isinstance(step, Done):
                    yield self._ended(step, transcript), *self._whole(path, transcript), None
                elif len(transcript.segments) > there:
                    there = len(transcript.segments)
                    latest = self._table(transcript.segments[-_LATEST:])
                    yield step, transcript.text, latest, gr.skip(), gr.skip()
                else:
                    yield step, transcript.text, *(gr.skip(),) * 3
        except GatewayError as error:
            yield failed(str(error)), *(gr.skip(),) * 4

    def _come(self, transcript: GrowingTranscript) -> tuple[str, float | None] | None:
        if not transcript.text:
            return None
        heard, whole = transcript.heard, transcript.seconds
        if whole is None:
            return self.words("heard_so_far", heard=clock(heard)), None
        of = self.words("heard_of", heard=clock(heard), whole=clock(whole))
        return of, min(1.0, heard / whole)

    def _ended(self, end: Done[None], transcript: GrowingTranscript) -> str:
        if transcript.stopped:
            return told(self.words("stopped"))
        if end.error:
            return failed(end.error)
        return told(self.words("all_heard") if transcript.text else self.words("no_words"))

    def _whole(self, path: str, transcript: GrowingTranscript) -> tuple[str, str, str]:
        """Text, table and files, complete or as far as it came."""
        name = Path(path).stem
        links = "".join(_link(name, end, text) for end, text in transcript.files().items())
        files = f"<p>{self.words('download')}: {links}</p>" if links else ""
        return transcript.text, self._table(transcript.segments), files

    def _table(self, segments: list[Segment]) -> str:
        if not segments:
            return ""
        head = "".join(
            f'<th scope="col">{self.words(one)}</th>' for one in ("start", "end", "said")
        )
        rows = "".join(map(_row, segments))
        table = f'<table class="segments"><tr>{head}</tr>{rows}</table>'
        box = f'class="segments-box" role="region" aria-label="{self.words("heard")}" tabindex="0"'
        return f"<div {box}>{table}</div>"


def _row(segment: Segment) -> str:
    said = segment.said
    text = escape(said.text)
    if segment.words:
        words = "".join(_word(word) for word in segment.words)
        text = f"<details><summary>{text}</summary><ol>{words}</ol></details>"
    return f"<tr><td>{clock(said.start)}</td><td>{clock(said.end)}</td><td>{text}</td></tr>"


def _word(word: Timed) -> str:
    return f"<li>{escape(word.text)} <small>{word.start:.2f} - {word.end:.2f}</small></li>"


def _link(name: str, end: str, text: str) -> str:
    content = base64.b64encode(text.encode()).decode()
    file = f"{escape(name)}.{end}"
    return f'<a download="{file}" href="data:text/plain;base64,{content}">{end}</a> '


def clock(seconds: float) -> str:
    """As players show it, with tenths."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{whole}:{tenths / 10:04.1f}"
