"""Stands for the controller: answers /readyz, or what the arguments say.

python stand_in.py [--status N] [--exit N] [--deaf]: answered with status N; ends with N at once;
ignores SIGTERM.
"""

import argparse
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from greenroom.supervisor.program import Program


def with_stand_in(*options: str):
    """Return the programs of a Service that has a stand-in in the controller's place."""

    def programs(settings, log, environment):
        url = f"http://127.0.0.1:{settings.http_port}/readyz"
        arguments = (__file__, *options)
        return [Program("stand-in", arguments, url, settings, log=log, environment=environment)]

    return programs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--exit", type=int)
    parser.add_argument("--deaf", action="store_true")
    chosen = parser.parse_args()
    if chosen.exit is not None:
        print("no model to be seen", flush=True)
        sys.exit(chosen.exit)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if chosen.deaf else signal.SIG_DFL)

    class StandIn(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(chosen.status)
            self.end_headers()
            self.wfile.write(b"tts is being loaded")

        def log_message(self, *_: object) -> None:
            pass

    HTTPServer(("127.0.0.1", int(os.environ["GREENROOM_HTTP_PORT"])), StandIn).serve_forever()


if __name__ == "__main__":
    main()
