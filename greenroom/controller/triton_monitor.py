"""Follows Triton: reads its state when it comes, lets requests wait for it when it goes."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from greenroom.controller.background import Background
from greenroom.controller.clock import Clock
from greenroom.controller.healing import Healing
from greenroom.controller.transitions import Transitions
from greenroom.errors import GreenroomError
from greenroom.residency.effects import Effect
from greenroom.residency.stage import Stage
from greenroom.residency.states import Residency
from greenroom.triton.client import Triton
from greenroom.triton.repository import Repository

logger = logging.getLogger(__name__)

_NO_ANSWER = "Triton does not answer."
_READ_AGAIN = 1.0


class TritonMonitor:
    """Keeps the stage true to the Triton that is there.

    `act` carries out effects and what the stage decides then.
    """

    def __init__(
        self,
        stage: Stage,
        triton: Triton,
        repository: Repository,
        transitions: Transitions,
        healing: Healing,
        clock: Clock,
        act: Callable[[Iterable[Effect]], None],
        background: Background,
    ) -> None:
        self._stage = stage
        self._triton = triton
        self._repository = repository
        self._transitions = transitions
        self._healing = healing
        self._clock = clock
        self._act = act
        self._background = background
        self.fault = _NO_ANSWER
        """Why Triton cannot be used, while it cannot."""

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            with self._background.guarded("Following Triton"):
                if self._stage.up or await self._came():
                    await self._triton.lost()
                    self._lost()
                    continue
            await asyncio.sleep(_READ_AGAIN)

    async def _came(self) -> bool:
        """Wait for Triton and read its state back; returns whether it could be read."""
        await self._triton.ready()
        try:
            states = await self._read_back()
        except GreenroomError as error:
            if str(error) != self.fault:
                logger.warning("Triton's models cannot be read: %s", error)
            self.fault = str(error)
            return False
        effects = self._stage.server_back(states, self._clock.now())
        self._act(effects)
        logger.info("Triton is ready; loaded: %s", ", ".join(sorted(states)) or "nothing")
        for name, state in states.items():
            if state is Residency.HOT:
                self._healing.look_after(name)
        return True

    async def check(self) -> None:
        """Look whether Triton still answers; if not, requests wait for it from now on."""
        if self._stage.up and not await self._triton.alive():
            self._lost()

    async def away(self) -> bool:
        """Look whether Triton is gone; requests wait for it then."""
        await self.check()
        return not self._stage.up

    def _lost(self) -> None:
        if self._stage.up:
            logger.warning("Triton is gone; requests wait for it")
            self.fault = _NO_ANSWER
            self._act(self._stage.server_lost())
            with self._background.guarded("Forgetting the state that ended with Triton"):
                self._transitions.forget()
            with self._background.guarded("Forgetting the state that ended with Triton"):
                self._healing.forget()

    async def _read_back(self) -> dict[str, Residency]:
        found = {}
        for name, state in (await self._triton.states()).items():
            if name in self._stage.models:
                found[name] = state
                if spec := self._repository.models.get(name):
                    with self._background.guarded(f"Reading the files of model {name}"):
                        self._transitions.remember(spec)
        return found
