"""Load on a running Greenroom: `locust -f tests/load/locustfile.py --host http://127.0.0.1:8000`.

``tests/load/__main__.py`` runs it against a service of its own. Locust exits with 1 when a limit
of the shape is not kept. GREENROOM_API_KEY is the key to send, of admin scope for the shapes that
move models: burst and idle-gap.
"""

import logging
import signal
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import gevent
import grpc.experimental.gevent
from locust import events

grpc.experimental.gevent.init_gevent()
# Each gRPC call that waits holds a thread of gevent's pool; with its ten, HTTP connections would
# wait behind the calls for their host name.
gevent.get_hub().threadpool.maxsize = 1000
sys.path.append(str(Path(__file__).parent.parent))

from chosen_shape import ChosenShape  # noqa: E402, F401
from load_limits import limit  # noqa: E402
from load_run import LoadRun  # noqa: E402
from load_shapes import SHAPES  # noqa: E402
from speech_users import KServeGrpc, KServeHttp, SpeechApi  # noqa: E402, F401
from stream_users import Listener  # noqa: E402, F401
from weight_users import WeightUser  # noqa: E402, F401

from greenroom_client.errors import GreenroomClientError  # noqa: E402

STOP_TIMEOUT = 120.0
"""Seconds that users who shall leave may take for the request that they are in."""


@events.init_command_line_parser.add_listener
def add_options(parser):
    parser.add_argument(
        "--shape", choices=list(SHAPES), default="steady", env_var="SHAPE", help="who asks when"
    )
    parser.add_argument(
        "--grpc",
        metavar="HOST:PORT",
        default="",
        env_var="GREENROOM_LOAD_GRPC",
        help="the gateway's gRPC; default: port 8001 of the host",
    )
    parser.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        include_in_web_ui=False,
        help="replace a limit of the shape, such as p95=3",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        include_in_web_ui=False,
        help="write the report there too, as JSON",
    )


@events.init.add_listener
def prepare(environment, **_):
    options = environment.parsed_options
    if options.num_users is None:
        options.num_users = SHAPES[options.shape].users
    environment.stop_timeout = environment.stop_timeout or STOP_TIMEOUT
    # Without a page Locust listens to it only after the shape has ended; until then it would die.
    gevent.signal_handler(signal.SIGTERM, lambda: environment.runner.shape_greenlet.kill())
    # The run's own report takes the place of Locust's tables.
    logging.getLogger("locust.stats_logger").setLevel(logging.WARNING)
    try:
        run = LoadRun(environment)
    except GreenroomClientError as error:
        sys.exit(f"No load test: {error}")
    events.test_start.add_listener(run.begin)
    events.request.add_listener(run.count)
    events.test_stopping.add_listener(run.stopping)
    events.test_stop.add_listener(run.end)


def _limit(text):
    try:
        return limit(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{error}.") from None
