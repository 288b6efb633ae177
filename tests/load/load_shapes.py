"""The shapes of the load: how many ask when, how often, of which models, and what must hold."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

MODEL = "tts"
"""The model that comes and goes."""
CROWD = ("a", "b", "c")
"""Models of which two fit at one time."""
RAMP_STEPS = 12
WAVE, WARM_GAP, COLD_GAP = 1.0, 2.0, 7.0
"""Seconds that users of the idle-gap ask, and that nobody is there afterwards."""


@dataclass(frozen=True)
class Stage:
    """So many users for so many seconds, counted from when the last of them has come or gone."""

    users: int
    seconds: float


Stages = Callable[[int, float], Iterator[Stage]]
"""Takes the most users at one time and the seconds in all."""


@dataclass(frozen=True)
class Shape:
    """One shape; ``limits`` is explained in load_limits."""

    about: str
    users: int
    seconds: float
    stages: Stages
    limits: Mapping[str, float]
    pause: tuple[float, float] = (0.5, 1.5)
    """Seconds between a user's answer and the next request, at least and at most."""
    once: bool = False
    """Each user asks once; the run ends with the last answer."""
    from_cold: bool = False
    """MODEL is unloaded before the first request."""
    policy: Mapping[str, float] = field(default_factory=dict)
    """MODEL's policy while it runs."""
    listening: bool = False
    """Users listen while the speech is made."""
    models: tuple[str, ...] = ("asr", "tokenizer", MODEL)
    """What it needs: the speech models, or others that do not all fit."""


def _level(users: int, seconds: float) -> Iterator[Stage]:
    yield Stage(users, seconds)


def _ramp(users: int, seconds: float) -> Iterator[Stage]:
    for step in range(1, RAMP_STEPS + 1):
        yield Stage(max(1, round(users * step / RAMP_STEPS)), seconds / RAMP_STEPS)


def _waves(users: int, seconds: float) -> Iterator[Stage]:
    """Stages last longer than they say when a load keeps the users, so the clock decides."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for gap in (WARM_GAP, COLD_GAP):
            yield Stage(users, WAVE)
            yield Stage(0, gap)


SHAPES = {
    "steady": Shape(
        about="as many users all the time",
        users=4,
        seconds=60,
        stages=_level,
        limits={"failures": 0, "p95": 10},
    ),
    "ramp": Shape(
        about="from few users to many, in steps",
        users=12,
        seconds=120,
        stages=_ramp,
        limits={"failures": 0, "p95": 15},
    ),
    "burst": Shape(
        about="each user asks once, all at the same time, and tts is cold",
        users=200,
        seconds=600,
        stages=_level,
        limits={"failures": 0, "p95": 120, "loads": 1},
        once=True,
        from_cold=True,
    ),
    "idle-gap": Shape(
        about="short waves with nobody between them, long enough for warm and for cold starts",
        users=3,
        seconds=120,
        stages=_waves,
        limits={"failures": 0, "p95": 15, "cold": 1, "warm": 1},
        pause=(0.1, 0.3),
        policy={"offload_after": 0.5, "unload_after": 5.0},
    ),
    "streams": Shape(
        about="as many users all the time, who listen while the speech is made",
        users=4,
        seconds=60,
        stages=_level,
        limits={"failures": 0, "first": 5},
        listening=True,
    ),
    "thrash": Shape(
        about="three models that all are asked for, and a budget for two",
        users=6,
        seconds=60,
        stages=_level,
        limits={"failures": 0, "p95": 10, "warm": 10},
        pause=(0.0, 0.1),
        models=CROWD,
    ),
}
