"""Long work with its progress: what it waits for, then how long it takes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Generic, TypeVar

from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.translations import Translations

_Result = TypeVar("_Result")
LOOK_EVERY = 0.25
_MOVING = ("loading", "restoring", "offloading", "unloading")


@dataclass
class Done(Generic[_Result]):
    """The end of some work: its result or the sentence that says why there is none."""

    result: _Result | None = None
    error: str | None = None


async def followed(
    server: GatewayClient,
    words: Translations,
    models: Sequence[str],
    doing: str,
    work: Coroutine[Any, Any, _Result],
    come: Callable[[], tuple[str, float | None] | None] = lambda: None,
) -> AsyncIterator[str | Done[_Result]]:
    """Run `work`; yield what goes on as HTML, and Done at the end.

    `come` tells what has come of the result already, and which share of it, if that is known.
    """
    task, begun = asyncio.create_task(work), time.monotonic()
    try:
        while not (await asyncio.wait([task], timeout=LOOK_EVERY))[0]:
            there = come()
            phase = None if there else await _phase(server, words, models)
            tale = f"{phase or words(doing)} · {time.monotonic() - begun:.1f} s"
            yield working(f"{tale} · {there[0]}", there[1]) if there else working(tale)
        yield Done(result=task.result())
    except GatewayError as error:
        yield Done(error=str(error))
    finally:
        task.cancel()


async def _phase(server: GatewayClient, words: Translations, models: Sequence[str]) -> str | None:
    """What the work waits for; None when its models are there, or the gateway does not say."""
    try:
        shown = (await server.residency())["models"]
    except GatewayError:
        return None
    for name in models:
        state = shown.get(name, {}).get("residency")
        if state in _MOVING:
            return words("coming", model=name, state=words.known(state))
    for name in models:
        if _waits(shown.get(name, {})):
            return words("waiting", model=name)
    return None


def _waits(model: Mapping[str, Any]) -> bool:
    return bool(model.get("waiting")) and model.get("residency") != "hot"


def working(text: str, share: float | None = None) -> str:
    """HTML: a line that says what goes on, with a bar for the share that is there."""
    bar = "" if share is None else f'<progress max="1" value="{share:.3f}"></progress>'
    return f'<p class="status working"><span class="pulse"></span>{escape(text)}{bar}</p>'


def told(text: str) -> str:
    """HTML: a line that says how it went."""
    return f'<p class="status">{escape(text)}</p>'


def failed(text: str) -> str:
    """HTML: a line that says why it did not go."""
    return f'<p class="status failed" role="alert">{escape(text)}</p>'
