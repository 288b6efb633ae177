"""The page's requests for speech, and their answers as sounds."""

import asyncio
import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import soundfile

from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError

CLONE_MODELS = ("asr", "tokenizer", "tts")


@dataclass(frozen=True)
class Clip:
    """A wav file in memory and how it came to be."""

    content: bytes
    text: str
    what: str
    start: str
    took: float

    @property
    def seconds(self) -> float:
        return float(soundfile.info(io.BytesIO(self.content)).duration)

    @property
    def playable(self) -> tuple[int, Any]:
        """Rate and samples as Gradio plays them."""
        samples, rate = soundfile.read(io.BytesIO(self.content), dtype="int16")
        return rate, samples


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
    server: GatewayClient, text: str, fields: dict[str, Any], recording: bytes | None
) -> Clip:
    """Say a text; `fields` are those of /v1/audio/speech."""
    files = {name: (None, str(value)) for name, value in fields.items() if value}
    files |= {"input": (None, text), "response_format": (None, "wav")}
    given: dict[str, Any] = dict(files)
    if recording is not None:
        given["reference_audio"] = ("recording", recording)
    answer = await server.ask("POST", "/v1/audio/speech", files=given)
    return _sound(answer, text, "clone")


async def edited(server: GatewayClient, recording: bytes, fields: dict[str, Any]) -> Clip:
    """Change a recording; `fields` are those of /v1/audio/edits."""
    data = {name: value for name, value in fields.items() if value}
    answer = await server.ask(
        "POST", "/v1/audio/edits", data=data, files={"file": ("recording", recording)}
    )
    what = " ".join(str(fields[name]) for name in ("task", "task_info") if fields.get(name))
    text = fields.get("text") or unquote(answer.headers.get("x-greenroom-transcript", ""))
    return _sound(answer, text, what)


def _sound(answer: httpx.Response, text: str, what: str) -> Clip:
    start = answer.headers.get("x-greenroom-start", "")
    return Clip(answer.content, text, what, start, answer.elapsed.total_seconds())
