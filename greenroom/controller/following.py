"""Follows Triton: reads its state when it comes, lets requests wait for it when it goes."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from greenroom.controller.clock import Clock
from greenroom.controller.repository import Repository
from greenroom.controller.transitions import Transitions
from greenroom.controller.triton import Triton
from greenroom.errors import GreenroomError
from greenroom.residency.effects import Effect
from greenroom.residency.stage import Stage
from greenroom.residency.states import Residency

logger = logging.getLogger(__name__)

_READ_AGAIN = 1.0


class Following:
    """Keeps the stage true to the Triton that is there.

    `act` carries out effects and what the stage decides then; `spawn` runs work beside.
    """

    def __init__(
        self,
        stage: Stage,
        triton: Triton,
        repository: Repository,
        transitions: Transitions,
        clock: Clock,
        act: Callable[[Iterable[Effect]], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._stage = stage
        self._triton = triton
        self._repository = repository
        self._transitions = transitions
        self._clock = clock
        self._act = act
        self._spawn = spawn

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            await self._triton.ready()
            try:
                states = await self._read_back()
            except GreenroomError as error:
                logger.warning("Triton's models can not be read: %s", error)
                await asyncio.sleep(_READ_AGAIN)
                continue
            effects = self._stage.server_back(states, self._clock.now())
            logger.info("Triton is ready; loaded: %s", ", ".join(sorted(states)) or "nothing")
            self._act(effects)
            for name in states:
                self._spawn(self._ask_report(name))
            await self._triton.lost()
            self._lost()

    async def check(self) -> None:
        """Look whether Triton still answers; if not, requests wait for it from now on."""
        if self._stage.up and not await self._triton.alive():
            self._lost()

    def _lost(self) -> None:
        if self._stage.up:
            logger.warning("Triton is gone; requests wait for it")
            self._transitions.forget()
            self._act(self._stage.server_lost())

    async def _read_back(self) -> dict[str, Residency]:
        """READY alone does not tell hot from warm: hot until the model's report comes."""
        ready = await self._triton.settled(*self._stage.models)
        known = [name for name in ready if name in self._stage.models]
        for name in known:
            if spec := self._repository.models.get(name):
                self._transitions.remember(spec)
        return dict.fromkeys(known, Residency.HOT)

    async def _ask_report(self, model: str) -> None:
        if not self._stage.models[model].controllable:
            return
        try:
            report = await self._transitions.ask_report(model)
        except GreenroomError as error:
            logger.warning("Model %s does not report: %s", model, error)
            return
        self._stage.reported(model, report)
        if report.residency in (Residency.HOT, Residency.WARM):
            self._stage.observed(model, Residency(report.residency))
            self._act(())
