"""Where the models were in the last minutes, drawn as bands over a line of memory."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any, ClassVar

WIDTH, BAND, GAP, LEFT, MEMORY = 720, 18, 8, 112, 64


@dataclass(frozen=True)
class Sample:
    """One look at all models."""

    at: float
    residency: Mapping[str, str]
    bytes: int
    """On the GPU or, where there is none, of the models' processes."""


class History:
    """The last ten minutes, a look each second; bounded."""

    INTERVAL: ClassVar[float] = 1.0
    KEPT: ClassVar[int] = 600

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=self.KEPT)
        self.on_gpu = True
        """Whether the bytes are the GPU's."""

    def add(self, shown: Mapping[str, Any]) -> None:
        """Take a report of GET /residency."""
        models = shown["models"]
        gpu = shown["gpu"]
        self.on_gpu = gpu is not None
        used = gpu["used_bytes"] if gpu else sum(m["process_bytes"] or 0 for m in models.values())
        residency = {name: model["residency"] for name, model in models.items()}
        self.samples.append(Sample(time.time(), residency, used))

    def svg(self, minutes: float, title: str, memory: str, now: str) -> str:
        """Draw the last minutes; `memory` and `now` are the words beside the axes."""
        end = time.time()
        begin = end - 60 * minutes
        samples = [sample for sample in self.samples if sample.at >= begin]
        names = sorted(samples[-1].residency) if samples else []
        height = len(names) * (BAND + GAP) + MEMORY + 40

        def x(at: float) -> float:
            return LEFT + (at - begin) / (end - begin) * (WIDTH - LEFT)

        parts = [
            part
            for row, name in enumerate(names)
            for part in _band(samples, name, row * (BAND + GAP), x)
        ]
        top = len(names) * (BAND + GAP) + 12
        parts += _memory(samples, top, x, memory)
        foot = height - 4
        parts.append(
            f'<text x="{LEFT}" y="{foot}" class="axis">-{minutes:g} min</text>'
            f'<text x="{WIDTH}" y="{foot}" text-anchor="end" class="axis">{escape(now)}</text>'
        )
        return (
            f'<svg class="history" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{escape(title)}" preserveAspectRatio="xMidYMid meet">'
            f"{''.join(parts)}</svg>"
        )


def _band(samples: list[Sample], name: str, y: float, x: Any) -> Iterator[str]:
    yield f'<text x="0" y="{y + BAND - 5}" class="name">{escape(name)}</text>'
    known = [sample for sample in samples if name in sample.residency]
    for state, group in groupby(known, key=lambda sample: sample.residency[name]):
        run = list(group)
        begin, end = x(run[0].at), x(run[-1].at + History.INTERVAL)
        width = max(1.5, min(end, WIDTH) - begin)
        yield (
            f'<rect x="{begin:.1f}" y="{y}" width="{width:.1f}" height="{BAND}" rx="3" '
            f'class="{escape(state)}"><title>{escape(name)}: {escape(state)}</title></rect>'
        )


def _memory(samples: list[Sample], top: float, x: Any, title: str) -> Iterator[str]:
    most = max((sample.bytes for sample in samples), default=0)
    scale = max(most, 2**20)
    bottom = top + MEMORY
    yield f'<text x="0" y="{top + 12}" class="name">{escape(title)}</text>'
    yield f'<text x="0" y="{top + 34}" class="axis">{most / 2**20:,.0f} MiB</text>'
    yield f'<line x1="{LEFT}" x2="{WIDTH}" y1="{bottom}" y2="{bottom}" class="ground"/>'
    if samples:
        line = " ".join(
            f"{x(s.at):.1f},{bottom - s.bytes / scale * (MEMORY - 6):.1f}" for s in samples
        )
        first, last = x(samples[0].at), x(samples[-1].at)
        yield f'<polygon points="{first:.1f},{bottom} {line} {last:.1f},{bottom}" class="area"/>'
        yield f'<polyline points="{line}" class="line"/>'
