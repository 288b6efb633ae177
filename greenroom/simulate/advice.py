"""``greenroom simulate --advise``: the settings for a trace, and what they cost and save."""

from typing import Any

from rich.console import Console

from greenroom.residency.eviction_order import ORDERS
from greenroom.residency.policy import Policy
from greenroom.simulate.play import play
from greenroom.simulate.report import duration, memory
from greenroom.simulate.sweeps import NEVER, name_of, swept
from greenroom.simulate.trace import Trace
from greenroom.simulate.world import World

_TRIED = (0, 1, 30, 300, 1200, 3600, 14400, NEVER)
_BETTER = 0.95
"""Of the seconds waited: another order of eviction is advised if it leaves no more than this."""


def advised(trace: Trace, world: World, show: Any) -> dict[str, Any]:
    """One field after the other, each with those that were chosen before it.

    First the order of eviction, with models that stay until they must make room.
    """
    order = "lru"
    if world.memory:
        staying = world.with_policies(offload_after=-1, unload_after=-1)
        waited = {
            name: play(
                trace, staying.ordered(name), name, progress=show(name, len(trace))
            ).tally.waited
            for name in ORDERS
        }
        best = min(waited, key=lambda name: waited[name])
        order = best if waited[best] <= _BETTER * waited["lru"] else "lru"
    chosen = world.ordered(order)
    settings: dict[str, Any] = {}
    for field in ("offload_after", "unload_after"):
        settings[field] = swept(trace, chosen, order, field, show, _TRIED)["knee"]
        chosen = chosen.with_policies(**{field: settings[field]})
    usual = Policy()
    default = world.ordered("lru").with_policies(
        offload_after=usual.offload_after, unload_after=usual.unload_after
    )
    new, old = _cost(trace, chosen, order, show), _cost(trace, default, "lru", show)
    more = [now >= before for now, before in zip(_weighed(new), _weighed(old), strict=True)]
    if new["refused"] > old["refused"] or all(more):
        # Each field's knee is its own; together they may be worse than what there is.
        order, new = "lru", old
        settings = {"offload_after": usual.offload_after, "unload_after": usual.unload_after}
    return {"settings": {"eviction": order, **settings}, "advised": new, "default": old}


def _is_default(settings: dict[str, Any]) -> bool:
    usual = Policy()
    return settings == {
        "eviction": "lru",
        "offload_after": usual.offload_after,
        "unload_after": usual.unload_after,
    }


def _weighed(cost: dict[str, Any]) -> tuple[float, float]:
    return cost["wait_seconds"]["total"], cost["device_byte_seconds"]


def _cost(trace: Trace, world: World, eviction: str, show: Any) -> dict[str, Any]:
    played = play(trace, world, eviction, progress=show("playing", len(trace)))
    return played.as_json()


def print_advice(console: Console, advice: dict[str, Any]) -> None:
    """The settings as they are written, then what they change."""
    settings = advice["settings"]
    lines = [f"GREENROOM_EVICTION={settings['eviction']}"]
    for field in ("offload_after", "unload_after"):
        lines.append(
            f'parameters {{ key: "{field}" value {{ string_value: "{settings[field]:g}" }} }}'
        )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"Idle models are offloaded after {name_of(settings['offload_after'])} and unloaded after "
        f"{name_of(settings['unload_after'])}.",
        highlight=False,
    )
    if _is_default(settings):
        console.print("That is the default; nothing better was found.", highlight=False)
    new, old = advice["advised"], advice["default"]
    told = [("refused", *(f"{one['refused']:,}" for one in (new, old)))]
    told += [("waited", *(duration(one["wait_seconds"]["total"]) for one in (new, old)))]
    for what, key in (("GPU memory", "device_byte_seconds"), ("host memory", "host_byte_seconds")):
        told.append((what, *(memory(one[key]) for one in (new, old))))
    for what, now, before in told:
        console.print(f"{what}: {now}; {before} by default", highlight=False)
