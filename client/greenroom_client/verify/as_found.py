"""Leaves a model as it was found: policy and residency."""

import asyncio
import time
from dataclasses import dataclass

from greenroom_client.errors import GreenroomClientError, Unavailable
from greenroom_client.residency import ModelResidency
from greenroom_client.verify.subject import Subject

_RESTING = ("cold", "warm", "hot")
_POLL = 0.1
_SOON = 10.0
"""Seconds within which an idle offload is waited for, rather than done by hand."""
_LATE = 1.0


class NotAsFound(GreenroomClientError):
    """The model could not be put back."""


@dataclass(frozen=True)
class AsFound:
    """What a model was like before. Seconds as in its policy."""

    subject: Subject
    residency: str
    pinned: bool
    offload_after: float
    unload_after: float
    held: bool
    """Whether it was there by hand: a timer would have taken it away before."""

    @classmethod
    async def look(cls, subject: Subject) -> "AsFound":
        """Remember how the model is, once it rests. Raises Unavailable while it is in use."""
        here = await _at_rest(subject)
        if here["leases"] or here["waiting"]:
            raise Unavailable(
                f"{subject.model} serves {here['leases']} requests and {here['waiting']} wait for "
                "it; verify it when nobody uses it."
            )
        policy = here["policy"]
        return cls(
            subject,
            here["residency"],
            policy["pinned"],
            policy["offload_after"],
            policy["unload_after"],
            _held(here),
        )

    async def put_back(self) -> None:
        """Put policy and residency back. Raises NotAsFound."""
        try:
            if not await self._is_so():
                await self.subject.set_policy(self.pinned, self.offload_after, self.unload_after)
                await self._put_back()
        except GreenroomClientError as error:
            raise NotAsFound(
                f"{self.subject.model} could not be restored to how it was, {self.residency} with "
                f"pinned {self.pinned}, offload_after {self.offload_after:g} and unload_after "
                f"{self.unload_after:g}: {error}"
            ) from None

    async def _is_so(self) -> bool:
        here = await self.subject.shown()
        policy = here["policy"]
        return here["residency"] == self.residency and all(
            policy[name] == getattr(self, name)
            for name in ("pinned", "offload_after", "unload_after")
        )

    async def _put_back(self) -> None:
        """By a touch where that does: a manual action would suspend the policy."""
        if self.held or self.residency == "cold":
            await self.subject.bring(self.residency)
            return
        touched = time.monotonic()
        await self.subject.touch()
        if self.residency == "warm":
            if 0 <= self.offload_after <= _SOON:
                await self.subject.saw("offload", touched, self.offload_after + _SOON)
            await self.subject.bring("warm")


async def _at_rest(subject: Subject) -> ModelResidency:
    while True:
        here = await subject.shown()
        if here["residency"] in _RESTING:
            return here
        await asyncio.sleep(_POLL)


def _held(here: ModelResidency) -> bool:
    policy, idle = here["policy"], here["idle_seconds"] or 0.0
    timers = [policy["unload_after"]]
    if here["residency"] == "hot":
        timers.append(policy["offload_after"])
    late = any(0 <= seconds < idle - _LATE for seconds in timers)
    return late and not policy["pinned"]
