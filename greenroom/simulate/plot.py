"""Figures of what came of a trace, as SVG or PNG; needs the extra `plot`."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenroom.errors import InvalidInput, SetupError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = (".svg", ".png")
_STARTS = {"hot": "#3b7d4f", "warm": "#d99a2b", "cold": "#4a6fa5", "refused": "#b03a3a"}
_COUNTED = (("device_byte_seconds", "held"), ("unload_at_once_byte_seconds", "unloaded at once"))


def check(path: Path) -> None:
    """Raise before anything is played what would fail afterwards."""
    if path.suffix.lower() not in _KINDS:
        raise InvalidInput(f"--plot is {path}; it must end in {' or '.join(_KINDS)}.")
    if find_spec("matplotlib") is None:
        raise SetupError("--plot needs matplotlib: pip install 'greenroom[plot]'.")


def draw(path: Path, found: Mapping[str, Any]) -> None:
    """A figure for each part of the result that there is, beside each other."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    parts = [_starts, _memory]
    parts += [one for key, one in _MORE.items() if key in found]
    # The same numbers give the same file.
    with mpl.rc_context({"svg.hashsalt": "greenroom", "font.size": 9}):
        figure = Figure(figsize=(3.6 * len(parts), 3.2), layout="constrained")
        for axes, part in zip(figure.subplots(1, len(parts)), parts, strict=True):
            part(axes, found)
            axes.spines[["top", "right"]].set_visible(False)
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
        figure.savefig(path, metadata=metadata, dpi=150)


def _starts(axes: "Axes", found: Mapping[str, Any]) -> None:
    rows = found.get("orders") or {"": found}
    bottom = [0.0] * len(rows)
    for start, colour in _STARTS.items():
        shares = [100 * row[start] / max(1, row["requests"]) for row in rows.values()]
        if start == "hot":
            continue  # the others are what differs, and mostly small beside it
        axes.bar(list(rows), shares, bottom=bottom, color=colour, label=start, width=0.6)
        bottom = [below + share for below, share in zip(bottom, shares, strict=True)]
    axes.set_ylabel("% of requests that found no hot model")
    axes.legend(frameon=False)


def _memory(axes: "Axes", found: Mapping[str, Any]) -> None:
    bars = [*_COUNTED, ("always_loaded_byte_seconds", "always loaded")]
    values = [found[key] / 3600e9 for key, _ in bars]
    axes.barh([name for _, name in bars], values, color="#4a6fa5")
    axes.set_xlabel("GPU memory, GB h")


def _sweep(axes: "Axes", found: Mapping[str, Any]) -> None:
    from greenroom.simulate.sweeps import name_of

    sweep = found["sweep"]
    points = [
        (p["held_byte_seconds"] / 3600e9, p["waited_seconds"] / 3600) for p in sweep["points"]
    ]
    axes.plot(*zip(*points, strict=True), marker=".", color="#4a6fa5")
    for (held, waited), point in zip(points, sweep["points"], strict=True):
        if point[sweep["field"]] == sweep["knee"]:
            axes.plot(held, waited, marker="o", color="#b03a3a")
            text = f"{sweep['field']} {name_of(sweep['knee'])}"
            axes.annotate(text, (held, waited), xytext=(8, 8), textcoords="offset points")
    memory = "GPU" if sweep["field"] == "offload_after" else "host"
    axes.set_xlabel(f"{memory} memory held, GB h")
    axes.set_ylabel("waited, h")


def _machines(axes: "Axes", found: Mapping[str, Any]) -> None:
    routes = dict.fromkeys(row["route"] for row in found["machines"])
    for route in routes:
        rows = [row for row in found["machines"] if row["route"] == route]
        loads = [row["loads_per_request"] for row in rows]
        axes.plot([row["machines"] for row in rows], loads, marker=".", label=route)
    axes.set_xscale("log")
    axes.set_xlabel("machines")
    axes.set_ylabel("loads per request")
    axes.legend(frameon=False)


_MORE = {"sweep": _sweep, "machines": _machines}
