"""The tab that shows who is on stage, and lets an operator change it."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from greenroom_speech.ui.cache_table import cache_table, cached_models
from greenroom_speech.ui.gateway_client import GatewayClient, GatewayError
from greenroom_speech.ui.progress import failed, told
from greenroom_speech.ui.sizes import size
from greenroom_speech.ui.translations import Translations

VERBS = ("load", "offload", "restore", "unload")
LOOK_EVERY = 1.0
MINUTES = 5.0
NEVER, LONGEST_OFFLOAD, LONGEST_UNLOAD = -1, 120, 7200
_SHOWN_EVENTS = 12


@dataclass(frozen=True)
class StageTab:
    """Builds the tab and answers it."""

    server: GatewayClient
    words: Translations

    def build(self, prepared: gr.Blocks) -> None:
        """Lay the tab out; `prepared` is the page, whose load fills the list of models."""
        w = self.words
        cards = gr.HTML(padding=False, elem_id="cards")
        with gr.Row(elem_classes="controls"):
            model = gr.Dropdown([], label=w("model"), elem_id="model", min_width=160)
            buttons = {
                verb: gr.Button(w(verb), elem_id=f"verb-{verb}", min_width=96) for verb in VERBS
            }
        status = gr.HTML(padding=False, elem_id="stage-status")
        history = gr.HTML(padding=False, elem_id="history")
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300):
                gr.HTML(f"<h2>{w('log')}</h2>", padding=False)
                log = gr.HTML(padding=False, elem_id="log")
            with gr.Column(scale=2, min_width=280):
                title = gr.HTML(padding=False)
                offload_after = gr.Slider(
                    NEVER, LONGEST_OFFLOAD, 1, step=1, label=w("offload_after")
                )
                unload_after = gr.Slider(
                    NEVER, LONGEST_UNLOAD, 3600, step=1, label=w("unload_after")
                )
                pinned = gr.Checkbox(label=w("pinned"))
                change = gr.Button(w("set_policy"), elem_id="set-policy")
                gr.HTML(f"<h2>{w('caches')}</h2>", padding=False)
                caches = gr.HTML(padding=False, elem_id="caches")
                clear = gr.Button(w("clear_caches"), elem_id="clear-caches")
        quiet: dict[str, Any] = {"show_progress": "hidden"}
        shown = [cards, history, log, caches]
        policy = [title, offload_after, unload_after, pinned]
        prepared.load(self._models, None, [model, *shown, *policy], **quiet)
        gr.Timer(LOOK_EVERY).tick(self._look, None, shown, **quiet)
        model.change(self._policy_of, model, policy, **quiet)
        change.click(self._set, [model, offload_after, unload_after, pinned], status, **quiet)
        for verb, button in buttons.items():
            act = self._acting(verb)
            button.click(act, model, [status, *shown], **quiet)
        clear.click(self._clear, None, [status, *shown], **quiet)

    async def _models(self) -> tuple[Any, ...]:
        try:
            names = list((await self.server.residency())["models"])
        except GatewayError:
            return gr.skip(), *await self._look(), *(gr.skip(),) * 4
        chosen = "tts" if "tts" in names else next(iter(names), None)
        choice = gr.update(choices=names, value=chosen)
        return choice, *await self._look(), *await self._policy_of(chosen)

    async def _look(self) -> tuple[str, ...]:
        try:
            shown = await self.server.residency()
        except GatewayError as error:
            return failed(str(error)), "", self._log(), ""
        w, history = self.words, self.server.history
        has_gpu = shown["gpu"] is not None
        cards = "".join(self._card(name, model, has_gpu) for name, model in shown["models"].items())
        memory = w("device" if history.on_gpu else "process")
        picture = history.svg(MINUTES, w("minutes", minutes=f"{MINUTES:g}"), memory, w("now"))
        caches = cache_table(self.words, shown["models"])
        return f'<div class="cards">{cards}</div>', picture, self._log(), caches

    def _card(self, name: str, model: Mapping[str, Any], has_gpu: bool) -> str:
        w, state = self.words, model["residency"]
        if model["leases"] or model["waiting"]:
            busy = w("busy", leases=model["leases"], waiting=model["waiting"])
        else:
            busy = w("idle", seconds=_duration(model["idle_seconds"]))
        held = {"device": model["device_bytes"]} if has_gpu else {}
        held["process"] = model["process_bytes"]
        facts = "".join(
            f"<span>{w(what)} {size(count)}</span>"
            for what, count in held.items()
            if count is not None
        )
        error = (
            f'<p class="failed">{escape(model["last_error"])}</p>' if model["last_error"] else ""
        )
        return (
            f'<article class="card {escape(state)}" data-model="{escape(name)}" '
            f'data-residency="{escape(state)}"><header><h2>{escape(name)}</h2>'
            f'<strong><span class="dot"></span>{escape(w.known(state))}</strong></header>'
            f"<p>{escape(busy)}</p><footer>{facts}</footer>{error}</article>"
        )

    def _log(self) -> str:
        w, events = self.words, list(self.server.events)[:_SHOWN_EVENTS]
        if not events:
            return f'<p class="status">{w("no_log")}</p>'
        rows = "".join(
            f'<tr class="{"failed" if event["error"] else ""}"><td>{event["at"][11:19]}</td>'
            f"<td>{escape(event['model'])}</td><td>{escape(w.known(event['from']))} → "
            f"{escape(w.known(event['to']))}</td><td>{event['seconds']:.3f} s</td>"
            f"<td>{escape(event['error'] or event['reason'])}</td></tr>"
            for event in events
        )
        return f'<table class="log">{rows}</table>'

    async def _policy_of(self, model: str | None) -> tuple[Any, ...]:
        title = f"<h2>{escape(self.words('policy', name=model or ''))}</h2>"
        try:
            policy = (await self.server.residency())["models"][model]["policy"]
        except (GatewayError, KeyError):
            return title, gr.skip(), gr.skip(), gr.skip()
        return (
            title,
            min(policy["offload_after"], LONGEST_OFFLOAD),
            min(policy["unload_after"], LONGEST_UNLOAD),
            policy["pinned"],
        )

    async def _set(
        self, model: str | None, offload_after: float, unload_after: float, pinned: bool
    ) -> str:
        policy = {"offload_after": offload_after, "unload_after": unload_after, "pinned": pinned}
        try:
            await self.server.ask("PATCH", f"/residency/{model}", json=policy)
        except GatewayError as error:
            return failed(str(error))
        return told(self.words("policy_set", name=model))

    async def _clear(self) -> tuple[str, ...]:
        try:
            for model in cached_models((await self.server.residency())["models"]):
                await self.server.ask("POST", f"/residency/{model}/clear_cache")
        except GatewayError as error:
            return failed(str(error)), *await self._look()
        return told(self.words("caches_cleared")), *await self._look()

    def _acting(self, verb: str) -> Any:
        async def act(model: str | None) -> tuple[str, ...]:
            try:
                await self.server.ask("POST", f"/residency/{model}/{verb}")
            except GatewayError as error:
                return failed(str(error)), *await self._look()
            return "", *await self._look()

        return act


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
