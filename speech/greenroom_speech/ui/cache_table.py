"""What models keep of earlier results, as a table of the Stage tab."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from greenroom_speech.ui.sizes import size
from greenroom_speech.ui.translations import Translations

_COLUMNS = ("model", "entries", "size", "found")


def cached_models(models: Mapping[str, Any]) -> Iterator[str]:
    """The names of those that show a cache; `models` is that of GET /residency."""
    return (name for name, model in models.items() if model["cache"])


def cache_table(words: Translations, models: Mapping[str, Any]) -> str:
    """HTML; a sentence where no model shows a cache. `models` is that of GET /residency."""
    rows = "".join(_row(name, models[name]["cache"]) for name in cached_models(models))
    if not rows:
        return f'<p class="status">{words("no_caches")}</p>'
    head = "".join(f"<th>{words(column)}</th>" for column in _COLUMNS)
    return f'<table class="caches"><tr>{head}</tr>{rows}</table>'


def _row(name: str, cache: Mapping[str, int]) -> str:
    asked = cache["hits"] + cache["misses"]
    found = f"{cache['hits']} / {asked}"
    if asked:
        found += f" ({100 * cache['hits'] / asked:.0f} %)"
    cells = (cache["entries"], size(cache["bytes"]), found)
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-model="{escape(name)}"><td>{escape(name)}</td>{shown}</tr>'
