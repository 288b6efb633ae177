"""Load on a service of its own, or on any other: `python tests/load burst`."""

import argparse
import os
import sys
from collections import deque
from contextlib import AsyncExitStack
from pathlib import Path

from ending import until_ended
from load_limits import limit
from load_shapes import SHAPES
from locust_process import GatewayAddress, locust
from own_service import own_service

EPILOG = "shapes, with users, seconds and limits:\n" + "\n".join(
    f"  {name:9} {shape.about} ({shape.users} users, {shape.seconds:g} s; "
    + ", ".join(f"{which}={bound:g}" for which, bound in shape.limits.items())
    + ")"
    for name, shape in SHAPES.items()
)
_LOG_TAIL = 20


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="python tests/load",
        description="Ask a Greenroom for speech as many users do; exit with 1 past a limit.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("shape", choices=list(SHAPES), nargs="?", default="steady")
    made.add_argument("--users", type=_positive, help="most users at one time")
    made.add_argument("--seconds", type=_positive, help="how long; a burst ends by itself")
    made.add_argument("--host", help="URL of a running gateway; default: a service is started")
    made.add_argument("--grpc", help="its gRPC, HOST:PORT; default: port 8001 of the same host")
    made.add_argument("--web", action="store_true", help="Locust's own page on 127.0.0.1:8089")
    made.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="replace a limit",
    )
    made.add_argument("--report", type=Path, help="write the report there too, as JSON")
    return made


async def run(arguments: argparse.Namespace) -> int:
    """Run Locust to its end; return its exit status."""
    shape = SHAPES[arguments.shape]
    log: deque[str] = deque(maxlen=_LOG_TAIL)
    async with AsyncExitStack() as stack:
        if arguments.host:
            address = GatewayAddress(arguments.host, arguments.grpc or "")
        else:
            service = await stack.enter_async_context(
                own_service(shape, lambda name, line: log.append(f"{name} | {line}"))
            )
            address = GatewayAddress.of(service)
        options = ["--shape", arguments.shape]
        for name, value in (
            ("--users", arguments.users),
            ("--run-time", arguments.seconds),
            ("--report", arguments.report),
        ):
            options += [name, str(value)] if value is not None else []
        for replaced in arguments.limit:
            options += ["--limit", replaced]
        return await locust(address, options, web=arguments.web, environment=dict(os.environ))


def _limit(text: str) -> str:
    try:
        limit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}.") from None
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0.")
    return int(text)


if __name__ == "__main__":
    sys.exit(until_ended(run(parser().parse_args())))
