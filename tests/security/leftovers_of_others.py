"""Run in namespaces of its own: a service with an empty region.prefix starts beside other Tritons.

Prints how many of the others' processes and regions are left, and whether the service's own are
gone. In a machine's own namespaces a mistake here would end what others run.
"""

import asyncio
import os
import subprocess
from pathlib import Path

import psutil

from greenroom.settings import Settings
from greenroom.supervisor import TritonServer
from greenroom.triton.command_line import regions_option
from greenroom.triton.installation import STUB
from greenroom.triton.region_prefix import region_prefix

SHM = Path("/dev/shm")
UUID = "4a006445-66bc-4f29-a040-888afb3f4635"
OTHERS = (f"triton_python_backend_shm_region_{UUID}", f"greenroom-0123456789ab-{UUID}", "a-file")
NOBODY = 65534
SLEEP = "while :; do sleep 1; done"


def stub(region, user=None):
    """Start what looks like a model's process."""
    (SHM / region).touch()
    if user is not None:
        os.chown(SHM / region, user, user)
    command = [f"/x/{STUB}", "-c", SLEEP, region, "1048576"]
    return subprocess.Popen(command, executable="/bin/sh", user=user)


def server(prefix):
    """Start what looks like a server that was started with a prefix."""
    command = ["tritonserver", "-c", SLEEP, regions_option(prefix)]
    return subprocess.Popen(command, executable="/bin/sh")


async def main():
    settings = Settings()
    others = [stub(region) for region in OTHERS] + [server("")]
    settings.runtime.mkdir()
    (settings.runtime / "region.prefix").touch()
    async with TritonServer(settings, log=lambda name, line: None):
        pass
    prefix = region_prefix(settings)
    mine, strange = f"{prefix}{UUID}", f"{prefix}{UUID}-2"
    own = [stub(mine), server(prefix)]
    others.append(stub(strange, NOBODY))
    # Until then it is still this program by its command line.
    while any(SLEEP not in psutil.Process(one.pid).cmdline() for one in (*own, *others)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    async with TritonServer(settings, log=lambda name, line: None):
        pass
    print("others", sum(one.poll() is None for one in others), "of", len(others))
    regions = (*OTHERS, strange)
    print("regions", sum((SHM / name).exists() for name in regions), "of", len(regions))
    print("own", sum(one.poll() is None for one in own) + (SHM / mine).exists())
    for one in (*own, *others):
        one.kill()


if __name__ == "__main__":
    asyncio.run(main())
