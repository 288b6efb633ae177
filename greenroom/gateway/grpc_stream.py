"""Streaming infer: each request of a client's stream has its own lease and its own stream.

Triton's errors in a stream say neither which request nor which model they mean. With a stream
to Triton for each request the gateway knows, and its end is the end of the request's lease.
Answers that the client does not read yet wait here, without a lease; when many do, the gateway
reads no further requests from that client.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import (
    BROKEN,
    BackendDied,
    DiedMidAnswer,
    GreenroomError,
    InvalidInput,
    Unavailable,
    without_traceback,
)
from greenroom.gateway.grpc_messages import GrpcMessages
from greenroom.gateway.lease import Leased
from greenroom.gateway.request_checks import check_message
from greenroom.gateway.request_form import message_form
from greenroom.grpc_types import Context
from greenroom.tracing import Traces
from greenroom.triton.client import Triton
from greenroom.triton.grpc_service import method_path
from greenroom.triton.messages import dead_backend
from greenroom.triton.repository import Repository

logger = logging.getLogger(__name__)

_MOST_UNANSWERED = 256
"""Requests of one stream that may be under way, or answered and not yet read."""
_ERROR_TAG = b"\x0a"
"""The first byte of a ModelStreamInferResponse that has an error_message (field 1)."""

_Answers = asyncio.Queue[bytes | None]
"""The answers to one request as they come, None after the last."""


class Stream:
    """One client's stream."""

    def __init__(
        self,
        triton: Triton,
        leased: Leased,
        traces: Traces,
        messages: GrpcMessages,
        metadata: tuple[tuple[str, str | bytes], ...],
        repository: Repository,
    ) -> None:
        self._call: Callable[..., Any] = triton.channel.stream_stream(
            method_path("ModelStreamInfer")
        )
        self._translated = triton.translated
        self._leased = leased
        self._traces = traces
        self._messages = messages
        self._metadata = metadata
        self._repository = repository
        self._writing = asyncio.Lock()
        self._room = asyncio.Semaphore(_MOST_UNANSWERED)
        self._under_way = 0
        self._idle_since: float | None = 0.0
        self._last_of_sequence: dict[str, asyncio.Task[None]] = {}

    async def run(self, context: Context) -> None:
        """Answer every request of the stream; returns when the last one has its last answer.

        Raises an ExceptionGroup of TooSlow when the client gives or takes nothing for too long.
        """
        async with asyncio.TaskGroup() as group:
            async for request in self._messages.stream(context, lambda: self._idle_since):
                await self._room.acquire()  # released by `_ended`, after a cancellation too
                self._start(group, request, context)

    def _start(self, group: asyncio.TaskGroup, request: bytes, context: Context) -> None:
        parsed = pb.ModelInferRequest()
        try:
            parsed.ParseFromString(request)
        except DecodeError:
            parsed = pb.ModelInferRequest()
        sequence = _sequence(parsed)
        before = self._last_of_sequence.get(sequence) if sequence else None
        task = group.create_task(self._answer(parsed, request, context, before))
        self._under_way += 1
        self._idle_since = None
        task.add_done_callback(self._ended)
        if sequence:
            self._last_of_sequence[sequence] = task
            task.add_done_callback(partial(self._forget, sequence))

    def _forget(self, sequence: str, answered: asyncio.Task[None]) -> None:
        """A stream may go on for ever; its sequences do not."""
        if self._last_of_sequence.get(sequence) is answered:
            del self._last_of_sequence[sequence]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._room.release()
        self._under_way -= 1
        if not self._under_way:
            self._idle_since = asyncio.get_running_loop().time()

    async def _answer(
        self,
        parsed: pb.ModelInferRequest,
        request: bytes,
        context: Context,
        before: asyncio.Task[None] | None,
    ) -> None:
        """Lease, forward and answer one request, after the one `before` it in its sequence."""
        if before is not None:
            await before
        # Without a bound: however slowly the client reads, Triton's work and the lease end.
        answers: _Answers = asyncio.Queue()
        writing = asyncio.create_task(self._write(answers, context))
        try:
            try:
                await self._served(parsed, request, answers, context)
            except GreenroomError as error:
                answers.put_nowait(_error_answer(str(error), parsed))
            except Exception:
                logger.exception("A request of a gRPC stream")
                answers.put_nowait(_error_answer(BROKEN, parsed))
            answers.put_nowait(None)
            await writing
        finally:
            writing.cancel()

    async def _served(
        self, parsed: pb.ModelInferRequest, request: bytes, answers: _Answers, context: Context
    ) -> None:
        if not parsed.model_name:
            raise InvalidInput("A request of the stream is not a ModelInferRequest message.")
        check_message(parsed, self._repository)
        await self._leased.run(
            parsed.model_name,
            "grpc",
            len(request),
            lambda: self._forward(parsed, request, answers),
            status=lambda good: 200 if good else 500,
            form=message_form(context, parsed, request),
        )

    async def _forward(
        self, parsed: pb.ModelInferRequest, request: bytes, answers: _Answers
    ) -> bool:
        """Collect one request's answers, to the last even when the client has left.

        Returns whether none of them is an error; whose fault one is, Triton does not say here.
        """
        call = self._call(metadata=tuple(self._traces.passed(self._metadata)))
        begun, good = False, True
        try:
            await call.write(request)
            await call.done_writing()
            async for answer in call:
                if died := _dead_backend(answer):
                    raise DiedMidAnswer(died.instance) if begun else died
                begun = True
                good = good and not answer.startswith(_ERROR_TAG)
                answers.put_nowait(_with_id(answer, parsed))
        except asyncio.CancelledError:
            if begun:
                raise DiedMidAnswer(parsed.model_name) from None
            raise
        except grpc.aio.AioRpcError as error:
            if begun:  # what was answered cannot be taken back, so it is not tried again
                raise Unavailable("Triton stopped in the middle of the answer.") from error
            raise await self._translated(error) from error
        return good

    async def _write(self, answers: _Answers, context: Context) -> None:
        """Write one request's answers up to None, each as one with those of other requests."""
        while (answer := await answers.get()) is not None:
            async with self._writing:
                await self._messages.send(context, answer)


def _dead_backend(answer: bytes) -> BackendDied | None:
    if not answer.startswith(_ERROR_TAG):
        return None
    return dead_backend(pb.ModelStreamInferResponse.FromString(answer).error_message)


def _with_id(answer: bytes, request: pb.ModelInferRequest) -> bytes:
    """Puts the request's id into an error, which Triton leaves out."""
    if not answer.startswith(_ERROR_TAG):
        return answer
    message = pb.ModelStreamInferResponse.FromString(answer).error_message
    return _error_answer(without_traceback(message), request)


def _error_answer(message: str, request: pb.ModelInferRequest) -> bytes:
    named = pb.ModelInferResponse(id=request.id, model_name=request.model_name)
    answer = pb.ModelStreamInferResponse(error_message=message, infer_response=named)
    return bytes(answer.SerializeToString())


def _sequence(request: pb.ModelInferRequest) -> str:
    """Empty for a request that belongs to none."""
    parameter = request.parameters.get("sequence_id")  # [] would add one to the request
    if parameter is None:
        return ""
    return parameter.string_param or (str(parameter.int64_param) if parameter.int64_param else "")
