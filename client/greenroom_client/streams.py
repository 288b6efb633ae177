"""Speech that comes while it is made: one request, and its events as pieces of speech."""

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx
import numpy as np
from httpx_sse import ServerSentEvent

from greenroom_client.answers import json_object
from greenroom_client.audio import Audio, file_of
from greenroom_client.errors import ConnectionFailed, InvalidInput, ServerError
from greenroom_client.speech import Speech

_UNKNOWN = 0xFFFFFFFF
STREAM_PATH = "/v1/audio/speech"
_HEADER = struct.Struct("<24xI16x")
"""Of a wav: the rate is the only thing in it that is not known."""


@dataclass(frozen=True)
class StreamCall:
    """A form to be sent."""

    fields: Mapping[str, str]
    reference: bytes

    @property
    def httpx_options(self) -> dict[str, Any]:
        """Arguments of httpx's `stream`."""
        return {"data": self.fields, "files": {"reference_audio": ("reference", self.reference)}}


def clone_stream(
    audio: Audio, text: str, words: Mapping[str, str | None], seed: int | None
) -> StreamCall:
    """``words``: fields by name; those that are None are left out."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("the text to say is empty; it must have at least one word.")
    fields = {"input": text, "response_format": "wav", "stream_format": "sse"}
    fields |= {name: value for name, value in words.items() if value is not None}
    if seed is not None:
        fields["seed"] = str(seed)
    return StreamCall(fields, file_of(audio))


class Pieces:
    """Reads the events of one answer."""

    def __init__(self, response: httpx.Response) -> None:
        self._transcript = unquote(response.headers.get("X-Greenroom-Transcript", ""))
        self._seed = int(response.headers.get("X-Greenroom-Seed", 0))
        self._rate = 0
        self._odd = b""
        self._done = False

    def read(self, event: ServerSentEvent) -> Speech | None:
        """The piece that an event brings. Raises ServerError with the server's sentence."""
        content = json_object(event.data)
        kind = content.get("type")
        if kind == "error":
            raise ServerError(content["error"]["message"])
        self._done = self._done or kind == "speech.audio.done"
        if kind != "speech.audio.delta":
            return None
        sound = self._odd + base64.b64decode(content["audio"])
        if not self._rate:
            (self._rate,) = _HEADER.unpack_from(sound)
            sound = sound[_HEADER.size :]
        even = len(sound) // 2 * 2
        self._odd = sound[even:]
        samples = np.frombuffer(sound[:even], "<i2").astype(np.float32) / 32768
        if not len(samples):
            return None
        return Speech(samples, self._rate, self._transcript, self._seed)

    def check_end(self) -> None:
        """Raise ConnectionFailed unless the server has said that this is all."""
        if not self._done:
            raise ConnectionFailed("the speech broke off before its end.")


def wav_header(rate: int) -> bytes:
    """Of 16-bit mono sound that goes on until it ends."""
    form = (b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data")
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", _UNKNOWN, *form, _UNKNOWN)
