"""Unloads a model, also one whose process is dead or does not end by itself."""

import asyncio
import logging

from greenroom.errors import TransitionFailed
from greenroom.settings import Settings
from greenroom.triton.backend_processes import BackendProcesses
from greenroom.triton.client import Triton
from greenroom.triton.repository import ModelSpec
from greenroom.triton.restart_request import ask_for_restart

logger = logging.getLogger(__name__)

_LOOK_AGAIN = 1.0
"""Seconds after which an unload that has not ended is looked into: has its process?"""
_GONE_LOOKS = 2
"""Looks in a row at none, or one that is stopped: Triton has had time to notice."""
_STEPPED = 5.0
"""Seconds in which the unload of an idle model that works in steps ends, if it ever does: where two
of its requests were cancelled one after the other, Triton (2.51) keeps the model for ever, though
it has answered both. Killing its process loses nothing."""
_UNSEEN = 5.0
"""Seconds in which an unload ends whose process has died unseen, if it ever does."""


class Unloading:
    """What ends a model in Triton and its process."""

    def __init__(self, settings: Settings, triton: Triton, processes: BackendProcesses) -> None:
        self._settings = settings
        self._triton = triton
        self._processes = processes

    async def unload(self, model: str, spec: ModelSpec | None) -> None:
        """Unload a model that nobody holds; a process that does not end by itself is killed."""
        self._processes.forget(model)
        unloading = asyncio.ensure_future(self._triton.unload(model))
        has_process = spec is not None and spec.has_process
        looks, missing, seconds = 0.0, 0, self._settings.control_timeout
        if spec is not None and spec.works_in_steps:
            seconds = min(seconds, _STEPPED)
        try:
            while looks < seconds:
                looks += _LOOK_AGAIN
                if (await asyncio.wait([unloading], timeout=min(_LOOK_AGAIN, seconds)))[0]:
                    return await unloading
                runs = not has_process or not await self._processes.none_runs(model)
                missing = 0 if runs else missing + 1
                if missing == _GONE_LOOKS:
                    break  # Triton would never say so
            else:
                if spec is not None and not has_process:
                    raise too_late("unload", model, seconds)
                logger.warning(
                    "Unloading model %s takes more than %g s: its process is killed", model, seconds
                )
            await self.bury(model)
        finally:
            unloading.cancel()

    async def bury(self, model: str) -> None:
        """Unload a model whose process is dead or hangs; it is killed first.

        Triton may never end such an unload, but once the process is gone nothing is left of
        it, and the model can be loaded again at once.
        """
        gone = await self._processes.end(model)
        await self._triton.begin_unload(model)
        if gone:
            return
        try:
            async with asyncio.timeout(_UNSEEN):
                await self._triton.settled(model)
        except TimeoutError:
            raise restart_needed(
                self._settings,
                f"The process of model {model} does not exit and cannot be killed from here.",
            ) from None


def restart_needed(settings: Settings, why: str) -> TransitionFailed:
    """Ask for another Triton; the error says so, or why nobody starts one."""
    if ask_for_restart(settings, why):
        return TransitionFailed(f"{why} Triton will be restarted.")
    return TransitionFailed(
        f"{why} Nobody has picked up the request in {settings.shared} to restart "
        f"Triton: restart it, and set the same GREENROOM_SHARED_DIR for it and the controller."
    )


def too_late(action: str, model: str, seconds: float) -> TransitionFailed:
    """A control or an unload that did not end within control_timeout."""
    return TransitionFailed(
        f"The {action} of model {model} took longer than control_timeout ({seconds:g} s)."
    )
