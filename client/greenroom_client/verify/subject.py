"""The model that is verified: what it is asked for, told to do, and seen to do."""

import time

import numpy as np

from greenroom_client.async_client import AsyncClient
from greenroom_client.audio import Samples
from greenroom_client.errors import GreenroomClientError, InvalidInput
from greenroom_client.residency import ModelResidency
from greenroom_client.verify.sightings import Sighting, Sightings
from greenroom_client.verify.verify_result import NotChecked

_CLONES = "tts"
_MOST_ACTIONS = 3
"""Manual actions that lead from anywhere to any state."""


class Subject:
    """One managed model of a running service."""

    def __init__(self, client: AsyncClient, model: str, sightings: Sightings) -> None:
        self.model = model
        self._client = client
        self._sightings = sightings

    async def check_fit(self) -> None:
        """Raise InvalidInput if there is no such model, or it cannot be offloaded."""
        models = (await self._client.residency())["models"]
        if self.model not in models:
            known = ", ".join(sorted(models)) or "none"
            raise InvalidInput(
                f"{self.model} is not a managed model of this server; its managed models are "
                f"{known}."
            )
        if not models[self.model]["controllable"]:
            raise InvalidInput(
                f"{self.model} takes no RESIDENCY input: it can be loaded and unloaded, but "
                "not offloaded and restored, so it cannot be verified."
            )

    async def shown(self) -> ModelResidency:
        """Its object of GET /residency."""
        return (await self._client.residency())["models"][self.model]

    async def task(self) -> float:
        """Give it something to do, and return the seconds until it was done.

        tts clones a voice; any other model is touched: a request without a content.
        """
        asked = time.monotonic()
        if self.model == _CLONES:
            await self._client.clone(_buzz(), "Good evening.", "Good day.", "en")
        else:
            await self._client.touch(self.model)
        return time.monotonic() - asked

    async def touch(self) -> None:
        """Ask for it ahead of a request, so that its policy is in charge of it."""
        await self._client.touch(self.model)

    async def act(self, verb: str) -> ModelResidency:
        """Load, offload, restore or unload it; returns its object once the state is reached."""
        verbs = {
            "load": self._client.load,
            "offload": self._client.offload,
            "restore": self._client.restore,
            "unload": self._client.unload,
        }
        return await verbs[verb](self.model)

    async def bring(self, state: str) -> None:
        """Bring it to cold, warm or hot by hand. Raises NotChecked with the reason why not."""
        try:
            for _ in range(_MOST_ACTIONS):
                here = (await self.shown())["residency"]
                if here == state:
                    return
                await self.act(_next_verb(here, state))
        except GreenroomClientError as error:
            raise NotChecked(f"{self.model} could not be made {state}: {error}") from None
        raise NotChecked(f"{self.model} could not be made {state}: it is still {here}.")

    async def set_policy(
        self,
        pinned: bool | None = None,
        offload_after: float | None = None,
        unload_after: float | None = None,
    ) -> None:
        await self._client.set_policy(
            self.model, pinned=pinned, offload_after=offload_after, unload_after=unload_after
        )

    async def saw(self, action: str, since: float, within: float) -> Sighting | str:
        """The transition that ended after `since`, or the sentence that says it did not.

        `since` is a moment of the monotonic clock; it is waited for `within` seconds from now.
        """
        seen = await self._sightings.first(action, since, within)
        if seen is not None:
            return seen
        here = await self.shown()
        return (
            f"no {action} was seen: it is {here['residency']} with {here['leases']} leases and "
            f"{here['waiting']} waiting."
        )


def _next_verb(here: str, state: str) -> str:
    if state == "cold":
        return "unload"
    return "load" if state == "hot" or here in ("cold", "loading", "unloading") else "offload"


def _buzz() -> tuple[Samples, int]:
    """Two seconds of a voiced sound at 16 kHz, which engines take for a voice."""
    moments = np.arange(32_000) / 16_000
    harmonics = [np.sin(2 * np.pi * 120 * number * moments) / number for number in range(1, 12)]
    return (0.1 * np.sum(harmonics, axis=0)).astype(np.float32), 16_000
