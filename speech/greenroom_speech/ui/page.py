"""The whole page in one language."""

from pathlib import Path

import gradio as gr

from greenroom_speech.ui.blocks import OwnFilesBlocks
from greenroom_speech.ui.clips import Clips
from greenroom_speech.ui.edit_tab import EditTab
from greenroom_speech.ui.files import VisitorsFiles
from greenroom_speech.ui.gateway_client import GatewayClient
from greenroom_speech.ui.live import Takes
from greenroom_speech.ui.session_list import SessionList
from greenroom_speech.ui.speak_tab import SpeakTab
from greenroom_speech.ui.stage_tab import StageTab
from greenroom_speech.ui.transcribe_tab import TranscribeTab
from greenroom_speech.ui.translations import LANGUAGES, Translations

STYLE = Path(__file__).with_name("look.css")
_FONT = ["ui-sans-serif", "system-ui", "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """The look that look.css builds on: stone greys and one green."""
    return gr.themes.Base(
        primary_hue="emerald",
        neutral_hue="stone",
        radius_size="lg",
        spacing_size="md",
        font=[gr.themes.Font(name) for name in _FONT],
        font_mono=[gr.themes.Font(name) for name in _MONO],
    ).set(
        color_accent="*primary_600",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )


def page(
    server: GatewayClient, files: VisitorsFiles, takes: Takes, language: str
) -> OwnFilesBlocks:
    words = Translations(language)
    other = next(code for code in LANGUAGES if code != language)
    blocks = OwnFilesBlocks(files, title="Greenroom", analytics_enabled=False)
    with blocks:
        session = gr.State(Clips())
        gr.HTML(
            f'<header class="top"><div><h1>Greenroom</h1><p>{words("tagline")}</p></div>'
            f'<a class="switch" href="{path_of(other)}" hreflang="{other}">{words("switch")}</a>'
            "</header>",
            padding=False,
        )
        with gr.Tabs() as tabs:
            with gr.Tab(words("speak"), id="speak"):
                SpeakTab(server, words, takes).build(session, blocks)
            with gr.Tab(words("edit"), id="edit"):
                edited = EditTab(server, words).build(session, blocks)
            with gr.Tab(words("transcribe"), id="transcribe"):
                TranscribeTab(server, words).build(blocks)
            with gr.Tab(words("stage"), id="stage"):
                StageTab(server, words).build(blocks)
        SessionList(server, words).build(session, tabs, edited)
    return blocks


def path_of(language: str) -> str:
    return "/en/" if language == "en" else f"/{language}/"
