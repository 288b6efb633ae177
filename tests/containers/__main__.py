"""The containers, built, started and maltreated; one line per finding: `make containers`."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import maltreatment
from stack import DOCUMENTED, GPU_WITHOUT_CARD, WITH_MODELS, Fault, Stack, check_docker, copied


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python tests/containers",
        description="Build Greenroom's containers from a copy of this checkout, start and maltreat "
        "them; exit with 1 if anything is not as it should be. Takes 20 minutes.",
        epilog="DOCKER is the command, FOLDER where the copy goes; KEEP=1 leaves the containers.",
    )
    made.add_argument("--gpu", action="store_true", help="build the GPU image too, some 20 GB")
    made.add_argument("--times", type=int, default=10, help="how often it is upgraded")
    return made


class Findings:
    """What was looked at, and whether it holds."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def holds(self, sentence: str, look: Callable[[], object]) -> None:
        """Prints the sentence, with what was measured or why it does not hold."""
        begun = time.monotonic()
        try:
            said = look()
        except (Fault, OSError, ValueError, KeyError, httpx.HTTPError) as fault:
            self.failed += 1
            print(f"FAIL  {sentence} ({time.monotonic() - begun:.0f} s)", flush=True)
            print("\n".join(f"      {line[:300]}" for line in str(fault).splitlines()), flush=True)
            return
        self.passed += 1
        more = f": {said}" if said else ""
        print(f"ok    {sentence}{more} ({time.monotonic() - begun:.0f} s)", flush=True)


def look(stack: Stack, times: int, gpu: bool) -> bool:
    """All findings, in this order; returns whether all hold."""
    found = Findings()
    stack.files = "docker-compose.yml"
    found.holds("the file for a GPU is valid", lambda: stack.compose("config", "--quiet"))
    stack.files = DOCUMENTED
    found.holds("the images without a GPU build", lambda: stack.compose("build"))
    for sentence, case in maltreatment.of_what_is_documented(stack):
        found.holds(sentence, case)
    stack.files = WITH_MODELS
    for sentence, case in maltreatment.of_what_runs(stack, times):
        found.holds(sentence, case)
    if gpu:
        stack.compose("down", "--volumes", "--timeout", "5")
        stack.files = GPU_WITHOUT_CARD
        found.holds("the image for a GPU builds", lambda: stack.compose("build", "greenroom"))
        for sentence, case in maltreatment.without_a_card(stack):
            found.holds(sentence, case)
    print(f"{found.passed} hold, {found.failed} do not")
    return not found.failed


def main() -> int:
    arguments = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        try:
            check_docker()
            folder = os.environ.get("FOLDER") or stack.enter_context(
                tempfile.TemporaryDirectory(prefix="greenroom-containers-")
            )
            containers = stack.enter_context(copied(Path(folder)))
        except Fault as fault:
            print(f"containers: {fault}", file=sys.stderr)
            return 2
        return int(not look(containers, arguments.times, arguments.gpu))


if __name__ == "__main__":
    sys.exit(main())
