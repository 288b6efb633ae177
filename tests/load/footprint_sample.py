"""What a service holds at one moment, process by process."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from greenroom.supervisor import Service
from greenroom.triton.leftovers import regions, stubs


@dataclass(frozen=True)
class Sample:
    """Memory in bytes; ``stubs`` are the models' processes, all together."""

    controller_rss: int
    triton_rss: int
    stubs_rss: int
    shared_memory: int
    handles: int
    threads: int
    temporary: int
    """Folders of Tritons in /tmp, those of other services too."""


def sample(service: Service) -> Sample:
    """Look at the processes of a running service; psutil's errors if one has gone."""
    controller = psutil.Process(service.programs[0].pid)
    triton = psutil.Process(service.triton.pid)
    models = stubs(service.triton.prefix)
    processes = [controller, triton, *models]
    return Sample(
        controller_rss=controller.memory_info().rss,
        triton_rss=triton.memory_info().rss,
        stubs_rss=sum(stub.memory_info().rss for stub in models),
        # What is allocated: a region's length is only what it may become.
        shared_memory=sum(
            512 * region.stat().st_blocks for region in regions(service.triton.prefix)
        ),
        handles=sum(process.num_fds() for process in processes),
        threads=sum(process.num_threads() for process in processes),
        temporary=len(list(Path("/tmp").glob("python_env_*"))),
    )
