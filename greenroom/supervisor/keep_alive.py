"""Starts a member of the service again whenever it ends or is of no use any more."""

import asyncio
from typing import Protocol

from greenroom.errors import SetupError
from greenroom.supervisor.child import Log

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
STEADY = 30.0
"""Seconds after which a member counts as well: the next pause is a short one again."""


class Member(Protocol):
    """What can be kept alive: TritonServer and Program."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    async def start(self) -> None:
        """Start it; SetupError if it does not become ready."""

    async def failed(self) -> str:
        """Wait until it must be started again, and return why."""

    async def kill(self) -> None:
        """End it and whatever it has left behind."""


async def keep_alive(member: Member, log: Log) -> None:
    """Wait until a started member has failed and start it again, for ever.

    The pause before a start doubles while the member keeps ending soon.
    """
    clock = asyncio.get_running_loop().time
    pause, started = FIRST_PAUSE, clock()
    while True:
        why = await member.failed()
        if clock() - started > STEADY:
            pause = FIRST_PAUSE
        log(member.name, f"{why}; restarting in {pause:g} s")
        await member.kill()
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        started = clock()
        try:
            await member.start()
        except SetupError as error:
            log(member.name, str(error))
        else:
            log(member.name, f"runs again after {clock() - started:.1f} s")
