"""Which requests are walked, and what a walk starts from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any, TypedDict, Unpack

from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.leases import WhileWaiting
from greenroom.controller.suspects import RequestForm
from greenroom.errors import InvalidInput
from greenroom.gateway.graph import Graph, graph_of, pulled
from greenroom.gateway.held_bytes import Hold
from greenroom.gateway.lease import Leased
from greenroom.gateway.walk import InferenceRequest, RawPiece, Tensors, Walk
from greenroom.gateway.walk_statistics import WalkStatistics
from greenroom.triton.model_calls import ModelCalls
from greenroom.triton.raw_tensors import InferRequest, given_tensors, infer_response
from greenroom.triton.repository import ModelSpec, Repository

MOST_UNDER_WAY = 200
"""Answers of one model in Triton's hands; it has 256 places, so a control always finds one."""
_FOR_GREENROOM = frozenset({"stream", "triton_enable_empty_final_response"})
Metadata = Callable[[], Iterable[tuple[str, str | bytes]]]


class How(TypedDict, total=False):
    """What `Leased.run` may be told."""

    hold: Hold | None
    while_waiting: WhileWaiting | None
    form: RequestForm | None


class Walks:
    """Begins walks. A request that none of these models needs, Triton answers by itself."""

    def __init__(self, repository: Repository, calls: ModelCalls, leased: Leased) -> None:
        self._repository = repository
        self._calls = calls
        self._leased = leased
        self._rooms: dict[str, asyncio.Semaphore] = {}
        self.statistics = WalkStatistics()

    def takes(self, model: str) -> bool:
        """The model is managed, or an ensemble with one that is: its requests can be called off."""
        return any(spec.controllable for spec in self._all_of(model))

    def streams(self, model: str) -> bool:
        """Its answer can be had in pieces: its last step has the parameter ``streams``."""
        if not self.takes(model):
            return False
        specs = self._repository.models
        last = specs[graph_of(specs[model]).last.model]
        return pulled(last) and "streams" in last.parameters

    def of_request(self, request: InferRequest, metadata: Metadata = tuple) -> Walk:
        """Of a checked request. Raises InvalidInput."""
        message = request.message
        spec = self._repository.models[message.model_name]
        if not message.inputs and not spec.steps:  # Triton speaks of an index out of bounds
            graph = graph_of(spec)
            needed = ", ".join(graph.required) or f"some of {', '.join(graph.inputs)}"
            raise InvalidInput(f"inputs is empty; model {spec.name!r} needs {needed}.")
        outputs = {one.name: dict(one.parameters) for one in message.outputs}
        return self.of_tensors(
            message.model_name,
            given_tensors(request),
            version=message.model_version,
            outputs=outputs,
            parameters=message.parameters,
            metadata=metadata,
        )

    def of_tensors(
        self,
        model: str,
        tensors: Tensors,
        *,
        version: str = "",
        outputs: Mapping[str, Mapping[str, pb.InferParameter]] | None = None,
        parameters: Mapping[str, pb.InferParameter] | None = None,
        metadata: Metadata = tuple,
    ) -> Walk:
        """Without `outputs` for all that the model makes then. Raises InvalidInput."""
        spec = self._repository.models[model]
        graph = graph_of(spec)
        _check(spec, graph, tensors, outputs or {}, version)
        passed = {} if spec.steps else parameters or {}
        asked = InferenceRequest(
            model,
            graph,
            tensors,
            outputs or {},
            {key: value for key, value in passed.items() if key not in _FOR_GREENROOM},
            "" if spec.steps else version,
        )
        counted = partial(self.statistics.counted, model) if spec.steps else nullcontext
        return Walk(asked, self._calls, self._room, self._leased.held, metadata, counted)

    async def answer(self, walk: Walk, protocol: str, size: int, **how: Unpack[How]) -> RawPiece:
        """Walk to the end under a lease; see `Leased.run`."""
        try:
            return await self._leased.run(walk.model, protocol, size, walk.whole, **how)
        finally:
            walk.leave()

    @asynccontextmanager
    async def stream(
        self, walk: Walk, protocol: str, size: int, **how: Unpack[How]
    ) -> AsyncIterator[AsyncIterator[RawPiece]]:
        """Walk under a lease that ends with the last piece, or when this is left before."""
        running = asyncio.create_task(self._streamed(walk, protocol, size, **how))
        try:
            yield walk.pieces(running)
        finally:
            walk.leave()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _streamed(self, walk: Walk, protocol: str, size: int, **how: Unpack[How]) -> None:
        async with self._leased.request(walk.model, protocol, size, **how) as request:
            await request.stream(walk)

    def response(self, request: pb.ModelInferRequest, piece: RawPiece) -> pb.ModelInferResponse:
        """As Triton answers."""
        version = request.model_version or self._repository.models[request.model_name].versions[-1]
        return infer_response(request.model_name, version, request.id, piece.tensors)

    def _room(self, model: str) -> asyncio.Semaphore | None:
        if not pulled(self._repository.models[model]):
            return None
        return self._rooms.setdefault(model, asyncio.Semaphore(MOST_UNDER_WAY))

    def _all_of(self, model: str) -> Iterator[ModelSpec]:
        if self._repository.has(model):
            spec = self._repository.models[model]
            yield spec
            yield from (self._repository.models[step] for step in spec.steps)


def _check(
    spec: ModelSpec,
    graph: Graph,
    inputs: Collection[str],
    outputs: Mapping[str, Mapping[str, Any]],
    version: str,
) -> None:
    """What Triton says of names before it runs anything."""
    what = f"model {spec.name!r}"
    if version and version not in spec.versions:
        raise InvalidInput(f"Version {version!r} of {what} does not exist.")
    for name in inputs:
        if name not in graph.inputs:
            raise InvalidInput(f"Input {name[:60]!r} is given; {what} has no such input.")
    for name in graph.required if spec.steps else ():
        if name not in inputs:
            raise InvalidInput(f"Input {name!r} is missing; {what} needs it.")
    for name, parameters in outputs.items():
        if name not in graph.outputs:
            raise InvalidInput(f"Output {name[:60]!r} is asked for; {what} has no such output.")
        if parameters and name in graph.made_early:
            raise InvalidInput(
                f"Output {name!r} of {what} takes no parameters: its last step does not make it."
            )
