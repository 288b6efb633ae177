"""Figures of what came of a trace, as SVG or PNG; needs the extra `plot`."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from greenroom.errors import InvalidInput, SetupError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = (".svg", ".png")
_BLUE, _RED = "#4a6fa5", "#b03a3a"
_STARTS = {"hot": "#3b7d4f", "warm": "#d99a2b", "cold": _BLUE, "refused": _RED}
_COUNTED = {
    "always_loaded_byte_seconds": "always\nloaded",
    "unload_at_once_byte_seconds": "unloaded\nat once",
    "device_byte_seconds": "held",
}
_GB_HOURS, _HOUR = 3600e9, 3600
_ABOVE: Any = {"frameon": False, "loc": "lower left", "bbox_to_anchor": (0, 1)}
"""A legend above the axes: inside of them it would lie on what is drawn."""


def check(path: Path) -> None:
    """Raise before anything is played what would fail afterwards."""
    if path.suffix.lower() not in _KINDS:
        raise InvalidInput(f"--plot is {path}; it must end in {' or '.join(_KINDS)}.")
    if find_spec("matplotlib") is None:
        raise SetupError("--plot needs matplotlib: pip install 'greenroom[plot]'.")


def draw(path: Path, found: Mapping[str, Any]) -> None:
    """Write the figure; the same numbers give the same file."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "greenroom"}):
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
        figure(found).savefig(path, metadata=metadata, dpi=150)


def figure(found: Mapping[str, Any]) -> "Figure":
    """A part for each of the results that there are, beside each other."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    parts = [_orders if "orders" in found else _starts, _memory]
    parts += [_sweep] * ("sweep" in found) + [_loads, _waits] * ("machines" in found)
    with mpl.rc_context({"font.size": 9}):
        drawn = Figure(figsize=(3.8 * len(parts), 3.4), layout="constrained")
        for axes, part in zip(drawn.subplots(1, len(parts)), parts, strict=True):
            part(axes, found)
            axes.spines[["top", "right"]].set_visible(False)
    return drawn


def _starts(axes: "Axes", found: Mapping[str, Any]) -> None:
    shares = [100 * found[start] / max(1, found["requests"]) for start in _STARTS]
    bars = axes.bar(list(_STARTS), shares, color=list(_STARTS.values()), width=0.6)
    axes.bar_label(bars, fmt="%.1f", padding=2)
    axes.set_ylabel("% of requests")
    axes.margins(y=0.1)


def _orders(axes: "Axes", found: Mapping[str, Any]) -> None:
    rows = found["orders"]
    bottom = [0.0] * len(rows)
    for start, colour in list(_STARTS.items())[1:]:
        # Those that were hot are left out: the others are what differs, and mostly small.
        shares = [100 * row[start] / max(1, row["requests"]) for row in rows.values()]
        axes.bar(list(rows), shares, bottom=bottom, color=colour, label=start, width=0.6)
        bottom = [below + share for below, share in zip(bottom, shares, strict=True)]
    axes.set_ylabel("% of requests not hot")
    axes.legend(ncols=3, **_ABOVE)


def _memory(axes: "Axes", found: Mapping[str, Any]) -> None:
    values = [found[key] / _GB_HOURS for key in _COUNTED]
    bars = axes.bar(list(_COUNTED.values()), values, color=_BLUE, width=0.6)
    axes.bar_label(bars, fmt=_short, padding=2)
    axes.set_ylabel("GPU memory, GB h")
    axes.margins(y=0.1)
    _plain(axes, "y")


def _sweep(axes: "Axes", found: Mapping[str, Any]) -> None:
    from greenroom.simulate.sweeps import name_of

    sweep = found["sweep"]
    points = [
        (p["held_byte_seconds"] / _GB_HOURS, p["waited_seconds"] / _HOUR) for p in sweep["points"]
    ]
    axes.plot(*zip(*points, strict=True), marker=".", color=_BLUE)
    knee = [point[sweep["field"]] for point in sweep["points"]].index(sweep["knee"])
    text = f"knee: {sweep['field']} {name_of(sweep['knee'])}"
    axes.plot(*points[knee], marker="o", linestyle="", color=_RED, label=text)
    axes.legend(**_ABOVE)
    memory = "GPU" if sweep["field"] == "offload_after" else "host"
    axes.set_xlabel(f"{memory} memory held, GB h")
    axes.set_ylabel("waited, h")
    _plain(axes, "x")
    _plain(axes, "y")


def _loads(axes: "Axes", found: Mapping[str, Any]) -> None:
    _routes(axes, found, lambda row: row["loads_per_request"])
    axes.set_ylabel("loads per request")


def _waits(axes: "Axes", found: Mapping[str, Any]) -> None:
    _routes(axes, found, lambda row: row["wait_seconds"]["p95"])
    axes.set_ylabel("p95 wait for a model, s")


def _routes(axes: "Axes", found: Mapping[str, Any], value: Any) -> None:
    """A line for each route; sizes are 1, 2, 5, ..., so their names stand evenly."""
    rows = found["machines"]
    sizes = list(dict.fromkeys(str(row["machines"]) for row in rows))
    for route in dict.fromkeys(row["route"] for row in rows):
        values = [value(row) for row in rows if row["route"] == route]
        axes.plot(sizes, values, marker=".", label=route)
    axes.tick_params("x", labelsize="small")
    axes.set_xlabel("machines")
    axes.legend(ncols=2, fontsize="small", **_ABOVE)
    axes.set_ylim(bottom=0)


def _plain(axes: "Axes", axis: Literal["x", "y"]) -> None:
    """Few numbers, so that long ones do not touch, with the thousands apart."""
    axes.locator_params(axis, nbins=4)
    getattr(axes, f"{axis}axis").set_major_formatter("{x:,.5g}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
