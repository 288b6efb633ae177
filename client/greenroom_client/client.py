"""The synchronous client."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


class Client:
    """Speaks to a Greenroom server; safe to share between threads.

    ``timeout`` is in seconds for each answer, None waits for ever. Every method raises
    errors of ``greenroom_client.errors`` and no others.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        self._connection = Connection(url, api_key, timeout)
        self._http = httpx.Client(**self._connection.httpx_options())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def clone(
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
        """Say ``text`` with the voice of ``audio``.

        Args:
            audio: the voice to clone, some seconds of it.
            text: what to say.
            transcript: the words of ``audio``; None: the server recognises them.
            language: language code of ``text``; None: the server guesses.
            task: what else to do to the result, in order, such as "emotion".
            task_info: for each task its detail, such as "happy".
            seed: the same seed gives the same speech.
            audio_language: language code of ``audio``, for its recognition.
        """
        return self._send(
            calls.clone(audio, text, transcript, language, task, task_info, seed, audio_language)
        )

    def clone_stream(
        self,
        audio: Audio,
        text: str,
        transcript: str | None = None,
        language: str | None = None,
        task: str | None = None,
        task_info: str | None = None,
        seed: int | None = None,
        audio_language: str | None = None,
    ) -> Iterator[Speech]:
        """Say ``text`` with the voice of ``audio``, and hand over the speech as it is made.

        Text of any length: the server says it sentence by sentence. Who stops iterating ends the
        work. Raises ServerError or ConnectionFailed when it breaks off.

        Args:
            audio: the voice to clone, some seconds of it.
            text: what to say.
            transcript: the words of ``audio``; None: the server recognises them.
            language: language code of ``text``; None: the server guesses.
            task: what else to do to the result, such as "emotion".
            task_info: the task's detail, such as "happy".
            seed: the same seed gives the same speech.
            audio_language: language code of ``audio``, for its recognition.
        """
        words = {
            "transcript": transcript,
            "language": language,
            "task": task,
            "task_info": task_info,
            "audio_language": audio_language,
        }
        call = clone_stream(audio, text, words, seed)
        with ExitStack() as stack:
            response = self._begun(stack, "POST", STREAM_PATH, call.httpx_options)
            with self._connection.errors("POST", STREAM_PATH):
                pieces = Pieces(response)
                for event in EventSource(response).iter_sse():
                    if piece := pieces.read(event):
                        yield piece
            pieces.check_end()

    def edit(
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
        """Change how ``audio`` is spoken.

        Args:
            audio: the speech to edit; the words of what the service has made go along.
            task: one task or several in order: emotion, style, speed, paralinguistic,
                denoise, vad.
            info: for each task its detail, such as "happy" or "1.2".
            text: the new words, for tasks that change them.
            transcript: the words of ``audio``; None: the server recognises them.
            language: language code of ``text``.
            seed: the same seed gives the same speech.
            audio_language: language code of ``audio``, for its recognition.
            afresh: make each further edit of the sound of the one before, analysed again; one
                request for each task, in order.
        """
        if not afresh:
            return self._send(
                calls.edit(audio, task, info, text, transcript, language, seed, audio_language)
            )
        made: Audio | Speech = audio
        for one, detail, words in calls.one_by_one(task, info, text):
            made = self._send(
                calls.edit(made, one, detail, words, transcript, language, seed, audio_language)
            )
            transcript = None  # of the recording alone; speech brings its own
        assert isinstance(made, Speech)
        return made

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        """``language``: language code of ``audio``, for its recognition."""
        return self._send(calls.transcribe(audio, language))

    def transcribe_file(
        self,
        audio: Audio,
        form: Form = "txt",
        *,
        words: bool = False,
        translate: bool = False,
        language: str | None = None,
    ) -> str:
        """What a recording of any length says, as the text of a file; waits as long as it takes.

        Args:
            audio: the recording, or a video's path or bytes.
            form: txt, srt or vtt (subtitles), or json: text, language and segments with times.
            words: in json also the time of each word.
            translate: into English, with an engine that can.
            language: language code of ``audio``.
        """
        return self._send(calls.transcribe_file(audio, form, words, translate, language))

    def residency(self) -> ResidencyReport:
        """Where every model is, and the GPU's memory."""
        return self._send(calls.residency())

    def load(self, model: str) -> ModelResidency:
        """Bring a cold model onto the GPU; returns when it is hot."""
        return self._send(calls.act(model, "load"))

    def offload(self, model: str) -> ModelResidency:
        """Free the GPU of a hot model; returns when it is warm."""
        return self._send(calls.act(model, "offload"))

    def restore(self, model: str) -> ModelResidency:
        """Bring a warm model back onto the GPU; returns when it is hot."""
        return self._send(calls.act(model, "restore"))

    def unload(self, model: str) -> ModelResidency:
        """End a model's process; returns when it is cold."""
        return self._send(calls.act(model, "unload"))

    def touch(self, model: str) -> ModelResidency:
        """Ask for a model ahead of a request."""
        return self._send(calls.act(model, "touch"))

    def set_policy(
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
        return self._send(
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

    def metadata(self, model: str) -> dict[str, Any]:
        """The inputs and outputs of a model, as KServe v2 describes them."""
        return self._send(calls.metadata(model))

    def voices(self) -> list[Voice]:
        """The bundled and the saved voices."""
        return self._send(calls.voices())

    def save_voice(
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
        return self._send(calls.save_voice(name, recording, consent, transcript, language))

    def delete_voice(self, name: str) -> None:
        self._send(calls.delete_voice(name))

    @contextmanager
    def events(self) -> Iterator[Iterator[Event]]:
        """Follow the transitions of all models: ``with client.events() as events``."""
        with ExitStack() as stack:
            patient = {"timeout": self._connection.patient()}
            yield self._follow(self._begun(stack, "GET", EVENTS_PATH, patient))

    def _follow(self, response: httpx.Response) -> Iterator[Event]:
        with self._connection.errors("GET", EVENTS_PATH):
            for event in EventSource(response).iter_sse():
                yield calls.read_event(event.data)

    def _begun(
        self, stack: ExitStack, method: str, path: str, options: dict[str, Any]
    ) -> httpx.Response:
        """An answer that goes on until the stack ends."""
        with self._connection.errors(method, path):
            response = stack.enter_context(self._http.stream(method, path, **options))
            if not response.is_success:
                response.read()
        raise_if_bad(response)
        return response

    def _send(self, call: Call[Answer]) -> Answer:
        with self._connection.errors(call.method, call.path):
            response = self._http.request(
                call.method,
                call.path,
                content=call.content,
                headers=call.headers,
                timeout=self._connection.patient() if call.patient else USE_CLIENT_DEFAULT,
            )
        raise_if_bad(response)
        return call.read(response)
