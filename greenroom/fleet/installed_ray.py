"""What a verb of the fleet needs: Ray, and the settings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from greenroom.errors import SetupError
from greenroom.fleet.token import ray_environment
from greenroom.settings import Settings
from greenroom.supervisor.plain_errors import failing_plainly


@contextmanager
def plainly(cluster: bool) -> Iterator[Settings]:
    """The settings, and sentences for errors; the first is where Ray is not installed.

    `cluster`: this process becomes a part of the fleet's.
    """
    with failing_plainly():
        if find_spec("ray") is None:
            raise SetupError("A fleet needs Ray; install it with pip install 'greenroom[fleet]'.")
        settings = Settings()
        if cluster:  # read when Ray is imported, and never again
            os.environ.update(ray_environment(settings, os.environ))
        yield settings
