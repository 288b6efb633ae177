"""Applications that plug-ins add to the gateway, by entry points of the group ``greenroom.apps``.

An entry point names an `App`. Plug-ins take everything here from `greenroom.plugin`.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from re import Pattern
from typing import Protocol

from starlette.routing import compile_path
from starlette.types import ASGIApp

from greenroom.errors import GreenroomError
from greenroom.gateway.api_keys import Scope
from greenroom.gateway.app import refusal
from greenroom.managed.stepped_engine import Piece
from greenroom.settings import Settings
from greenroom.triton.numpy_tensors import Array, Tensors

GROUP = "greenroom.apps"


class AppLease(Protocol):
    """A request's hold on a model and, of an ensemble, on its steps."""

    @property
    def start(self) -> str:
        """Cold, warm or hot: the coldest of its models when it was asked for."""

    @property
    def waited(self) -> float:
        """Seconds until it was granted."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long each of its models has been asked, steps of ensembles too."""

    async def infer(
        self, model: str, tensors: Tensors, outputs: Collection[str] = ()
    ) -> dict[str, Array]:
        """Ask one of the held models; tensors have no batch dimension, STRING ones hold bytes.

        Without `outputs` the answer has those that the model makes for everybody.
        If Triton or the model's process dies with it, it is sent once more. When the client leaves,
        the lease lasts until Triton has ended its work. Raises starlette's ClientDisconnect then,
        and GreenroomError with the model's own sentence when it fails.
        """

    async def walk(self, ensemble: str, tensors: Tensors) -> dict[str, Array]:
        """Ask the steps of a held ensemble one after another; as `infer` otherwise."""

    def stream(self, model: str, tensors: Tensors) -> AsyncGenerator[Piece, None]:
        """Ask a held model, or ensemble, for its answer in pieces.

        A piece is computed when the one before it was taken, and one more ahead. One whose model,
        or whose last step, does not stream gives one piece. Outputs of earlier steps come with the
        first. Raises as `infer` does, and in the middle when it cannot go on; whoever stops
        iterating ends it with the lease.
        """

    def added(self, seconds: float) -> None:
        """Tell of what the app gave its client beside the last piece, such as a pause before it.

        Negative where it is less than the piece. So it is known when the client runs out, and the
        next pieces come before that.
        """


class Held(Protocol):
    """Counts the bytes of all requests against max_held_bytes."""

    def hold(self, size: int) -> AbstractContextManager[object]:
        """Count bytes while inside, for the API key of the request at hand.

        Raises QueueFull over max_held_bytes, or over the key's share of them.
        """


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model without asking it."""

    name: str
    residency: str | Mapping[str, str]
    """Of an ensemble: that of each of its steps."""
    parameters: Mapping[str, str]
    """The `parameters` of its config.pbtxt."""
    changed_at: float
    """When its folder was changed, in unix seconds."""


class Gateway(Protocol):
    """What an app is handed when it starts.

    The bodies that an app receives are bounded already (max_request_bytes, receive_timeout,
    max_held_bytes): its ``receive`` raises a GreenroomError.
    """

    @property
    def settings(self) -> Settings:
        """The service's settings, its limits among them."""

    def lease(self, model: str, *, held_bytes: int = 0) -> AbstractAsyncContextManager[AppLease]:
        """Hold a model and its steps while inside; waits until all of them can serve.

        It belongs to the request that the app answers: when its client leaves while it waits, it
        frees its place and raises starlette's ClientDisconnect; that of a WebSocket, which the app
        alone receives from, is to be cancelled by the app. `held_bytes` are what the request
        holds beside its body, such as a decoded file. Raises UnknownModel, or Unavailable with the
        reason when it is refused.
        """

    @property
    def held(self) -> Held:
        """Counts what the app holds beside bodies and leases, such as a file while it is read."""

    def models(self) -> Sequence[str]:
        """Sorted by name."""

    def facts(self, model: str) -> ModelFacts:
        """Raises UnknownModel."""

    def why_not_serving(self) -> str | None:
        """A sentence, None if requests would be served now; models may be cold."""

    async def touch(self, model: str) -> None:
        """Ask for a model and its steps ahead of a request; returns when all are hot.

        Raises UnknownModel, or Unavailable with the reason.
        """


@dataclass(frozen=True)
class App:
    """An ASGI application on paths of the gateway."""

    name: str
    """The label `protocol` of its requests in the metrics."""
    start: Callable[[Gateway], ASGIApp]
    """Makes the application; it sees whole paths."""
    paths: Sequence[str]
    """Each with all below it is the app's, such as ``/v1``."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The model that each path needs, such as ``/things/{name}/preview``."""
    websockets: Sequence[str] = ()
    """Paths that are WebSockets, each of them whole; anywhere else a request to change to one is
    answered as if it did not ask."""
    scopes: Mapping[tuple[str, str], Scope | None] = field(default_factory=dict)
    """The scope that a method and path need, None for no key. Without an entry: the inference
    scope for reading and for POST to a path of `models`, else the admin scope."""
    refusal: Callable[[GreenroomError], ASGIApp] = refusal
    """Makes the answer to a request that is refused before the app sees it."""

    def has(self, path: str) -> bool:
        return any(path == own or path.startswith(f"{own}/") for own in self.paths)

    def model_of(self, path: str) -> str | None:
        """None if the path needs no model."""
        return next((model for form, model in self._models if form.match(path)), None)

    def scope(self, method: str, path: str) -> Scope | None:
        """None: no key is needed."""
        for of, form, scope in self._scopes:
            if of == method and form.match(path):
                return scope
        asks = method == "POST" and self.model_of(path) is not None
        return Scope.INFERENCE if asks or method in ("GET", "HEAD") else Scope.ADMIN

    @cached_property
    def _models(self) -> list[tuple[Pattern[str], str]]:
        return [(compile_path(path)[0], model) for path, model in self.models.items()]

    @cached_property
    def _scopes(self) -> list[tuple[str, Pattern[str], Scope | None]]:
        return [
            (method, compile_path(path)[0], scope) for (method, path), scope in self.scopes.items()
        ]
