"""How long a service takes to stop, which whoever runs it must wait."""

from greenroom.settings import Settings
from greenroom.supervisor.service import programs_grace
from greenroom.supervisor.triton_server import stop_timeout


def longest_stop(settings: Settings) -> float:
    """Seconds in which all components have ended, killed or not."""
    return programs_grace(settings) + stop_timeout(settings)
