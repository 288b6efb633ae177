"""Replays a trace on a gateway with Locust: each request comes at its time, whoever is late.

usage: locust -f benchmarks/replay/locustfile.py --headless --host URL --trace FILE
"""

import time
from pathlib import Path

import gevent
from locust import HttpUser, LoadTestShape, events, task

from greenroom.simulate.trace_file import Columns, read_trace


@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--trace", required=True, help="CSV of time, model and seconds of work")


class TraceShape(LoadTestShape):
    """One user, who sends all requests, until the last has its answer."""

    def tick(self):
        return None if Replay.over else (1, 1)


class Replay(HttpUser):
    """Sends each row by itself."""

    over = False

    @task
    def replay(self):
        trace = read_trace(Path(self.environment.parsed_options.trace), Columns())
        began, sent = time.monotonic(), []
        rows = zip(trace.times, trace.models, trace.seconds, strict=True)
        for at, model, seconds in rows:
            gevent.sleep(max(0.0, at - (time.monotonic() - began)))
            sent.append(gevent.spawn(self.ask, trace.names[model], float(seconds)))
        gevent.joinall(sent)
        Replay.over = True
        gevent.sleep(60)  # the shape ends the run meanwhile

    def ask(self, model, seconds):
        tensor = {"name": "SECONDS", "datatype": "FP32", "shape": [1, 1], "data": [seconds]}
        self.client.post(f"/v2/models/{model}/infer", json={"inputs": [tensor]}, name=model)
