"""Notices that a load will never end, because the model's process has died in its first moments.

Triton forks a process for the model and waits for its first word; killed before it could say one
(no memory at the fork, a full process table), it is waited for without end. Then the model has no
process, or only a zombie is left of it: a child of Triton's that Triton has not reaped. A process
that is stopped (SIGSTOP) is none either: nothing makes it go on.
"""

import asyncio
import time

from greenroom.triton.backend_processes import BackendProcesses

_INTERVAL = 1.0
_SURE = 2
"""Looks in a row: between two processes of one load there may be none for a moment."""
_NEVER_SEEN = 5
"""Looks after which a process that was never there is not to be expected any more."""
_AT_ONE_TIME = 4
"""Loads that Triton runs at one time; a further one waits and has no process yet."""


class LoadWatch:
    """Looks at the processes of the models that are being loaded.

    Where Triton's processes cannot be seen from here, it says nothing.
    """

    def __init__(self, processes: BackendProcesses) -> None:
        self._processes = processes
        self._loading: set[str] = set()

    async def no_process(self, model: str) -> None:
        """Returns when a load that begins now has no process and will have none; else never."""
        self._loading.add(model)
        try:
            await self._no_process(model, time.time())
        finally:
            self._loading.discard(model)

    async def _no_process(self, model: str, since: float) -> None:
        seen, missing = False, 0
        while True:
            await asyncio.sleep(_INTERVAL)
            look = await self._processes.look(model, since)
            if look is None or len(self._loading) > _AT_ONE_TIME:
                continue
            seen = seen or look.lives
            missing = 0 if look.lives else missing + 1
            if missing >= (_SURE if seen or look.zombie else _NEVER_SEEN):
                return
