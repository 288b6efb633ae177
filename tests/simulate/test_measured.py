"""Costs are taken from what a service shows: its means, bytes, policies and memory."""

import json
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from greenroom.errors import InvalidInput
from greenroom.simulate.configuration import Configuration
from greenroom.simulate.measured import read_measured

METRICS = """
# TYPE greenroom_transition_seconds histogram
greenroom_transition_seconds_sum{model="tts",action="load"} 24
greenroom_transition_seconds_count{model="tts",action="load"} 2
greenroom_transition_seconds_sum{model="tts",action="restore"} 0
greenroom_transition_seconds_count{model="tts",action="restore"} 0
# TYPE greenroom_request_seconds histogram
greenroom_request_seconds_sum{model="tts",start="hot"} 5
greenroom_request_seconds_count{model="tts",start="hot"} 3
greenroom_request_seconds_sum{model="tts",start="cold"} 14
greenroom_request_seconds_count{model="tts",start="cold"} 1
# TYPE greenroom_wait_seconds histogram
greenroom_wait_seconds_sum{model="tts",start="hot"} 0
greenroom_wait_seconds_sum{model="tts",start="cold"} 12
"""
RESIDENCY = {
    "models": {
        "tts": {
            "policy": {"unload_after": 77.0, "pinned": True},
            "controllable": True,
            "device_bytes": 0,
            "device_overhead_bytes": 300,
            "host_bytes": 700,
        }
    },
    "gpu": {"total_bytes": 9000},
    "budget": {"budget_bytes": 0, "reserve_bytes": 1000, "needs": {"tts": 1000}},
}
INDEX = [{"name": "say"}, {"name": "tts"}, {"name": "outer"}]
SAY = {"ensemble_scheduling": {"step": [{"model_name": "tts"}]}}
OUTER = {"ensemble_scheduling": {"step": [{"model_name": "say"}, {"model_name": "tts"}]}}


@pytest.fixture
def service():
    """Return a function that serves one answer for each path, and its URL."""
    servers = []

    def serve(**answers):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.do_GET()

            def do_GET(self):
                answer = answers[self.path.strip("/")]
                status, text = answer if isinstance(answer, tuple) else (200, answer)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_a_service_has_measured_is_taken(service):
    configuration = Configuration()
    more = {
        "v2/repository/index": json.dumps(INDEX),
        "v2/models/say/config": json.dumps(SAY),
        "v2/models/outer/config": json.dumps(OUTER),
    }
    url = service(residency=json.dumps(RESIDENCY), metrics=METRICS, **more)
    assert read_measured(configuration, url, "inference-key") == 8000
    model = configuration.models["tts"]
    assert model.costs.load == 12
    assert model.costs.restore == Configuration().costs.restore  # it was never restored
    assert model.costs.run == (5 + 14 - 12) / 4
    assert (model.costs.bytes, model.costs.overhead) == (700, 300)
    assert model.policy.pinned
    assert model.policy.unload_after == 77
    assert model.controllable
    assert configuration.models["say"].steps == ("tts",)
    assert configuration.models["outer"].steps == ("tts", "say")


def test_what_was_loaded_and_has_no_bytes_has_none(service):
    idle = RESIDENCY["models"]["tts"] | {"device_overhead_bytes": 0, "host_bytes": 0}
    shown = {"models": {"tts": idle, "new": idle}, "gpu": None, "budget": None}
    url = service(residency=json.dumps(shown), metrics=METRICS, **{"v2/repository/index": "[]"})
    configuration = Configuration()
    assert read_measured(configuration, url, None) == 0
    assert configuration.models["tts"].costs.bytes == 0
    assert configuration.models["new"].costs.bytes == Configuration().costs.bytes


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, '{"error": "No key."}'), r"answers 401 Unauthorized \(No key\); give an API key by"),
        ((403, "{}"), "answers 403 Forbidden; give an API key by --api-key or GREENROOM_API_KEY"),
        ((404, "<html>"), "answers 404 Not Found; give the URL of the gateway, such as http://"),
        ((503, "busy"), "answers 503 Service Unavailable; see what the service says of itself"),
    ],
)
def test_what_refuses_is_quoted_with_what_helps(service, answer, said):
    with pytest.raises(InvalidInput, match=said):
        read_measured(Configuration(), service(residency=answer), None)


def test_what_speaks_no_http_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-x\r\n")

        Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InvalidInput, match="does not speak HTTP; give the URL of the gateway"):
            read_measured(Configuration(), url, None)


def test_what_is_no_greenroom_is_refused(service):
    url = service(residency="{}", metrics="")
    with pytest.raises(
        InvalidInput, match="does not answer as Greenroom does; give the URL of the gateway"
    ):
        read_measured(Configuration(), url, None)
