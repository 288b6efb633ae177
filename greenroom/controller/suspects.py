"""Requests that were in Triton's hands when it, or a model's process, ended by a fault of its own.

One of them may have been the cause. So each is sent again alone, one after another, and only
once; one that was there at two such ends is refused for a while, to the client that sent it. Others
may come while it is sent again: then a second end may be theirs, and does not count. An end from
outside (SIGKILL, for memory too) or a restart by the supervisor makes no suspects.

What is known: of Triton, its supervisor is told the signal. Of a model's process, the signal is
read while it is a zombie, where this process sees it and may (the same user, or root); elsewhere
no signal is known, and then nobody is a suspect.
"""

import asyncio
import hashlib
import logging
import math
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from greenroom.controller.leases import WhileWaiting
from greenroom.errors import (
    BackendDied,
    GreenroomError,
    InvalidInput,
    ServerDown,
    WaitedTooLong,
)
from greenroom.settings import Settings
from greenroom.triton.server_death import Death, last_death

logger = logging.getLogger(__name__)

FAULTS = frozenset({signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS, signal.SIGILL})
_ENDS = 2
"""After so many a request is refused."""
_REFUSED_FOR = 600.0
_MOST_REMEMBERED = 1000
_LONGEST_TURN = 120.0
"""Seconds in which a request's turn to be sent again has to come."""
_TRITON = ""
"""Stands for Triton's own process beside the names of models, which stand for theirs."""
_LOOK_EVERY = 0.05
_LOOK_FOR = 5.0
"""Seconds in which the supervisor has told how Triton ended."""


@dataclass
class RequestForm:
    """What the log tells of a request: nothing of its content.

    `tensors` gives names, datatypes and shapes; `content` the bytes by which the same request
    of the same `sender`, an API key's name or an address, is known again.
    """

    client: str
    sender: str
    tensors: Callable[[], str]
    content: Callable[[], bytes]


@dataclass
class SentRequest:
    """A request that is sent to Triton. `at`: unix time of the last time.

    `before`: for each process that has it, how many requests that had been sent before it and how
    many of them were still there.
    """

    model: str
    form: RequestForm | None
    needs: tuple[str, ...] = ()
    at: float = 0.0
    ends: int = 0
    before: dict[str, tuple[int, int]] = field(default_factory=dict)


class Suspects:
    """Knows how processes ended, and which requests were there.

    `away` looks whether Triton is gone: then how it ended may be told in a moment.
    """

    def __init__(self, settings: Settings, away: Callable[[], Awaitable[bool]]) -> None:
        self._settings = settings
        self._away = away
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sent: Counter[str] = Counter()
        self._there: Counter[str] = Counter()
        self._of_models: dict[str, Death] = {}
        self._remembered: dict[bytes, tuple[int, float]] = {}

    def process_ended(self, model: str, number: int) -> None:
        """A model's process has ended by a signal."""
        self._of_models[model] = Death(number, time.time())

    def check(self, sent: SentRequest) -> None:
        """Raise InvalidInput for a request that was there at two ends, a while ago at most."""
        if self._remembered and sent.form:
            sent.ends, at = self._remembered.get(_digest(sent), (0, 0.0))
            if time.time() - at > _REFUSED_FOR:
                sent.ends = 0
            if sent.ends >= _ENDS:
                raise _refusal(sent, "Triton, or the process of its model, ended")

    @contextmanager
    def sending(self, sent: SentRequest, needs: tuple[str, ...]) -> Iterator[None]:
        """A request is in Triton's hands while inside."""
        processes = (_TRITON, *needs)
        sent.needs, sent.at = needs, time.time()
        sent.before = {each: (self._sent[each], self._there[each]) for each in processes}
        self._sent.update(processes)
        self._there.update(processes)
        try:
            yield
        finally:
            self._there.subtract(processes)

    @asynccontextmanager
    async def sent_again(
        self, sent: SentRequest, died: GreenroomError, while_waiting: WhileWaiting | None
    ) -> AsyncIterator[None]:
        """Send a request again inside: alone, if its first end was by a fault.

        Raises InvalidInput if it must not be sent again, or if that ends by a fault as well;
        WaitedTooLong if its turn does not come.
        """
        fault = await self._fault(sent, died)
        if fault is None:
            yield
            return
        process, how = fault
        self._blame(sent, how)
        sent.at = math.inf  # until it is sent again
        async with AsyncExitStack() as turn:
            # Entered into the stack, it is let go even by who was cancelled as it came.
            waiting = turn.enter_async_context(self._turns[process])
            try:
                async with asyncio.timeout(_LONGEST_TURN):
                    await (while_waiting(waiting) if while_waiting else waiting)
            except TimeoutError:
                raise WaitedTooLong(
                    f"This request was in Triton when {how}. Such requests are sent again one "
                    f"after another, and its turn did not come within {_LONGEST_TURN:g} s."
                ) from None
            try:
                yield
            except (ServerDown, BackendDied) as again:
                fault = await self._fault(sent, again)
                if fault and self._was_alone(sent, fault[0]):
                    self._blame(sent, fault[1])
                raise

    def _was_alone(self, sent: SentRequest, process: str) -> bool:
        """No other request was with it in the process that ended."""
        number, others = sent.before.get(process, (0, 1))
        return not others and self._sent[process] == number + 1

    async def _fault(self, sent: SentRequest, died: GreenroomError) -> tuple[str, str] | None:
        """Which process had the request and how it ended, None if not by a fault.

        With Triton its models' processes end, and that may be seen first.
        """
        for model in sent.needs if isinstance(died, BackendDied) else ():
            death = self._of_models.get(model)
            if death and death.at >= sent.at and _is_fault(death):
                return model, f"the process of model {model} ended with {_name(death)}"
        if isinstance(died, ServerDown) or await self._away():
            death = await self._of_triton(sent.at)
            if death and _is_fault(death) and not self._from_outside(sent.at, death.at):
                return _TRITON, f"Triton ended with {_name(death)}"
        return None

    def _from_outside(self, since: float, until: float) -> bool:
        """A model's process was killed first: Triton 2.51 aborts where it held their lock."""
        deaths = self._of_models.values()
        return any(since <= one.at <= until and not _is_fault(one) for one in deaths)

    async def _of_triton(self, since: float) -> Death | None:
        """A Triton that is there again has been told of."""
        until = time.monotonic() + _LOOK_FOR
        while True:
            away = await self._away() and time.monotonic() < until
            death = last_death(self._settings)
            if death and death.at >= since:
                return death
            if not away:
                return None
            await asyncio.sleep(_LOOK_EVERY)

    def _blame(self, sent: SentRequest, how: str) -> None:
        """Log and remember. Raises InvalidInput at the second end."""
        sent.ends += 1
        if sent.form:
            if len(self._remembered) >= _MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[_digest(sent)] = (sent.ends, time.time())
        refused = sent.ends >= _ENDS
        then = f"refused for {_REFUSED_FOR:g} s" if refused else "sent again alone"
        whose = f" from {sent.form.client} ({sent.form.tensors()})" if sent.form else ""
        logger.warning(
            "A request for model %s%s was in Triton when %s; it is %s", sent.model, whose, how, then
        )
        if refused:
            raise _refusal(sent, how)


def _refusal(sent: SentRequest, how: str) -> InvalidInput:
    return InvalidInput(
        f"This request for model {sent.model!r} was in Triton both times when {how}; "
        f"it is not sent again for {_REFUSED_FOR / 60:g} minutes."
    )


def _digest(sent: SentRequest) -> bytes:
    assert sent.form
    known_by = (sent.model.encode(), sent.form.sender.encode(), sent.form.content())
    return hashlib.sha256(b"\0".join(known_by)).digest()


def _is_fault(death: Death | None) -> bool:
    return death is not None and death.signal in FAULTS


def _name(death: Death | None) -> str:
    return signal.Signals(death.signal).name if death else "nothing"


def shown(tensors: Iterable[tuple[object, object, Iterable[object]]]) -> str:
    """Names, datatypes and shapes for the log."""
    text = ", ".join(f"{name!r} {datatype!s} {list(shape)}" for name, datatype, shape in tensors)
    return text[:500]
