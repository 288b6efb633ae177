"""Figures: nothing that is written lies on something else that is written, or on what is drawn."""

import itertools

import pytest

from greenroom.simulate.fleet_study import sizes
from greenroom.simulate.plot import draw, figure

COUNTS = {"requests": 1000, "hot": 200, "warm": 480, "cold": 320, "refused": 0}
FOUND = COUNTS | {
    "always_loaded_byte_seconds": 33_839.4 * 3600e9,
    "unload_at_once_byte_seconds": 317.5 * 3600e9,
    "device_byte_seconds": 0.0,
}
ORDERS = {"orders": dict.fromkeys(("lru", "gdsf", "belady"), COUNTS)}
ROUTES = ("by residency", "machines lost", "evenly", "at random")


def sweep(*held):
    """Of points that hold so many GB h, and wait the less."""
    points = [
        {"unload_after": at, "held_byte_seconds": gb * 3600e9, "waited_seconds": 90_000 / (at + 1)}
        for at, gb in enumerate(held)
    ]
    return {"sweep": {"field": "unload_after", "points": points, "knee": len(held) - 1}}


def machines(given):
    rows = [
        {
            "machines": size,
            "route": route,
            "loads_per_request": size / 1000,
            "wait_seconds": {"p95": 20},
        }
        for size in sizes(given)
        for route in ROUTES
    ]
    return {"machines": rows}


CASES = {
    "alone": {},
    "orders": ORDERS,
    "sweep": sweep(0, 5_000, 10_000, 31_000),
    "small sweep": sweep(0.00583, 0.00584),
    "one point": sweep(0.005),
    "fleet": machines("1..1000"),
    "one machine": machines("1"),
    "all": ORDERS | sweep(100, 7_000) | machines("3..40"),
}


def written(drawn):
    """The texts that are seen, with their boxes; a tick beyond its axis has one that is not."""
    drawn.draw_without_rendering()
    for axes in drawn.axes:
        frame = axes.bbox.expanded(1.01, 1.01)
        texts = [axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
        boxes = [(one.get_text(), one.get_window_extent()) for one in texts if one.get_text()]
        for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1)):
            for label in axis.get_ticklabels():
                box = label.get_window_extent()
                middle = (box.p0 + box.p1)[place] / 2
                if frame.p0[place] <= middle <= frame.p1[place]:
                    boxes.append((label.get_text(), box))
        yield from boxes


@pytest.mark.parametrize("more", CASES.values(), ids=CASES)
def test_nothing_collides(more):
    drawn = figure(FOUND | more)
    boxes = list(written(drawn))
    assert len(boxes) > 8
    for (one, box), (other, its_box) in itertools.combinations(boxes, 2):
        assert not box.overlaps(its_box), (one, other)
    for axes in drawn.axes:
        if legend := axes.get_legend():
            assert not legend.get_window_extent().overlaps(axes.bbox)
    for one, box in boxes:
        assert drawn.bbox.contains(box.x0, box.y0), one
        assert drawn.bbox.contains(box.x1, box.y1), one


def test_what_is_drawn_is_what_was_counted():
    from matplotlib.figure import Figure  # takes a second, in each worker

    starts, memory = figure(FOUND).axes
    assert [bar.get_height() for bar in starts.patches] == [20, 48, 32, 0]
    assert [round(bar.get_height(), 1) for bar in memory.patches] == [33_839.4, 317.5, 0]
    fleet = figure(FOUND | machines("1..5"))
    assert isinstance(fleet, Figure)
    *_, loads, waits = fleet.axes
    assert [list(line.get_ydata()) for line in loads.lines] == [[0.001, 0.002, 0.005]] * 4
    assert [list(line.get_ydata()) for line in waits.lines] == [[20, 20, 20]] * 4


def test_the_same_numbers_give_the_same_file(tmp_path):
    for name in ("a.svg", "b.svg"):
        draw(tmp_path / name, FOUND)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
