"""The web page as a process of the supervisor."""

from greenroom.plugin import Listener, PluginProcess, Settings, exported, url
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.password import page_password


def process(settings: Settings, page: PageSettings | None = None) -> PluginProcess:
    """Off where GREENROOM_UI is false; settings are read from the environment where not given."""
    page = page or PageSettings()
    return PluginProcess(
        name="ui",
        arguments=("-m", "greenroom_speech.ui"),
        ready_url=f"{page_url(page)}/healthz",
        shown=f"page {page_url(page)}",
        enabled=page.ui,
        listeners=(Listener("GREENROOM_UI_PORT", page.ui_host, page.ui_port),),
        environment=exported(page),
        asks=f"{page.ui_gateway or url(settings.host, settings.http_port)}/healthz",
        check=lambda: page_password(page),
    )


def page_url(page: PageSettings) -> str:
    """The web page's address as seen from this machine."""
    return url(page.ui_host, page.ui_port)
