"""The components of a service, which can run together or each by itself.

Triton and the controller are Greenroom's own. A plug-in adds a process of its own by an entry
point of the group ``greenroom.processes``: a function that takes the settings and returns a
PluginProcess.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from greenroom.installed import installed
from greenroom.settings import Settings
from greenroom.supervisor.ports import Listener

TRITON = "triton"
CONTROLLER = "controller"
GROUP = "greenroom.processes"


@dataclass(frozen=True)
class PluginProcess:
    """A child of the supervisor beside Triton and the controller; nothing waits for it.

    ``arguments`` are the Python interpreter's, such as ``("-m", "my_package.page")``; the process
    is ready when ``ready_url`` answers 200.
    """

    name: str
    arguments: Sequence[str]
    ready_url: str
    shown: str
    """What is said of it when the service is ready, such as ``page http://127.0.0.1:7860``."""
    enabled: bool = True
    """Whether it belongs to the whole service; by its own name it can be started in any case."""
    listeners: Sequence[Listener] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that it gets beyond the service's settings."""
    asks: str = ""
    """A URL that must answer 200 for it to be of use, such as the gateway's; the doctor looks."""
    check: Callable[[], object] = lambda: None
    """Called before the start; raises SetupError where a setting keeps it from running."""


def plugin_processes(settings: Settings) -> list[PluginProcess]:
    """The processes of all installed plug-ins, also those that are switched off."""
    return [process(settings) for process in installed(GROUP)]
