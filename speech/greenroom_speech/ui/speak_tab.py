"""The tab that says a text in somebody's voice."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from greenroom_speech.sentences import spoken_seconds
from greenroom_speech.ui.clips import Clip, Clips
from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.live import LIVE, Take, Takes
from greenroom_speech.ui.progress import Done, failed, followed, told, working
from greenroom_speech.ui.recordings import recording_and_words
from greenroom_speech.ui.speech_requests import (
    CLONE_MODELS,
    cloned,
    content_of,
    drawn,
    heard,
    prepared,
)
from greenroom_speech.ui.stoppable_work import stop
from greenroom_speech.ui.translations import Translations
from greenroom_speech.voices import voices as bundled_voices

OWN, SAVED = "own", "saved"


@dataclass(frozen=True)
class SpeakTab:
    """Builds the tab and answers it."""

    server: GatewayClient
    words: Translations
    takes: Takes

    def build(self, session: gr.State, prepared: gr.Blocks) -> None:
        """Lay the tab out; `prepared` is the page, whose load fills the lists."""
        w = self.words
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=300):
                source = gr.Radio(
                    [(w("saved"), SAVED), (w("own"), OWN)],
                    value=SAVED, label=w("source"), elem_id="source",
                )  # fmt: skip
                with gr.Group() as saved:
                    voices = self._choice([vars(voice) for voice in bundled_voices()])
                    voice = gr.Dropdown(**voices, label=w("voice"), elem_id="voice")
                    with gr.Row():
                        preview = gr.Button(w("preview"), size="sm", elem_id="preview")
                        delete = gr.Button(w("delete"), size="sm", elem_id="delete-voice")
                    sample = gr.Audio(label=w("preview"), visible=False, interactive=False)
                with gr.Group(visible=False) as own:
                    recording, transcript, tried = recording_and_words(w, w("reference"), "speak")
                with gr.Accordion(w("keep"), open=False, visible=False) as keep:
                    name = gr.Textbox("", label=w("name"), max_length=64, elem_id="voice-name")
                    consent = gr.Textbox(
                        "", label=w("consent"), placeholder=w("consent_hint"), elem_id="consent"
                    )
                    save = gr.Button(w("save"), size="sm", elem_id="save-voice")
            with gr.Column(scale=1, min_width=300):
                text = gr.Textbox(w("sample_text"), label=w("text"), lines=5, elem_id="text")
                sounds = gr.Radio([], label=w("sounds"), visible=False, elem_id="sounds")
                with gr.Row():
                    say = gr.Button(w("say"), variant="primary", size="lg", elem_id="say", scale=3)
                    ended = gr.Button(w("stop"), size="lg", elem_id="stop", scale=1, min_width=80)
                status = gr.HTML(padding=False, elem_id="speak-status")
                live = gr.HTML(padding=False, elem_id="live")
                with gr.Accordion(w("more"), open=False, elem_id="more"):
                    language = gr.Dropdown(
                        [(w("automatic"), "")], value="", label=w("language"), elem_id="language"
                    )
                    number = gr.Radio(
                        [1, 2, 3, 4], value=1, label=w("draws"), info=w("draws_hint"),
                        elem_id="draws",
                    )  # fmt: skip
                    seed = gr.Textbox(
                        "", label=w("seed"), info=w("seed_hint"), max_length=20, elem_id="seed"
                    )
        quiet: dict[str, Any] = {"show_progress": "hidden"}
        source.change(self._shown, source, [own, saved, keep], **quiet)
        recording.upload(self._listen, recording, [transcript, status], **quiet)
        recording.stop_recording(self._listen, recording, [transcript, status], **quiet)
        tried.then(self._prepare, recording, None, **quiet)
        text.focus(self._prewarm, None, None, **quiet)
        playing = gr.State()
        asked = [source, recording, transcript, voice, text, language, session, number, seed]
        say.click(self._say, asked, [status, live, playing, session], **quiet)
        ended.click(stop, playing, None, **quiet)
        save.click(self._save, [name, consent, recording, transcript], [status, voice], **quiet)
        delete.click(self._delete, voice, [status, voice], **quiet)
        preview.click(self._preview, voice, [status, sample], **quiet)
        sounds.input(inserted, [sounds, text], [text, sounds], **quiet)
        prepared.load(self._lists, None, [voice, language, sounds, recording], **quiet)

    def _shown(self, source: str) -> tuple[Any, ...]:
        own = source == OWN
        return gr.update(visible=own), gr.update(visible=not own), gr.update(visible=own)

    async def _lists(self) -> tuple[Any, ...]:
        try:
            tags = (await self.server.ask("GET", "/v1/tags")).json()
            voices = await self._voices()
        except GatewayError:
            return (gr.skip(),) * 4
        sounds = tags["text_tags"]
        languages = [(self.words("automatic"), ""), *tags["languages"]]
        seconds = f"{tags['longest_reference']:g}"
        return (
            voices,
            gr.update(choices=languages),
            gr.update(choices=sounds, visible=bool(sounds)),
            gr.update(label=self.words("reference_seconds", seconds=seconds)),
        )

    async def _voices(self, chosen: str | None = None) -> Any:
        found = (await self.server.ask("GET", "/v1/voices")).json()["data"]
        return gr.update(**self._choice(found, chosen))

    def _choice(self, voices: list[dict[str, Any]], chosen: str | None = None) -> dict[str, Any]:
        """All of them, the chosen one or the first that speaks the page's language chosen."""
        known = self.words.known
        names = [
            (
                " · ".join(filter(None, (v["name"], known(v["description"] or v["language"])))),
                v["name"],
            )
            for v in voices
        ]
        own = [v["name"] for v in voices if v["language"] == self.words.language]
        first = next(iter(own), names[0][1])
        return {"choices": names, "value": chosen or first}

    async def _prewarm(self) -> None:
        await self.server.touch("tts")

    async def _prepare(self, recording: str | None) -> None:
        with suppress(GatewayError):
            await prepared(self.server, content_of(recording or ""))

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
        number: int,
        seed: str,
    ) -> AsyncIterator[tuple[Any, ...]]:
        missing = self._missing(source, recording, voice, text)
        if missing:
            yield _only(failed(self.words(missing)))
            return
        own = source == OWN
        fields = {"language": language, "seed": seed.strip()} | (
            {"transcript": transcript.strip()} if own else {"voice": voice}
        )
        try:
            content = content_of(recording or "") if own else None
            if number > 1:
                several = drawn(self.server, text, fields | {"n": number}, content)
                async for shown in self._drawn(several, made):
                    yield shown
                return
            token, take = self.takes.begin()
            yield "", player(token, self.words("result")), take, gr.skip()
            work = cloned(self.server, text, fields, content, take)
            come = partial(self._come, take, spoken_seconds(text))
            steps = followed(self.server, self.words, CLONE_MODELS, "speaking", work, come)
            async for step in steps:
                if not isinstance(step, Done):
                    yield _only(step)
                elif take.stopped:
                    yield told(self.words("stopped")), "", None, gr.skip()
                elif step.result is None:
                    yield _only(failed(step.error or ""))
                else:
                    kept = made.with_clip(step.result)
                    yield told(said(self.words, step.result)), gr.skip(), None, kept
        except GatewayError as error:
            yield _only(failed(str(error)))

    async def _drawn(
        self, work: Coroutine[Any, Any, list[Clip]], made: Clips
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Several draws, best first: each can be heard, and all are in the session."""
        async for step in followed(self.server, self.words, CLONE_MODELS, "speaking", work):
            if not isinstance(step, Done):
                yield _only(step)
            elif step.result is None:
                yield _only(failed(step.error or ""))
            else:
                for clip in reversed(step.result):
                    made = made.with_clip(clip)
                yield told(self.words("drawn", number=len(step.result))), "", None, made

    def _come(self, take: Take, expected: float) -> tuple[str, float] | None:
        """What has come of a take, and which share of what one expects."""
        seconds = take.seconds
        if not seconds:
            return None
        return self.words("come", seconds=f"{seconds:.1f}"), min(1.0, seconds / expected)

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
            voices = await self._voices(name)
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
        return told(self.words("voice_deleted", name=voice)), voices

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


def inserted(sound: str | None, text: str) -> tuple[str, None]:
    """The text with a sound more; its button can be pressed again."""
    return f"{text} {sound}".strip() if sound else text, None


def _only(status: str) -> tuple[Any, ...]:
    """What `_say` gives where nothing but the status has changed."""
    return status, gr.skip(), gr.skip(), gr.skip()


def player(token: str, name: str) -> str:
    """HTML: plays a take from its beginning while it is made."""
    source = f"{LIVE}/{token}"
    return f'<audio controls autoplay aria-label="{escape(name)}" src="{source}"></audio>'


def said(words: Translations, sound: Clip) -> str:
    done = words(
        "done",
        seconds=f"{sound.seconds:.1f}",
        took=f"{sound.took:.1f}",
        start=words.known(sound.start),
    )
    return f"{done} {words('seed_used', seed=sound.seed)}" if sound.seed else done
