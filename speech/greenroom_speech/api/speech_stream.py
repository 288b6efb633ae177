"""WebSocket /v1/audio/speech/stream: text goes in while it is written, sound comes out.

docs/streaming.md has the messages, which are those of vLLM-Omni. One task receives, and answers
what can be answered at once; another one speaks, under a lease of its own for each utterance.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.types import Message

from greenroom.plugin import Gateway, GreenroomError, InvalidInput
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.leased_voice import SPEECH
from greenroom_speech.api.openai_errors import InvalidField, error_object, shown, told
from greenroom_speech.api.openapi import checked
from greenroom_speech.api.pipeline import Pipeline
from greenroom_speech.api.reference import References
from greenroom_speech.api.speech_request import SessionConfig
from greenroom_speech.api.utterance import Utterance, UtteranceSpeaker, send_message
from greenroom_speech.reading.aloud import ReadAloud

logger = logging.getLogger(__name__)

PATH = "/v1/audio/speech/stream"
CONFIG_SECONDS = 10.0
"""Until the first message."""
IDLE_SECONDS = 30.0
"""Without a message, while nothing is being said."""
_SUBPROTOCOL = "realtime"
"""What OpenAI's clients offer beside their key."""
_POLICY_VIOLATION = 1008
_MISSING = object()


def speech_stream_routes(
    gateway: Gateway,
    pipeline: Pipeline,
    references: References,
    read_aloud: ReadAloud,
    formats: Formats,
    most_characters: int,
) -> APIRouter:
    """`most_characters` of one text may wait to be said."""
    router = APIRouter()
    speaker = UtteranceSpeaker(pipeline, references, read_aloud, formats)

    @router.websocket(PATH)
    async def stream(websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered else None)
        touching = asyncio.create_task(_touched(gateway))
        session = _Session(websocket, speaker, references, most_characters)
        try:
            await session.run()
        except WebSocketDisconnect:
            pass
        finally:
            await session.stop()
            touching.cancel()

    return router


async def _touched(gateway: Gateway) -> None:
    with suppress(GreenroomError):  # the first utterance tells
        await gateway.touch(SPEECH)


class _Session:
    """One connection."""

    def __init__(
        self,
        websocket: WebSocket,
        speaker: UtteranceSpeaker,
        references: References,
        most_characters: int,
    ) -> None:
        self._websocket = websocket
        self._speaker = speaker
        self._references = references
        self._most_characters = most_characters
        self._config: SessionConfig | None = None
        self._told: SessionConfig | None = None
        """The last one of which the client heard a sentence."""
        self._utterance: Utterance | None = None
        self._utterances = 0
        self._on: dict[str, Callable[[dict[str, Any]], Any]] = {
            "session.config": self._configure,
            "input.text": self._write,
            "input.flush": self._flush,
            "input.done": self._end_text,
            "input.cancel": self._cancel,
        }

    async def run(self) -> None:
        """Receive until the client leaves, says that it does, or says nothing for too long."""
        while True:
            try:
                message = await self._message()
                if message.get("type") == "session.close":
                    await self._websocket.close()
                    return
                await self._answer(message)
            except TimeoutError:
                await self._close_idle()
                return
            except GreenroomError as error:
                await self._tell_error(error)

    async def stop(self) -> None:
        """End what is being said."""
        utterance, self._utterance = self._utterance, None
        if utterance and utterance.speaking:
            utterance.speaking.cancel()
            await asyncio.wait({utterance.speaking})
            if not utterance.speaking.cancelled():
                utterance.speaking.result()

    async def _message(self) -> dict[str, Any]:
        """Raises TimeoutError, InvalidInput."""
        receiving = asyncio.ensure_future(self._websocket.receive())
        try:
            while True:
                seconds = IDLE_SECONDS if self._config else CONFIG_SECONDS
                await asyncio.wait((receiving,), timeout=seconds)
                if receiving.done():
                    return _parsed(receiving.result())
                if not self._busy:
                    raise TimeoutError
        finally:
            receiving.cancel()

    @property
    def _busy(self) -> bool:
        """Something is being said, or can be."""
        utterance = self._utterance
        return utterance is not None and (utterance.text.ended or utterance.text.has_sentence)

    async def _answer(self, message: dict[str, Any]) -> None:
        kind = message.pop("type", _MISSING)
        if not isinstance(kind, str) or kind not in self._on:
            known = ", ".join((*self._on, "session.close"))
            raise _wrong("type", kind, f"one of {known}")
        if self._config is None and kind != "session.config":
            raise InvalidInput(f"{kind} came before session.config, which must be first.")
        await self._on[kind](message)

    async def _configure(self, message: dict[str, Any]) -> None:
        if self._utterance:
            raise InvalidInput(
                "session.config came in the middle of an utterance; wait for session.done."
            )
        config = checked(SessionConfig, message)
        await self._references.of(config)
        self._config = config

    async def _write(self, message: dict[str, Any]) -> None:
        text = message.get("text", _MISSING)
        if not isinstance(text, str):
            raise _wrong("text", text, "a string")
        utterance = self._begun()
        if utterance.text.ended:
            raise InvalidInput(
                "input.text came before session.done of the last utterance; there is one at a "
                "time. Wait for it, or send input.cancel."
            )
        if utterance.text.waiting + len(text) > self._most_characters:
            raise InvalidInput(
                f"{utterance.text.waiting} characters are waiting to be spoken; {len(text)} more "
                f"would exceed max_text_chars ({self._most_characters})."
            )
        utterance.text.add(text)
        self._speak(utterance)

    async def _flush(self, message: dict[str, Any]) -> None:
        if self._utterance and not self._utterance.text.ended:
            self._utterance.text.flush()
            self._speak(self._utterance)

    async def _end_text(self, message: dict[str, Any]) -> None:
        utterance = self._begun()
        if utterance.text.ended:
            raise InvalidInput("input.done came twice for one utterance.")
        utterance.text.end()
        self._speak(utterance)
        if not utterance.speaking:
            await self._finish(utterance)

    async def _cancel(self, message: dict[str, Any]) -> None:
        utterance = self._utterance
        if utterance:
            await self.stop()
            await self._finish(utterance, cancelled=True)

    def _begun(self) -> Utterance:
        assert self._config
        if self._utterance is None:
            new = self._config is not self._told
            self._utterance = Utterance(self._utterances, self._config, tells_ignored=new)
            self._utterances += 1
        return self._utterance

    def _speak(self, utterance: Utterance) -> None:
        """Begin once there is something to say: until then no model is held."""
        if utterance.text.has_sentence and not utterance.speaking:
            utterance.speaking = asyncio.create_task(self._spoken(utterance))

    async def _spoken(self, utterance: Utterance) -> None:
        try:
            await self._speaker.say(utterance, self._websocket)
        except WebSocketDisconnect:
            return
        except Exception as error:
            await self._tell_error(error)
            await self._finish(utterance, error=True)
        else:
            await self._finish(utterance)

    async def _finish(self, utterance: Utterance, **how: bool) -> None:
        """Say that an utterance has ended, and how if not as it should; the next may come."""
        if self._utterance is utterance:
            self._utterance = None
        if utterance.sentences:
            self._told = utterance.config
        await self._send(
            "session.done",
            utterance_index=utterance.index,
            total_sentences=utterance.sentences,
            **utterance.untold(),
            **how,
        )

    async def _close_idle(self) -> None:
        waited = IDLE_SECONDS if self._config else CONFIG_SECONDS
        missing = "message" if self._config else "session.config"
        await self._tell_error(InvalidInput(f"No {missing} came for {waited:g} s."))
        await self._websocket.close(_POLICY_VIOLATION, f"no {missing}")

    async def _tell_error(self, error: Exception) -> None:
        if not isinstance(error, GreenroomError):
            logger.error("Speech broke off", exc_info=error)
        status, sentence, param = told(error, PATH)
        await self._send("error", message=sentence, error=error_object(status, sentence, param))

    async def _send(self, kind: str, **fields: Any) -> None:
        await send_message(self._websocket, kind, **fields)


def _wrong(field: str, value: object, rule: str) -> InvalidField:
    what = "is missing" if value is _MISSING else f"is {shown(value)}"
    return InvalidField(f"{field} {what}; it must be {rule}.", field)


def _parsed(received: Message) -> dict[str, Any]:
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    try:
        message = json.loads(received.get("text") or "")
    except (ValueError, RecursionError):
        raise InvalidInput("The message is not JSON.") from None
    if not isinstance(message, dict):
        raise InvalidInput("The message must be a JSON object.")
    return message
