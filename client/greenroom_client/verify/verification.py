"""All checks of one model, after which it is as it was found."""

import asyncio
from collections.abc import Callable

from greenroom_client.async_client import AsyncClient
from greenroom_client.verify.as_found import AsFound, NotAsFound
from greenroom_client.verify.checks import CHECKS, NEVER, Plan
from greenroom_client.verify.sightings import Sightings
from greenroom_client.verify.subject import Subject
from greenroom_client.verify.verify_result import VerifyResult

_MOST_OFFLOAD_AFTER = 10.0
_OFFLOAD_AFTER = 1.0
"""Seconds used where the policy's own are longer than one waits for, or never."""


async def verify(
    client: AsyncClient, model: str, begin: Callable[[str], None]
) -> tuple[list[VerifyResult], str | None]:
    """Make the checks; returns the results, and why the model is not as it was found, or None.

    `begin` is told the name of what begins. Interrupted, it puts the model back first. Raises
    InvalidInput for a model that cannot be verified, Unavailable for one in use, and what the
    server's first refusal is.
    """
    sightings = Sightings(model)
    subject = Subject(client, model, sightings)
    await subject.check_fit()
    found = await AsFound.look(subject)
    async with client.events() as events:
        following = asyncio.create_task(sightings.follow(events))
        try:
            results = await _checked(subject, found, begin)
        except BaseException:
            begin(f"restoring {model} to how it was")
            await found.put_back()
            raise
        else:
            begin(f"restoring {model} to how it was")
            return results, await _put_back(found)
        finally:
            following.cancel()
            await asyncio.wait({following})
            if not following.cancelled():
                following.result()


async def _checked(
    subject: Subject, found: AsFound, begin: Callable[[str], None]
) -> list[VerifyResult]:
    usual = 0 <= found.offload_after <= _MOST_OFFLOAD_AFTER and not found.pinned
    plan = Plan(found.offload_after if usual else _OFFLOAD_AFTER)
    await subject.set_policy(pinned=False, offload_after=NEVER, unload_after=NEVER)
    results = []
    for number, check in enumerate(CHECKS, 1):
        begin(f"{number}/{len(CHECKS)} {check.name}")
        results.append(await check.run(subject, plan))
    return results


async def _put_back(found: AsFound) -> str | None:
    try:
        await found.put_back()
    except NotAsFound as error:
        return str(error)
    return None
