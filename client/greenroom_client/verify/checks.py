"""The five checks, in the order in which each leaves the model where the next one begins.

The bounds are what the Gradio server before Greenroom took at most: 30 s for a load, 3 s for an
offload, 5 s for a restore.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from greenroom_client.errors import GreenroomClientError
from greenroom_client.verify.subject import Subject
from greenroom_client.verify.verify_result import Measured, NotChecked, Outcome, VerifyResult

MOST_LOAD, MOST_OFFLOAD, MOST_RESTORE = 30.0, 3.0, 5.0
IDLE = 3.0
"""Seconds after which the idle monitor has to act during its check."""
PUNCTUAL = 1.0
"""Seconds that an idle action may begin too early or too late."""
PATIENCE = 10.0
"""Seconds beyond its time after which a transition is given up."""
SAME = 0.05
"""Part by which bytes may differ after a load and a restore: an engine without a GPU measures its
heap, which is never quite the same."""
NEVER = -1.0
_VERBS = {"load": "hot", "offload": "warm", "restore": "hot", "unload": "cold"}


@dataclass
class Plan:
    """What the checks share. `offload_after`: the policy's, in seconds."""

    offload_after: float
    hot_bytes: int | None = None
    """On the device after the first load; None: it was not loaded."""


@dataclass(frozen=True)
class Check:
    """What is expected, and how it is measured."""

    name: str
    expected: Callable[[Plan], str]
    make: Callable[[Subject, Plan], Awaitable[Measured]]

    async def run(self, subject: Subject, plan: Plan) -> VerifyResult:
        """Make the check; what the server refuses is a failure in its words."""
        expected = self.expected(plan)
        try:
            return VerifyResult.of(self.name, expected, await self.make(subject, plan))
        except NotChecked as reason:
            return VerifyResult(self.name, Outcome.NOT_CHECKED, expected, str(reason))
        except GreenroomClientError as error:
            return VerifyResult(self.name, Outcome.FAILED, expected, str(error))


async def _first_load(subject: Subject, plan: Plan) -> Measured:
    await subject.bring("cold")
    asked = time.monotonic()
    answered = await subject.task()
    load = await subject.saw("load", asked, PATIENCE)
    if isinstance(load, str):
        return Measured(f"answered after {answered:.2f} s", faults=[load])
    here, seconds = await subject.shown(), load.event["seconds"]
    plan.hot_bytes = here["device_bytes"]
    return Measured(
        f"loaded in {seconds:.2f} s, {_mb(plan.hot_bytes)} on the device, "
        f"{_mb(here['host_bytes'])} in host memory; the task was answered after {answered:.2f} s",
        seconds,
        plan.hot_bytes,
        [*_state(here["residency"], "hot"), *_slow("load", seconds, MOST_LOAD)],
    )


async def _offload_after_task(subject: Subject, plan: Plan) -> Measured:
    await subject.set_policy(offload_after=plan.offload_after)
    await subject.task()
    ended = time.monotonic()
    offload = await subject.saw("offload", ended, plan.offload_after + MOST_OFFLOAD + PATIENCE)
    if isinstance(offload, str):
        return Measured("it stayed", faults=[offload])
    here, seconds, waited = await subject.shown(), offload.event["seconds"], offload.begun - ended
    left = max(offload.event["bytes"], here["device_bytes"])
    return Measured(
        f"began {waited:.2f} s after the task, took {seconds:.3f} s, left {_mb(left)} of weights "
        f"and {_mb(here['device_overhead_bytes'])} of the process on the device",
        seconds,
        left,
        [
            *_state(here["residency"], "warm"),
            *_unpunctual("offload", waited, plan.offload_after),
            *_slow("offload", seconds, MOST_OFFLOAD),
            *_left(left),
        ],
    )


async def _restore(subject: Subject, plan: Plan) -> Measured:
    await subject.set_policy(offload_after=NEVER)
    await subject.bring("warm")
    asked = time.monotonic()
    answered = await subject.task()
    restore = await subject.saw("restore", asked, PATIENCE)
    if isinstance(restore, str):
        return Measured(f"answered after {answered:.2f} s", faults=[restore])
    here, seconds = await subject.shown(), restore.event["seconds"]
    back = here["device_bytes"]
    return Measured(
        f"restored in {seconds:.3f} s, {_mb(back)} on the device; "
        f"the task was answered after {answered:.2f} s",
        seconds,
        back,
        [
            *_state(here["residency"], "hot"),
            *_slow("restore", seconds, MOST_RESTORE),
            *_other_than_loaded(back, plan.hot_bytes),
        ],
    )


async def _idle_monitor(subject: Subject, plan: Plan) -> Measured:
    await subject.set_policy(offload_after=NEVER, unload_after=IDLE)
    await subject.task()
    ended = time.monotonic()
    unload = await subject.saw("unload", ended, IDLE + PATIENCE)
    if isinstance(unload, str):
        return Measured("it stayed", faults=[unload])
    here, seconds, waited = await subject.shown(), unload.event["seconds"], unload.begun - ended
    left = here["device_bytes"]
    return Measured(
        f"began {waited:.2f} s after the task, took {seconds:.2f} s, left {_mb(left)} on the "
        f"device, {_mb(here['host_bytes'])} in host memory",
        seconds,
        left,
        [
            *_state(here["residency"], "cold"),
            *_unpunctual("unload", waited, IDLE),
            *_left(left),
            *([] if here["pid"] is None else [f"its process {here['pid']} is still there."]),
        ],
    )


async def _manual_control(subject: Subject, plan: Plan) -> Measured:
    await subject.set_policy(offload_after=plan.offload_after, unload_after=NEVER)
    await subject.bring("cold")
    told: list[str] = []
    faults: list[str] = []
    begun = time.monotonic()
    for verb, state in _VERBS.items():
        asked = time.monotonic()
        answer = await subject.act(verb)
        told.append(f"{verb} {time.monotonic() - asked:.2f} s")
        here = await subject.shown()
        wrong = _state(answer["residency"], state) or _state(here["residency"], state)
        left = _left(here["device_bytes"]) if state != "hot" else []
        faults += [f"after {verb}: {fault}" for fault in (*wrong, *left)]
    return Measured(", ".join(told), time.monotonic() - begun, here["device_bytes"], faults)


CHECKS = (
    Check("first load", lambda plan: f"a task loads it within {MOST_LOAD:g} s", _first_load),
    Check(
        "offload after a task",
        lambda plan: (
            f"begins {plan.offload_after:g} s after the task (within {PUNCTUAL:g} s), takes at "
            f"most {MOST_OFFLOAD:g} s, leaves no weights on the device"
        ),
        _offload_after_task,
    ),
    Check("restore", lambda plan: f"a task brings it back within {MOST_RESTORE:g} s", _restore),
    Check(
        "idle monitor",
        lambda plan: (
            f"unloads it {IDLE:g} s after the task (within {PUNCTUAL:g} s), though its status is "
            "asked for all the time"
        ),
        _idle_monitor,
    ),
    Check(
        "manual control",
        lambda plan: ", ".join(f"{verb} makes it {state}" for verb, state in _VERBS.items()),
        _manual_control,
    ),
)


def _state(residency: str, expected: str) -> list[str]:
    return [] if residency == expected else [f"it is {residency}; it should be {expected}."]


def _slow(action: str, seconds: float, most: float) -> list[str]:
    return [f"the {action} took {seconds:.2f} s, over {most:g} s."] if seconds > most else []


def _unpunctual(action: str, waited: float, expected: float) -> list[str]:
    if abs(waited - expected) <= PUNCTUAL:
        return []
    return [
        f"the {action} began {waited:.2f} s after the task; it should begin after {expected:g} s."
    ]


def _other_than_loaded(back: int, loaded: int | None) -> list[str]:
    if loaded is None or abs(back - loaded) <= SAME * loaded:
        return []
    return [f"{back} bytes are on the device; after its load {loaded} were."]


def _left(device_bytes: int) -> list[str]:
    return [f"{device_bytes} bytes are left on the device."] if device_bytes else []


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
