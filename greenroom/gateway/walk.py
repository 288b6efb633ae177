"""One request's way through the models that it needs, each asked with raw tensors.

::

    step ---> step ---> last step
    asked     asked     asked, or of a model that works in steps: start, next, next, .. final
                                                                   '- a piece each

A piece is pulled when the one before it was taken, so nobody computes for who does not read.
Triton is asked by the work of a lease, which goes on when the client leaves: then what is being
pulled is cancelled, and the walk ends as soon as Triton has ended with it. The call of another
model is cancelled: Triton drops it, or if it has begun, ends it before the model's next control.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import (
    BackendDied,
    Cancelled,
    DiedMidAnswer,
    GreenroomError,
    ServerDown,
    TritonError,
    Unavailable,
)
from greenroom.gateway.graph import Graph, Step
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.managed.stream_order import STREAM_INPUT, STREAM_OUTPUT, UNKNOWN_STREAM
from greenroom.triton.model_calls import ModelCalls
from greenroom.triton.raw_tensors import (
    RawTensor,
    answered_tensors,
    elements_of_bytes,
    infer_request,
    one_string,
)

_Result = TypeVar("_Result")

Tensors = Mapping[str, RawTensor]
_Report = Mapping[str, Any]
"""What a model says of a piece; empty where it is not pulled."""
_Give = Callable[[Tensors, _Report], None]


@dataclass(frozen=True)
class RawPiece:
    """A part of an answer, or the whole of it."""

    tensors: Tensors
    seconds: float = 0.0
    """How long it lasts for who takes it; 0: that means nothing here."""
    final: bool = True


@dataclass(frozen=True)
class InferenceRequest:
    """What a client has asked for."""

    model: str
    graph: Graph
    inputs: Tensors
    outputs: Mapping[str, Mapping[str, pb.InferParameter]]
    """Parameters by output; those that are not named are left out. Empty: none is named."""
    parameters: Mapping[str, pb.InferParameter]
    """Of the request; only a model by itself gets them, as Triton has it."""
    version: str = ""


class Walk:
    """One request. `run` is the work of its lease, and once more if that has to be repeated."""

    def __init__(
        self,
        asked: InferenceRequest,
        calls: ModelCalls,
        rooms: Callable[[str], asyncio.Semaphore | None],
        held: HeldBytes,
        metadata: Callable[[], Iterable[tuple[str, str | bytes]]] = tuple,
        counted: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`rooms` has one for each model that works in steps: its answers under way are bounded.

        `held` counts what one step has made for the next; `counted` is entered for the whole walk.
        """
        self.seconds: dict[str, float] = {}
        """How long each model has been asked."""
        self.model = asked.model
        self.due: float | None = None
        """Unix time at which its client runs out of what earlier walks gave; None: it is first."""
        self._asked = asked
        self._outputs = asked.outputs or asked.graph.outputs
        self._used = {
            *self._outputs,
            *(of for step in asked.graph.steps for of in step.inputs.values()),
        }
        self._calls = calls
        self._rooms = rooms
        self._held = held
        self._metadata = metadata
        self._counted = counted
        self._arrived = time.time()
        self._gone: asyncio.Future[GreenroomError] = asyncio.get_running_loop().create_future()
        self._open: tuple[Step, str] | None = None
        self._piece: RawPiece | None = None
        self._begun = False
        self._pulled = 0.0
        self._news, self._taken = asyncio.Event(), asyncio.Event()

    def leave(self, why: GreenroomError | None = None) -> None:
        """Nobody wants the answer any more; the walk ends with this error, if it has not ended."""
        if not self._gone.done():
            self._gone.set_result(why or Cancelled("The request was cancelled."))

    async def whole(self) -> RawPiece:
        """Walk to the end, for one answer.

        Raises BackendDied, ServerDown, what a model says, or what `leave` was given.
        """
        pieces: list[RawPiece] = []
        await self._run(pieces.append, whole=True)
        return pieces[-1]

    async def run(self, came: Callable[[RawPiece, float], None]) -> None:
        """Walk to the end, piece by piece as they are taken from `pieces`.

        `came` is told of each, and when it was pulled, by time.perf_counter.
        Raises as `whole` does, and DiedMidAnswer or Unavailable when a piece has been handed out:
        then the request cannot be repeated.
        """
        try:
            await self._run(lambda piece: self._hand_out(piece, came), whole=False)
        except asyncio.CancelledError:  # its process has died
            if self._begun:
                raise DiedMidAnswer(self.model) from None
            raise
        except BackendDied as died:
            raise DiedMidAnswer(died.instance) if self._begun else died from None
        except ServerDown as down:
            if not self._begun:
                raise
            raise Unavailable("Triton stopped in the middle of the answer.") from down

    async def pieces(self, running: asyncio.Future[Any]) -> AsyncIterator[RawPiece]:
        """What `run` hands out, until `running` has ended; raises its error."""
        running.add_done_callback(lambda _: self._news.set())
        while True:
            await self._news.wait()
            if self._piece is not None:
                piece, self._piece = self._piece, None
                self._taken.set()
                yield piece
            elif running.done():
                running.result()
                return
            else:
                self._news.clear()

    def _hand_out(self, piece: RawPiece, came: Callable[[RawPiece, float], None]) -> None:
        came(piece, self._pulled)
        self._piece, self._begun = piece, True
        self._taken.clear()
        self._news.set()

    async def _run(self, hand_out: Callable[[RawPiece], None], whole: bool) -> None:
        graph, tensors = self._asked.graph, dict(self._asked.inputs)
        self.seconds.clear()
        with self._counted(), self._held.hold() as hold:

            def keep(made: Tensors, _: _Report) -> None:
                tensors.update(made)
                hold.keep(sum(len(tensor.raw or b"") for tensor in made.values()))

            for step in graph.steps[:-1]:
                await self._answer(step, tensors, True, keep)
            await self._answer(graph.last, tensors, whole, self._giver(tensors, hand_out))

    def _giver(self, tensors: Tensors, hand_out: Callable[[RawPiece], None]) -> _Give:
        """Hands out what the client wants of the last step, at first with what was made before."""
        early = self._asked.graph.made_early
        made_before = {name: tensors[name] for name in early if name in tensors}

        def give(made: Tensors, report: _Report) -> None:
            answer = {**made_before, **made}
            made_before.clear()
            wanted = {name: answer[name] for name in self._outputs if name in answer}
            hand_out(RawPiece(wanted, report.get("seconds", 0.0), report.get("final", True)))

        return give

    async def _answer(self, step: Step, tensors: Tensors, whole: bool, give: _Give) -> None:
        """Ask one model, and give its answer, or its pieces one by one, as the graph names them."""
        inputs = {name: tensors[of] for name, of in step.inputs.items() if of in tensors}
        outputs = {name: of for name, of in step.outputs.items() if of in self._used}
        room = self._rooms(step.model)
        if room is None:
            # A model by itself may choose what it makes for who names nothing.
            if step.model == self._asked.model and not self._asked.outputs:
                outputs = {}
            answer = await self._ask(step, inputs, outputs, self._asked.parameters)
            give(_renamed(answer, step), {})
            return
        async with AsyncExitStack() as entered:
            await self._unless_gone(entered.enter_async_context(room))
            try:
                await self._pull(step, inputs, outputs, whole, give)
            except GreenroomError as error:
                if self._gone.done():
                    await self._call_off()
                if lost := self._lost(step, error):
                    raise lost from error
                raise
            finally:
                self._open = None

    async def _pull(
        self, step: Step, inputs: Tensors, outputs: Mapping[str, str], whole: bool, give: _Give
    ) -> None:
        stream = uuid.uuid4().hex
        start = {**inputs, STREAM_INPUT: self._order("start", stream, whole)}
        await self._ask(step, start, {STREAM_OUTPUT: ""}, self._asked.parameters)
        self._open = step, stream
        pull = {STREAM_INPUT: self._order("next", stream, whole)}
        while True:
            answer = await self._ask(step, pull, {**outputs, STREAM_OUTPUT: ""}, {})
            report = _report(answer.pop(STREAM_OUTPUT))
            if report["final"]:
                self._open = None
            give(_renamed(answer, step), report)
            if report["final"]:
                return
            await self._unless_gone(self._taken.wait())

    async def _ask(
        self,
        step: Step,
        inputs: Tensors,
        outputs: Mapping[str, str],
        parameters: Mapping[str, pb.InferParameter],
    ) -> dict[str, RawTensor]:
        """`outputs`: the graph's tensor by the model's output, empty where it has none."""
        self._stop_if_gone()
        request = infer_request(step.model, step.version or self._asked.version, inputs)
        for name, value in parameters.items():
            request.message.parameters[name].CopyFrom(value)
        for name, of in outputs.items():
            request.message.outputs.add(name=name, parameters=self._asked.outputs.get(of, {}))
        began = self._pulled = time.perf_counter()
        try:
            return answered_tensors(
                await self._or_gone(step, self._calls.infer(request, self._metadata()))
            )
        finally:
            took = time.perf_counter() - began
            self.seconds[step.model] = self.seconds.get(step.model, 0.0) + took

    async def _or_gone(self, step: Step, awaited: Awaitable[_Result]) -> _Result:
        """Await it; what is being pulled to its end, which comes soon.

        Raises what `leave` was given, unless it succeeds all the same.
        """
        task = asyncio.ensure_future(awaited)
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                if self._rooms(step.model) is None:
                    self._stop_if_gone()
                await self._call_off()
                await asyncio.wait((task,))
            return task.result()
        except GreenroomError:
            self._stop_if_gone()
            raise
        finally:
            task.cancel()

    async def _unless_gone(self, awaited: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(awaited)
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._stop_if_gone()

    def _stop_if_gone(self) -> None:
        if self._gone.done():
            raise self._gone.result()

    async def _call_off(self) -> None:
        """Let a model forget what it has begun for this request."""
        if self._open is None:
            return
        (step, stream), self._open = self._open, None
        order = {STREAM_INPUT: self._order("cancel", stream, False)}
        request = infer_request(step.model, step.version or self._asked.version, order)
        with suppress(GreenroomError):
            await self._calls.infer(request)

    def _order(self, action: str, stream: str, whole: bool) -> RawTensor:
        order = {"action": action, "id": stream, "whole": whole, "arrived": self._arrived}
        return one_string(json.dumps({**order, "due": self.due}).encode())

    def _lost(self, step: Step, error: GreenroomError) -> GreenroomError | None:
        """What it means that a model does not know the stream: its process is another by now."""
        if not isinstance(error, TritonError) or UNKNOWN_STREAM not in str(error):
            return None
        if self._begun:
            return Unavailable(f"Model {step.model} lost this stream: {error}")
        return ServerDown(
            f"Model {step.model} was loaded again before it answered; send the request again."
        )


def _renamed(answer: Tensors, step: Step) -> dict[str, RawTensor]:
    return {step.outputs[name]: tensor for name, tensor in answer.items() if name in step.outputs}


def _report(tensor: RawTensor) -> _Report:
    (text,) = elements_of_bytes(tensor.raw or b"")
    report: dict[str, Any] = json.loads(text)
    return report
