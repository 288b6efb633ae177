"""What a visitor has made, below all tabs: each sound can be heard, kept, edited and removed."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from greenroom_speech.ui.clips import KEPT, Clip, Clips, Sound
from greenroom_speech.ui.gateway_client import GatewayClient
from greenroom_speech.ui.progress import told
from greenroom_speech.ui.sound_file import SOUND
from greenroom_speech.ui.translations import Translations


@dataclass(frozen=True)
class SessionList:
    """Builds the list and answers it."""

    server: GatewayClient
    words: Translations

    def build(self, session: gr.State, tabs: gr.Tabs, edited: list[Any]) -> None:
        """`edited` are the edit tab's recording and its words."""
        w = self.words
        gr.HTML(f"<h2>{w('history')}</h2>", padding=False)
        empty = gr.HTML(told(w("no_history")), padding=False, elem_id="session")
        rows, shown = [], []
        quiet: dict[str, Any] = {"show_progress": "hidden"}
        for place in range(KEPT):
            with gr.Row(visible=False, elem_classes="sound", elem_id=f"sound-{place + 1}") as row:
                shown.append(gr.HTML(padding=False, min_width=240, scale=1))
                with gr.Column(scale=0, min_width=130):
                    edit = gr.Button(w("edit_this"), size="sm")
                    remove = gr.Button(w("remove"), size="sm")
            rows.append(row)
            edit.click(self._editing(place), session, [tabs, *edited], **quiet)
            remove.click(self._removing(place), session, session, **quiet)
        session.change(self._shown, session, [empty, *rows, *shown], **quiet)

    def _editing(self, place: int) -> Callable[[Clips], tuple[Any, ...]]:
        def edit(made: Clips) -> tuple[Any, ...]:
            if place >= len(made.clips) or not made.clips[place].content:
                raise gr.Error(self.words("forgotten"), print_exception=False)
            clip = made.clips[place]
            return gr.update(selected="edit"), clip.playable, clip.text

        return edit

    def _removing(self, place: int) -> Callable[[Clips], Clips]:
        def remove(made: Clips) -> Clips:
            if place >= len(made.clips):
                return made
            clip = made.clips[place]
            self.server.sounds.forget(clip)
            if clip.before:
                self.server.sounds.forget(clip.before)
            return made.without(clip)

        return remove

    def _shown(self, made: Clips) -> list[Any]:
        there = len(made.clips)
        visible = [gr.update(visible=place < there) for place in range(KEPT)]
        filled = [self._facts(clip) for clip in made.clips]
        return [gr.update(visible=not there), *visible, *filled, *[""] * (KEPT - there)]

    def _facts(self, clip: Clip) -> str:
        w = self.words
        what = f"<strong>{escape(' '.join(map(w.known, clip.what.split())))}</strong>"
        facts = f"<p>{what} {escape(clip.text[:200])} <small>{clip.seconds:.1f} s</small></p>"
        if not clip.content:
            return f'{facts}<p class="status">{escape(w("forgotten"))}</p>'
        if not clip.before:
            return facts + player(clip, w("result"), "") + self._download(clip)
        before = player(clip.before, w("before"), w("before"))
        after = player(clip, w("after"), w("after"))
        return f'{facts}<div class="compared">{before}{after}</div>{self._download(clip)}'

    def _download(self, clip: Clip) -> str:
        name = f"greenroom-{clip.token[:6]}.wav"
        return f'<a download="{name}" href="{SOUND}/{clip.token}">{self.words("download")}</a>'


def player(sound: Sound, name: str, caption: str) -> str:
    """HTML: plays a sound; `name` is for those who do not see it."""
    source = f"{SOUND}/{sound.token}"
    audio = (
        f'<audio controls preload="metadata" aria-label="{escape(name)}" src="{source}"></audio>'
    )
    seen = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{seen}{audio}</figure>"
