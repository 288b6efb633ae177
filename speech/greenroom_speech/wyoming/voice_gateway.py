"""The gateway as a voice assistant needs it: what is said, speech, voices."""

import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from greenroom.errors import GreenroomError

RATE_AT = struct.Struct("<24xI16x")
"""Of a wav of 44 bytes."""


class GatewayRefused(GreenroomError):
    """The gateway refused or does not answer; the message is its own sentence."""


class VoiceGateway:
    """One pool of connections for all conversations."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._web = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(None, connect=5.0),
            trust_env=False,  # it is beside this process: a proxy leads away from it
        )

    async def voices(self) -> list[dict[str, Any]]:
        """Raises GatewayRefused."""
        listed: list[dict[str, Any]] = (await self._get("/v1/audio/voices"))["voices"]
        return listed

    async def languages(self) -> list[str]:
        """Those that are heard; none if asr finds out itself. Raises GatewayRefused."""
        heard: list[str] = (await self._get("/v1/tags"))["heard"]
        return heard

    async def heard(self, wav: bytes, language: str | None) -> AsyncIterator[str]:
        """The words as they are heard. Raises GatewayRefused."""
        fields = {"stream": "true", **({"language": language} if language else {})}
        files = {"file": ("speech.wav", wav)}
        path = "/v1/audio/transcriptions"
        try:
            async with aconnect_sse(self._web, "POST", path, data=fields, files=files) as source:
                await self._check(source.response)
                async for event in source.aiter_sse():
                    told = json.loads(event.data)
                    if event.event == "error":
                        raise GatewayRefused(told["error"]["message"])
                    if event.event == "transcript.text.delta":
                        yield told["delta"]
        except httpx.HTTPError:
            raise self._silent() from None

    async def said(self, text: str, voice: str | None) -> AsyncIterator[tuple[int, bytes]]:
        """The rate, and 16-bit samples as they are made. Raises GatewayRefused."""
        body = {"input": text, "response_format": "wav", **({"voice": voice} if voice else {})}
        head, odd, rate = b"", b"", 0
        try:
            async with self._web.stream("POST", "/v1/audio/speech", json=body) as answer:
                await self._check(answer)
                async for part in answer.aiter_raw():
                    if not rate:
                        head += part
                        if len(head) < RATE_AT.size:
                            continue
                        (rate,) = RATE_AT.unpack(head[: RATE_AT.size])
                        part = head[RATE_AT.size :]
                    whole = odd + part
                    even = len(whole) & ~1
                    odd = whole[even:]
                    if even:
                        yield rate, whole[:even]
        except httpx.HTTPError:
            raise self._silent() from None

    async def close(self) -> None:
        await self._web.aclose()

    async def _get(self, path: str) -> Any:
        try:
            answer = await self._web.get(path)
            await self._check(answer)
        except httpx.HTTPError:
            raise self._silent() from None
        return answer.json()

    async def _check(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        await answer.aread()
        try:
            sentence = str(answer.json()["error"]["message"])
        except (ValueError, KeyError, TypeError):
            sentence = f"The gateway answered {answer.status_code}."
        raise GatewayRefused(sentence)

    def _silent(self) -> GatewayRefused:
        return GatewayRefused(f"The gateway at {self._url} does not answer.")
