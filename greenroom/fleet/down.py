"""``greenroom fleet down``: drain what runs, then end every process of the fleet."""

from greenroom.errors import SetupError
from greenroom.fleet.cluster import address, end_all, processes
from greenroom.settings import Settings


def run(settings: Settings) -> None:
    """Raises SetupError if none runs here."""
    if not processes(settings):
        raise SetupError(f"No fleet with HTTP port {settings.http_port} runs on this machine.")
    try:
        _drain(settings)
    finally:
        ended = end_all(settings)
    print(f"The fleet has ended: {ended} processes.")


def _drain(settings: Settings) -> None:
    """Serve ends its replicas when their requests have; a broken cluster is not waited for."""
    import ray
    from ray import serve

    try:
        ray.init(address(settings), log_to_driver=False, logging_level="ERROR", namespace="serve")
        serve.shutdown()
        ray.shutdown()
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
        print(f"Ray does not answer, so running requests are cut off: {error}")
