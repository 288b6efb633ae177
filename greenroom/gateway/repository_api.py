"""Triton's repository API, through the controller: nothing is loaded behind its back."""

from collections.abc import Mapping
from typing import Any

from tritonclient.grpc import service_pb2 as pb

from greenroom.controller.controller import Controller
from greenroom.errors import PermissionDenied
from greenroom.residency.states import Action
from greenroom.triton.client import Triton


class RepositoryApi:
    """Index, load and unload as both protocols need them."""

    def __init__(self, controller: Controller, triton: Triton, allow_overrides: bool) -> None:
        self._controller = controller
        self._triton = triton
        self._allow_overrides = allow_overrides

    async def index(self, only_ready: bool = False) -> pb.RepositoryIndexResponse:
        """Triton's, with the residency as the reason of every managed model."""
        index = await self._triton.index(only_ready)
        for entry in index.models:
            if self._controller.knows(entry.name):
                model = self._controller.entry(entry.name)
                if not model.steps:
                    entry.reason = model.residency
        return index

    async def load(self, model: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Raises UnknownModel, PermissionDenied for parameters that replace what it is."""
        if parameters and not self._allow_overrides:
            raise PermissionDenied(
                f"Parameter {min(parameters)[:60]!r} of the load is refused: a config or files in "
                "the place of the repository's can run any code. "
                "GREENROOM_ALLOW_LOAD_OVERRIDES=true allows them."
            )
        self._controller.entry(model)
        await self._controller.load_from_repository(model, parameters)

    async def unload(self, model: str, dependents: bool = False) -> None:
        """Unload a model once its leases have ended; with `dependents` an ensemble's steps too."""
        await self._controller.act(model, Action.UNLOAD)
        if dependents:
            for step in self._controller.entry(model).steps:
                await self._controller.act(step, Action.UNLOAD)
