"""A trace that the project makes itself: many models, few of them busy, requests in bursts."""

import numpy as np

from greenroom.simulate.trace import Trace


def zipf_trace(
    requests: int = 20_000,
    models: int = 100,
    days: float = 10.0,
    exponent: float = 1.1,
    burst: float = 3.0,
    work: float = 2.0,
    seed: int = 1,
) -> Trace:
    """Draw requests whose model has rank k with a probability that falls as k ** -exponent.

    They come in bursts of `burst` requests for one model on average, 30 s apart on average, and
    their seconds of work are log-normal with median `work`. The same seed gives the same trace.
    """
    draw = np.random.default_rng(seed)
    weights = np.arange(1, models + 1) ** -exponent
    lengths = draw.geometric(1 / burst, requests)
    bursts = int(np.searchsorted(np.cumsum(lengths), requests) + 1)
    lengths = lengths[:bursts]
    starts = np.repeat(np.sort(draw.uniform(0, days * 86400, bursts)), lengths)
    gaps = draw.exponential(30, len(starts))
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    gaps[first] = 0
    since = np.cumsum(gaps)
    times = starts + since - np.repeat(since[first], lengths)
    chosen = np.repeat(draw.choice(models, bursts, p=weights / weights.sum()), lengths)
    seconds = draw.lognormal(np.log(work), 0.6, len(times))
    order = np.argsort(times, kind="stable")[:requests]
    times = times[order] - times[order[0]]
    names = [f"model-{rank:04d}" for rank in range(1, models + 1)]
    return Trace(names, times, chosen[order].astype(np.int32), seconds[order].round(3))
