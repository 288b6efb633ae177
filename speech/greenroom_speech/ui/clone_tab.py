"""The tab that says a text in somebody's voice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from greenroom_speech.ui.clips import Clips
from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.progress import Done, failed, followed, told, working
from greenroom_speech.ui.speech_requests import (
    CLONE_MODELS,
    Clip,
    cloned,
    content_of,
    heard,
    prepared,
)
from greenroom_speech.ui.translations import Translations

OWN, SAVED = "own", "saved"


@dataclass(frozen=True)
class CloneTab:
    """Builds the tab and answers it."""

    server: GatewayClient
    words: Translations

    def build(self, session: gr.State, prepared: gr.Blocks) -> None:
        """Lay the tab out; `prepared` is the page, whose load fills the lists."""
        w = self.words
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=300):
                source = gr.Radio(
                    [(w("own"), OWN), (w("saved"), SAVED)],
                    value=OWN, label=w("source"), elem_id="source",
                )  # fmt: skip
                with gr.Group() as own:
                    recording = gr.Audio(
                        sources=["upload", "microphone"], type="filepath",
                        label=w("recording"), elem_id="recording", buttons=["download"],
                    )  # fmt: skip
                    transcript = gr.Textbox(
                        label=w("transcript"), info=w("transcript_hint"),
                        lines=2, elem_id="transcript",
                    )  # fmt: skip
                with gr.Group(visible=False) as saved:
                    voice = gr.Dropdown([], label=w("voice"), elem_id="voice")
                    with gr.Row():
                        preview = gr.Button(w("preview"), size="sm")
                        delete = gr.Button(w("delete"), size="sm", variant="stop")
                    sample = gr.Audio(label=w("preview"), visible=False, interactive=False)
                with gr.Accordion(w("keep"), open=False) as keep:
                    name = gr.Textbox(label=w("name"), max_length=64, elem_id="voice-name")
                    consent = gr.Textbox(
                        label=w("consent"), placeholder=w("consent_hint"), elem_id="consent"
                    )
                    save = gr.Button(w("save"), size="sm", elem_id="save-voice")
            with gr.Column(scale=1, min_width=300):
                text = gr.Textbox(
                    label=w("text"), placeholder=w("text_hint"), lines=5, elem_id="text"
                )
                language = gr.Dropdown(
                    [(w("automatic"), "")], value="", label=w("language"), elem_id="language"
                )
                say = gr.Button(w("say"), variant="primary", size="lg", elem_id="say")
                status = gr.HTML(padding=False, elem_id="clone-status")
                result = gr.Audio(
                    label=w("result"), interactive=False, elem_id="result", buttons=["download"]
                )
        quiet: dict[str, Any] = {"show_progress": "hidden"}
        source.change(self._shown, source, [own, saved, keep], **quiet)
        recording.upload(self._listen, recording, [transcript, status], **quiet)
        recording.stop_recording(self._listen, recording, [transcript, status], **quiet)
        text.focus(self._prewarm, None, None, **quiet)
        say.click(
            self._say,
            [source, recording, transcript, voice, text, language, session],
            [status, result, session],
            **quiet,
        )
        save.click(self._save, [name, consent, recording, transcript], [status, voice], **quiet)
        delete.click(self._delete, voice, [status, voice], **quiet)
        preview.click(self._preview, voice, [status, sample], **quiet)
        prepared.load(self._lists, None, [voice, language], **quiet)

    def _shown(self, source: str) -> tuple[Any, ...]:
        own = source == OWN
        return gr.update(visible=own), gr.update(visible=not own), gr.update(visible=own)

    async def _lists(self) -> tuple[Any, ...]:
        try:
            tags = (await self.server.ask("GET", "/v1/tags")).json()
            voices = await self._voices()
        except GatewayError:
            return gr.skip(), gr.skip()
        languages = [(self.words("automatic"), ""), *tags["languages"]]
        first = voices[0][1] if voices else None
        return gr.update(choices=voices, value=first), gr.update(choices=languages)

    async def _voices(self) -> list[tuple[str, str]]:
        found = (await self.server.ask("GET", "/v1/voices")).json()["data"]
        return [(f"{v['name']} · {v['language']}" if v["language"] else v["name"], v["name"])
                for v in found]  # fmt: skip

    async def _prewarm(self) -> None:
        await self.server.touch("tts")

    async def _listen(self, recording: str | None) -> AsyncIterator[tuple[Any, Any]]:
        """Write down what a new recording says, while tts comes to the stage."""
        if recording is None:
            return
        yield "", working(self.words("listening"))
        try:
            content = content_of(recording)
            ahead = asyncio.create_task(prepared(self.server, content))
            work = heard(self.server, content)
            async for step in followed(self.server, self.words, ["asr"], "listening", work):
                if not isinstance(step, Done):
                    yield gr.skip(), step
                elif step.error:
                    yield "", failed(step.error)
                else:
                    yield step.result, ""
            await ahead
        except GatewayError as error:
            yield "", failed(str(error))

    async def _say(
        self,
        source: str,
        recording: str | None,
        transcript: str,
        voice: str | None,
        text: str,
        language: str,
        made: Clips,
    ) -> AsyncIterator[tuple[Any, ...]]:
        missing = self._missing(source, recording, voice, text)
        if missing:
            yield failed(self.words(missing)), gr.skip(), gr.skip()
            return
        own = source == OWN
        fields = {"language": language} | (
            {"transcript": transcript.strip()} if own else {"voice": voice}
        )
        try:
            content = content_of(recording or "") if own else None
            work = cloned(self.server, text, fields, content)
            async for step in followed(self.server, self.words, CLONE_MODELS, "speaking", work):
                if not isinstance(step, Done):
                    yield step, gr.skip(), gr.skip()
                elif step.result is None:
                    yield failed(step.error or ""), gr.skip(), gr.skip()
                else:
                    kept = made.with_clip(step.result)
                    yield told(said(self.words, step.result)), step.result.playable, kept
        except GatewayError as error:
            yield failed(str(error)), gr.skip(), gr.skip()

    @staticmethod
    def _missing(source: str, recording: str | None, voice: str | None, text: str) -> str | None:
        if source == OWN and not recording:
            return "no_recording"
        if source == SAVED and not voice:
            return "no_voice"
        return None if text.strip() else "no_text"

    async def _save(
        self, name: str, consent: str, recording: str | None, transcript: str
    ) -> tuple[Any, Any]:
        if not recording:
            return failed(self.words("no_recording")), gr.skip()
        data = {"name": name, "consent": consent, "transcript": transcript.strip()}
        try:
            await self.server.ask(
                "POST",
                "/v1/voices",
                data={key: value for key, value in data.items() if value},
                files={"file": ("recording", content_of(recording))},
            )
            voices = gr.update(choices=await self._voices(), value=name)
        except GatewayError as error:
            return failed(str(error)), gr.skip()
        return told(self.words("voice_saved", name=name)), voices

    async def _delete(self, voice: str | None) -> tuple[Any, Any]:
        if not voice:
            return failed(self.words("no_voice")), gr.skip()
        try:
            await self.server.ask("DELETE", f"/v1/voices/{voice}")
            voices = await self._voices()
        except GatewayError as error:
            return failed(str(error)), gr.skip()
        first = voices[0][1] if voices else None
        return (
            told(self.words("voice_deleted", name=voice)),
            gr.update(choices=voices, value=first),
        )

    async def _preview(self, voice: str | None) -> AsyncIterator[tuple[Any, Any]]:
        if not voice:
            yield failed(self.words("no_voice")), gr.skip()
            return
        work = self.server.ask("GET", f"/v1/voices/{voice}/preview")
        async for step in followed(self.server, self.words, CLONE_MODELS, "speaking", work):
            if not isinstance(step, Done):
                yield step, gr.skip()
            elif step.result is None:
                yield failed(step.error or ""), gr.skip()
            else:
                sound = Clip(step.result.content, "", "", "", 0.0)
                yield "", gr.update(value=sound.playable, visible=True)


def said(words: Translations, sound: Clip) -> str:
    return words(
        "done",
        seconds=f"{sound.seconds:.1f}",
        took=f"{sound.took:.1f}",
        start=words.known(sound.start),
    )
