"""The Wyoming server as a process of the supervisor."""

from greenroom.plugin import Listener, PluginProcess, Settings, exported, url
from greenroom_speech.settings import WyomingSettings


def process(settings: Settings, wyoming: WyomingSettings | None = None) -> PluginProcess:
    """Off unless GREENROOM_WYOMING is true; read from the environment where not given."""
    wyoming = wyoming or WyomingSettings()
    host, port = wyoming.wyoming_host, wyoming.wyoming_port
    return PluginProcess(
        name="wyoming",
        arguments=("-m", "greenroom_speech.wyoming"),
        ready_url=url(host, port),
        shown=f"wyoming {url(host, port).replace('http', 'tcp', 1)}",
        enabled=wyoming.wyoming,
        listeners=(Listener("GREENROOM_WYOMING_PORT", host, port),),
        environment=exported(wyoming),
        asks=f"{gateway_url(settings, wyoming)}/healthz",
    )


def gateway_url(settings: Settings, wyoming: WyomingSettings) -> str:
    return wyoming.wyoming_gateway or url(settings.host, settings.http_port)
