"""The asynchronous client."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self

import httpx
from httpx import USE_CLIENT_DEFAULT
from httpx_sse import EventSource

from greenroom_client import calls
from greenroom_client.answers import raise_if_bad
from greenroom_client.audio import Audio
from greenroom_client.calls import EVENTS_PATH, Answer, Call, Form
from greenroom_client.connection import Connection
from greenroom_client.defaults import DEFAULT_TIMEOUT, DEFAULT_URL
from greenroom_client.inputs import OneOrMore
from greenroom_client.residency import Event, ModelResidency, ResidencyReport
from greenroom_client.speech import Speech, Transcript
from greenroom_client.streams import STREAM_PATH, Pieces, clone_stream
from greenroom_client.voices import Voice


class AsyncClient:
    """Speaks to a Greenroom server; as Client, with coroutines. Runs on asyncio and trio."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        self._connection = Connection(url, api_key, timeout)
        self._http = httpx.AsyncClient(**self._connection.httpx_options())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def clone(
        self,
        audio: Audio,
        text: str,
        transcript: str | None = None,
        language: str | None = None,
        task: OneOrMore | None = None,
        task_info: OneOrMore | None = None,
        seed: int | None = None,
        audio_language: str | None = None,
    ) -> Speech:
        """Say ``text`` with the voice of ``audio``; the arguments are those of Client."""
        return await self._send(
            calls.clone(audio, text, transcript, language, task, task_info, seed, audio_language)
        )

    async def clone_stream(
        self,
        audio: Audio,
        text: str,
        transcript: str | None = None,
        language: str | None = None,
        task: str | None = None,
        task_info: str | None = None,
        seed: int | None = None,
        audio_language: str | None = None,
    ) -> AsyncIterator[Speech]:
        """Say ``text`` with the voice of ``audio`` as it is made; the arguments are Client's."""
        words = {
            "transcript": transcript,
            "language": language,
            "task": task,
            "task_info": task_info,
            "audio_language": audio_language,
        }
        call = clone_stream(audio, text, words, seed)
        async with AsyncExitStack() as stack:
            response = await self._begun(stack, "POST", STREAM_PATH, call.httpx_options)
            with self._connection.errors("POST", STREAM_PATH):
                pieces = Pieces(response)
                async for event in EventSource(response).aiter_sse():
                    if piece := pieces.read(event):
                        yield piece
            pieces.check_end()

    async def edit(
        self,
        audio: Audio | Speech,
        task: OneOrMore,
        info: OneOrMore | None = None,
        text: str | None = None,
        transcript: str | None = None,
        language: str | None = None,
        seed: int | None = None,
        audio_language: str | None = None,
        afresh: bool = False,
    ) -> Speech:
        """Change how ``audio`` is spoken; the arguments are those of Client."""
        if not afresh:
            return await self._send(
                calls.edit(audio, task, info, text, transcript, language, seed, audio_language)
            )
        made: Audio | Speech = audio
        for one, detail, words in calls.one_by_one(task, info, text):
            made = await self._send(
                calls.edit(made, one, detail, words, transcript, language, seed, audio_language)
            )
            transcript = None  # of the recording alone; speech brings its own
        assert isinstance(made, Speech)
        return made

    async def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        """``language``: language code of ``audio``, for its recognition."""
        return await self._send(calls.transcribe(audio, language))

    async def transcribe_file(
        self,
        audio: Audio,
        form: Form = "txt",
        *,
        words: bool = False,
        translate: bool = False,
        language: str | None = None,
    ) -> str:
        """What a recording of any length says; the arguments are those of Client."""
        return await self._send(calls.transcribe_file(audio, form, words, translate, language))

    async def residency(self) -> ResidencyReport:
        """Where every model is, and the GPU's memory."""
        return await self._send(calls.residency())

    async def load(self, model: str) -> ModelResidency:
        """Bring a cold model onto the GPU; returns when it is hot."""
        return await self._send(calls.act(model, "load"))

    async def offload(self, model: str) -> ModelResidency:
        """Free the GPU of a hot model; returns when it is warm."""
        return await self._send(calls.act(model, "offload"))

    async def restore(self, model: str) -> ModelResidency:
        """Bring a warm model back onto the GPU; returns when it is hot."""
        return await self._send(calls.act(model, "restore"))

    async def unload(self, model: str) -> ModelResidency:
        """End a model's process; returns when it is cold."""
        return await self._send(calls.act(model, "unload"))

    async def touch(self, model: str) -> ModelResidency:
        """Ask for a model ahead of a request."""
        return await self._send(calls.act(model, "touch"))

    async def set_policy(
        self,
        model: str,
        *,
        offload_after: float | None = None,
        unload_after: float | None = None,
        pinned: bool | None = None,
        max_waiting: int | None = None,
        max_wait: float | None = None,
    ) -> ModelResidency:
        """Change a model's policy until the server restarts; None leaves a field as it is."""
        return await self._send(
            calls.set_policy(
                model,
                {
                    "offload_after": offload_after,
                    "unload_after": unload_after,
                    "pinned": pinned,
                    "max_waiting": max_waiting,
                    "max_wait": max_wait,
                },
            )
        )

    async def metadata(self, model: str) -> dict[str, Any]:
        """The inputs and outputs of a model, as KServe v2 describes them."""
        return await self._send(calls.metadata(model))

    async def voices(self) -> list[Voice]:
        """The bundled and the saved voices."""
        return await self._send(calls.voices())

    async def save_voice(
        self,
        name: str,
        recording: bytes,
        consent: str,
        transcript: str | None = None,
        language: str | None = None,
    ) -> Voice:
        """Keep a recording, an audio file's bytes, as a voice.

        Args:
            name: what it will be called.
            recording: some seconds of the voice.
            consent: who speaks, and that this person agrees to be cloned.
            transcript: its words; None: the server recognises them.
            language: language code of the recording.
        """
        return await self._send(calls.save_voice(name, recording, consent, transcript, language))

    async def delete_voice(self, name: str) -> None:
        await self._send(calls.delete_voice(name))

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[Event]]:
        """Follow the transitions of all models: ``async with client.events() as events``."""
        async with AsyncExitStack() as stack:
            patient = {"timeout": self._connection.patient()}
            yield self._follow(await self._begun(stack, "GET", EVENTS_PATH, patient))

    async def _follow(self, response: httpx.Response) -> AsyncIterator[Event]:
        with self._connection.errors("GET", EVENTS_PATH):
            async for event in EventSource(response).aiter_sse():
                yield calls.read_event(event.data)

    async def _begun(
        self, stack: AsyncExitStack, method: str, path: str, options: dict[str, Any]
    ) -> httpx.Response:
        """An answer that goes on until the stack ends."""
        with self._connection.errors(method, path):
            response = await stack.enter_async_context(self._http.stream(method, path, **options))
            if not response.is_success:
                await response.aread()
        raise_if_bad(response)
        return response

    async def _send(self, call: Call[Answer]) -> Answer:
        with self._connection.errors(call.method, call.path):
            response = await self._http.request(
                call.method,
                call.path,
                content=call.content,
                headers=call.headers,
                timeout=self._connection.patient() if call.patient else USE_CLIENT_DEFAULT,
            )
        raise_if_bad(response)
        return call.read(response)
