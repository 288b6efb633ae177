"""Streaming infer: each request of a client's stream has its own lease and its own stream.

Triton's errors in a stream say neither which request nor which model they mean. With a stream
to Triton for each request the gateway knows, and its end is the end of the request's lease.
What a model that works in steps answers is pulled, piece by piece, as the client reads. Of other
answers a few wait here for the client, counted as held, without a lease after the last; when many
do, the gateway reads no further requests from that client.
Whole answers come in the order of their requests, as Triton's do; pieces come as they are made.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.suspects import RequestForm
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
from greenroom.gateway.grpc_parsing import parse_infer
from greenroom.gateway.lease import Leased
from greenroom.gateway.logged_request import LoggedRequest
from greenroom.gateway.request_checks import check_message
from greenroom.gateway.request_form import message_form
from greenroom.gateway.request_ids import one_of_many
from greenroom.gateway.stream_answers import StreamAnswers
from greenroom.gateway.walks import Walks
from greenroom.grpc_types import Context
from greenroom.tracing import Traces
from greenroom.triton.client import Triton
from greenroom.triton.grpc_service import method_path
from greenroom.triton.messages import dead_backend
from greenroom.triton.raw_tensors import InferRequest
from greenroom.triton.repository import Repository

_MOST_UNANSWERED = 256
"""Requests of one stream that may be under way, or answered and not yet read."""
_ERROR_TAG = b"\x0a"
"""The first byte of a ModelStreamInferResponse that has an error_message (field 1)."""


class Stream:
    """One client's stream."""

    def __init__(
        self,
        triton: Triton,
        leased: Leased,
        walks: Walks,
        traces: Traces,
        messages: GrpcMessages,
        metadata: tuple[tuple[str, str | bytes], ...],
        repository: Repository,
        broke: Callable[[str], None],
    ) -> None:
        self._call: Callable[..., Any] = triton.channel.stream_stream(
            method_path("ModelStreamInfer")
        )
        self._translated = triton.translated
        self._leased = leased
        self._walks = walks
        self._traces = traces
        self._messages = messages
        self._metadata = metadata
        self._repository = repository
        self._broke = broke
        self._writing = asyncio.Lock()
        self._room = asyncio.Semaphore(_MOST_UNANSWERED)
        self._under_way = 0
        self._idle_since: float | None = 0.0
        self._last_of_sequence: dict[str, asyncio.Task[None]] = {}
        self._last_in_order: asyncio.Task[None] | None = None

    async def run(self, context: Context) -> None:
        """Answer every request of the stream; returns when the last one has its last answer.

        Raises an ExceptionGroup of TooSlow when the client gives or takes nothing for too long.
        """
        async with asyncio.TaskGroup() as group:
            async for request in self._messages.stream(context, lambda: self._idle_since):
                await self._room.acquire()  # released by `_ended`, after a cancellation too
                self._start(group, request, context)

    def _start(self, group: asyncio.TaskGroup, request: bytes, context: Context) -> None:
        sequence, in_order, turn = None, True, self._last_in_order
        try:
            parsed = parse_infer(request)
        except InvalidInput as error:
            task = group.create_task(self._refuse(error, context, turn))
        else:
            in_order = not self._in_pieces(parsed.message)
            sequence = _sequence(parsed.message)
            before = self._last_of_sequence.get(sequence) if sequence else None
            turn = turn if in_order else None
            task = group.create_task(self._answer(parsed, request, context, before, turn))
        if in_order:
            self._last_in_order = task
        self._under_way += 1
        self._idle_since = None
        task.add_done_callback(self._ended)
        if sequence:
            self._last_of_sequence[sequence] = task
            task.add_done_callback(partial(self._forget, sequence))

    def _in_pieces(self, request: pb.ModelInferRequest) -> bool:
        models = self._repository.models
        spec = models.get(request.model_name)
        if spec is None:
            return False
        if self._walks.takes(spec.name):
            return _wants_pieces(request) and self._walks.streams(spec.name)
        return any(models[name].decoupled for name in (spec.name, *spec.steps))

    async def _refuse(
        self, error: InvalidInput, context: Context, turn: asyncio.Task[None] | None
    ) -> None:
        with one_of_many():
            await _ended_before(turn)
            await self._send(context, _error_answer(str(error), pb.ModelInferRequest()))

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
        parsed: InferRequest,
        request: bytes,
        context: Context,
        before: asyncio.Task[None] | None,
        turn: asyncio.Task[None] | None,
    ) -> None:
        """Lease, forward and answer one request, after the one `before` it in its sequence.

        Its answer is written after that of the request whose `turn` comes first.
        """
        await _ended_before(before)
        with one_of_many() as asked:
            await self._answered(parsed, request, context, turn, asked)

    async def _answered(
        self,
        parsed: InferRequest,
        request: bytes,
        context: Context,
        turn: asyncio.Task[None] | None,
        asked: LoggedRequest | None,
    ) -> None:
        answers = StreamAnswers(self._messages.held)
        writing = asyncio.create_task(self._write(answers, turn, context))
        try:
            try:
                await self._served(parsed, request, answers, context)
            except GreenroomError as error:
                await answers.put(_error_answer(str(error), parsed.message))
            except Exception:
                self._broke("A request of a gRPC stream")
                if asked:
                    asked.outcome = "failed"
                await answers.put(_error_answer(BROKEN, parsed.message))
            await answers.put(None)
            await writing
        finally:
            writing.cancel()
            answers.leave()

    async def _served(
        self, parsed: InferRequest, request: bytes, answers: StreamAnswers, context: Context
    ) -> None:
        check_message(parsed, self._repository)
        form = message_form(context, parsed.message, request)
        if self._walks.takes(parsed.message.model_name):
            await self._walked(parsed, len(request), form, answers, context)
            return
        await self._leased.run(
            parsed.message.model_name,
            "grpc",
            len(request),
            lambda: self._forward(parsed.message, request, answers),
            status=lambda good: 200 if good else 500,
            form=form,
        )

    async def _walked(
        self,
        parsed: InferRequest,
        size: int,
        form: RequestForm,
        answers: StreamAnswers,
        context: Context,
    ) -> None:
        """Answer a request in one response, or in pieces that are pulled as the client reads."""
        walk = self._walks.of_request(parsed, self._passed)
        if not self._in_pieces(parsed.message):
            piece = await self._walks.answer(walk, "grpc", size, form=form)
            await answers.put(_piece_answer(self._walks.response(parsed.message, piece), True))
            return
        async with self._walks.stream(walk, "grpc", size, form=form) as pieces:
            async for piece in pieces:
                response = self._walks.response(parsed.message, piece)
                await self._send(context, _piece_answer(response, piece.final))

    async def _forward(
        self, parsed: pb.ModelInferRequest, request: bytes, answers: StreamAnswers
    ) -> bool:
        """Collect one request's answers, to the last even when the client has left.

        Returns whether none of them is an error; whose fault one is, Triton does not say here.
        """
        call = self._call(metadata=self._passed())
        begun, good = False, True
        try:
            await call.write(request)
            await call.done_writing()
            async for answer in call:
                if died := _dead_backend(answer):
                    raise DiedMidAnswer(died.instance) if begun else died
                begun = True
                good = good and not answer.startswith(_ERROR_TAG)
                await answers.put(_with_id(answer, parsed))
        except asyncio.CancelledError:
            if begun:
                raise DiedMidAnswer(parsed.model_name) from None
            raise
        except grpc.aio.AioRpcError as error:
            if begun:  # what was answered cannot be taken back, so it is not tried again
                raise Unavailable("Triton stopped in the middle of the answer.") from error
            raise await self._translated(error) from error
        return good

    async def _write(
        self, answers: StreamAnswers, turn: asyncio.Task[None] | None, context: Context
    ) -> None:
        """Write one request's answers up to None, each as one with those of other requests."""
        await _ended_before(turn)
        async for answer in answers:
            await self._send(context, answer, counted=True)

    async def _send(self, context: Context, answer: bytes, *, counted: bool = False) -> None:
        async with self._writing:
            await self._messages.send(context, answer, counted=counted)

    def _passed(self) -> tuple[tuple[str, str | bytes], ...]:
        return tuple(self._traces.passed(self._metadata))


async def _ended_before(task: asyncio.Task[None] | None) -> None:
    """Wait for it without taking its fault, which ends the whole stream elsewhere."""
    if task is not None:
        await asyncio.wait([task])


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


def _wants_pieces(request: pb.ModelInferRequest) -> bool:
    return "stream" in request.parameters and request.parameters["stream"].bool_param


def _piece_answer(response: pb.ModelInferResponse, final: bool) -> bytes:
    response.parameters["triton_final_response"].bool_param = final
    answer = pb.ModelStreamInferResponse(infer_response=response)
    return bytes(answer.SerializeToString())


def _sequence(request: pb.ModelInferRequest) -> str:
    """Empty for a request that belongs to none."""
    parameter = request.parameters.get("sequence_id")  # [] would add one to the request
    if parameter is None:
        return ""
    return parameter.string_param or (str(parameter.int64_param) if parameter.int64_param else "")
