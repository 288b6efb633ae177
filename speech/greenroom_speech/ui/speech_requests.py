"""The page's requests for speech, and their answers as sounds."""

import asyncio
import base64
import io
import mimetypes
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import soundfile
from httpx_sse import EventSource

from greenroom_speech.ui.clips import Clip, Sound
from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.live import MOST_BYTES, Take
from greenroom_speech.ui.transcript import GrowingTranscript

CLONE_MODELS = ("asr", "tokenizer", "tts")


def content_of(path: str) -> bytes:
    """Raises GatewayError when the file has gone meanwhile."""
    try:
        return Path(path).read_bytes()
    except OSError:
        raise GatewayError("The recording is no longer there; upload it again.") from None


async def heard(server: GatewayClient, recording: bytes) -> str:
    """Raises GatewayError."""
    answer = await server.ask(
        "POST", "/v1/audio/transcriptions", files={"file": ("recording", recording)}
    )
    return str(answer.json()["text"])


async def transcribed(
    server: GatewayClient, recording: bytes, language: str, transcript: GrowingTranscript
) -> None:
    """Fill a transcript as the recording is heard. Raises GatewayError."""
    fields = {
        "response_format": "verbose_json",
        "stream": "true",
        "timestamp_granularities[]": ["segment", "word"],
    }
    if language:
        fields["language"] = language
    files = {"file": ("recording", recording)}
    asked = server.begun("POST", "/v1/audio/transcriptions", data=fields, files=files)
    with transcript.running():
        async with asked as answer:
            told = answer.headers.get("x-greenroom-audio-seconds")
            transcript.seconds = float(told) if told else None
            async for event in EventSource(answer).aiter_sse():
                transcript.add(event.json())


async def prepared(server: GatewayClient, recording: bytes) -> None:
    """Ask for tts, and for the analysis of a recording, ahead of the request that needs both.

    Whether they come does not matter here: that request asks again and tells.
    """

    async def analysed() -> None:
        with suppress(GatewayError):
            file = ("recording", recording)
            await server.ask("POST", "/v1/audio/analyses", files={"file": file})

    await asyncio.gather(server.touch("tts"), analysed())


async def cloned(
    server: GatewayClient,
    text: str,
    fields: dict[str, Any],
    recording: bytes | None,
    take: Take,
) -> Clip:
    """Say a text into a take, while others listen; `fields` are those of /v1/audio/speech."""
    files = {name: (None, str(value)) for name, value in fields.items() if value}
    files |= {"input": (None, text), "response_format": (None, "wav")}
    given: dict[str, Any] = dict(files)
    if recording is not None:
        given["reference_audio"] = ("recording", recording)
    begun = time.monotonic()
    try:
        with take.running():
            async with server.begun("POST", "/v1/audio/speech", files=given) as answer:
                async for sound in answer.aiter_bytes():
                    take.add(sound)
                    if len(take.content) > MOST_BYTES:
                        raise GatewayError(
                            f"The speech has more than {MOST_BYTES // 2**20} MiB, the most that "
                            "the page keeps; POST /v1/audio/speech has no such limit."
                        )
                headers = answer.headers
    finally:
        take.end()
    took = time.monotonic() - begun
    return _kept(server, bytes(take.content), text, "speak", headers, took)


async def drawn(
    server: GatewayClient, text: str, fields: dict[str, Any], recording: bytes | None
) -> list[Clip]:
    """Several draws of a text, best first; `fields` are those of /v1/audio/speech."""
    files: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items() if value}
    files |= {"input": (None, text), "response_format": (None, "wav")}
    if recording is not None:
        files["reference_audio"] = ("recording", recording)
    answer = await server.ask("POST", "/v1/audio/speech", files=files)
    took, headers = answer.elapsed.total_seconds(), answer.headers
    clips = []
    for draw in answer.json()["draws"]:
        alike = draw["similarity"]
        what = f"WER {draw['word_error_rate']:.0%}" + ("" if alike is None else f" · {alike:.2f}")
        content = base64.b64decode(draw["audio"])
        clip = _kept(server, content, text, what, headers, took)
        clip.seed = str(draw["seed"] or "")
        clips.append(clip)
    return clips


async def edited(server: GatewayClient, path: str, fields: dict[str, Any], said: str) -> Clip:
    """Change a recording that says `said`; `fields` are those of /v1/audio/edits."""
    recording = content_of(path)
    data = {name: value for name, value in fields.items() if value}
    answer = await server.ask(
        "POST", "/v1/audio/edits", data=data, files={"file": ("recording", recording)}
    )
    what = " ".join(str(fields[name]) for name in ("task", "task_info") if fields.get(name))
    text = fields.get("text") or said or unquote(answer.headers.get("x-greenroom-transcript", ""))
    took = answer.elapsed.total_seconds()
    clip = _kept(server, answer.content, text, what, answer.headers, took)
    clip.before = Sound(recording, _media_type(path))
    server.sounds.keep(clip.before)
    return clip


def _media_type(path: str) -> str:
    """By the file's name; a visitor's file is never called a page."""
    guessed, _ = mimetypes.guess_type(path)
    playable = guessed and guessed.startswith(("audio/", "video/"))
    return guessed if guessed and playable else "application/octet-stream"


def _kept(
    server: GatewayClient,
    content: bytes,
    text: str,
    what: str,
    headers: httpx.Headers,
    took: float,
) -> Clip:
    whole = _with_its_length(content)
    clip = Clip(whole, text, what, headers.get("x-greenroom-start", ""), took)
    seed = headers.get("x-greenroom-seed", "0")
    clip.seed = "" if seed == "0" else seed
    server.sounds.keep(clip)
    return clip


def _with_its_length(content: bytes) -> bytes:
    """A wav file that tells its length, which one sent as it is made cannot."""
    samples, rate = soundfile.read(io.BytesIO(content), dtype="int16")
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()
