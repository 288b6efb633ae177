"""From another address than loopback, without key and token, at every port that a fleet opens."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from importlib import import_module
from itertools import product
from pathlib import Path
from pkgutil import iter_modules
from socket import AF_INET

import grpc
import psutil
import pytest
from small_fleet import ADMIN, INFERENCE, Fleet
from tritonclient.grpc import service_pb2 as pb

from greenroom_speech.api.voice_facts import SavedVoice
from greenroom_speech.api.voices_on_disk import VoicesOnDisk
from greenroom_speech.api.voices_store import VoicesStore

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(900)]

ADDRESSES = [
    one.address
    for addresses in psutil.net_if_addrs().values()
    for one in addresses
    if one.family is AF_INET and not one.address.startswith("127.")
]
VOICE = "aunt-mathilda"
"""A saved one: its name is a person's."""
PATIENCE = 5

OPEN = {"/-/healthz", "/-/routes", "/healthz", "/readyz", "/api/local_raylet_healthz"}
"""What says nothing of voices and may be answered to everybody: docs/fleet.md lists it."""
ASKED = [
    ("GET", "/"),
    ("GET", "/residency"),
    ("GET", "/fleet/targets"),
    ("GET", "/v1/voices"),
    ("GET", "/v1/audio/voices"),
    ("GET", f"/v1/voices/{VOICE}/audio"),
    ("GET", "/v1/models"),
    ("GET", "/v2/models/tts"),
    ("GET", "/api/jobs/"),
    ("GET", "/api/serve/applications/"),
    ("GET", "/api/actors"),
    ("GET", "/logs"),
    ("GET", "/metrics"),
    *(("GET", path) for path in sorted(OPEN)),
    ("POST", "/residency/tts/load"),
    ("POST", "/v2/models/tts/infer"),
    ("POST", "/v2/repository/models/tts/load"),
    ("POST", "/v1/audio/speech"),
    ("POST", "/api/jobs/"),
    ("PUT", "/api/serve/applications/"),
    ("DELETE", f"/v1/voices/{VOICE}"),
]
FREE = {"/ray.serve.RayServeAPIService/ListApplications", "/ray.serve.RayServeAPIService/Healthz"}


def calls_of_ray() -> Iterator[str]:
    """All that Ray has, by the generated code of the version that is installed."""
    import ray.core.generated  # which takes a second, whenever tests are collected
    import ray.serve.generated

    for package in (ray.core.generated, ray.serve.generated):
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            if module.name.endswith("_pb2"):
                services = import_module(module.name).DESCRIPTOR.services_by_name.values()
                for service in services:
                    yield from (f"/{service.full_name}/{one.name}" for one in service.methods)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if not ADDRESSES:
        pytest.skip("this machine has no address but loopback")
    folder = tmp_path_factory.mktemp("fleet")
    voices = VoicesStore(VoicesOnDisk(folder / "voices"))
    voices.save(SavedVoice(VOICE, "some words", "en", 1.0, "I agree.", 7), b"fLaC")
    fleet = Fleet(
        folder,
        host=ADDRESSES[0],
        api_keys=f"admin:{ADMIN},inference:{INFERENCE}",
        voices_dir=folder / "voices",
        model_repository=None,
    )
    fleet.url = f"http://{ADDRESSES[0]}:{fleet.http_port}"
    try:
        fleet.up("--replicas", "1")
        yield fleet
    finally:
        fleet.command("down")


@pytest.fixture(scope="module")
def ports(strange: Fleet) -> list[int]:
    """All on which it listens for more than this machine."""
    found = set()
    for process in strange.processes():
        with suppress(psutil.Error):
            found |= {
                one.laddr.port
                for one in process.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN
                and not one.laddr.ip.startswith(("127.", "::1", "::ffff:127."))
            }
    assert {strange.http_port, strange.grpc_port, strange.ray_port} <= found
    assert len(found) > 5
    return sorted(found)


def answer_of(port: int, method: str, path: str) -> tuple[int, bytes] | None:
    """None for a port that does not speak HTTP."""
    connection = HTTPConnection(ADDRESSES[0], port, timeout=PATIENCE)
    body = json.dumps({"entrypoint": "true", "input": "Hello.", "voice": VOICE, "model": "tts"})
    headers = {"Content-Type": "application/json"}
    try:
        connection.request(method, path, None if method == "GET" else body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def test_http_is_told_nothing_and_does_nothing(strange: Fleet, ports: list[int]) -> None:
    asked = [(port, *one) for port, one in product(ports, ASKED)]
    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip(asked, pool.map(lambda one: answer_of(*one), asked), strict=True))
    got = {one: answer for one, answer in answers.items() if answer}
    assert got[strange.http_port, "GET", "/v1/voices"][0] == 401
    assert got[strange.http_port, "GET", "/-/healthz"][0] == 200
    for (port, method, path), (status, content) in got.items():
        assert VOICE.encode() not in content, (port, path)
        assert b"clara" not in content, (port, path)
        # Ray's metrics ports answer whatever path they are asked, also by POST.
        harmless = path in OPEN or (port != strange.http_port and content.startswith(b"# HELP"))
        assert status >= 300 or harmless, (port, method, path, content)
    told = {
        port: sorted({path for (p, _, path), a in got.items() if p == port and a[0] < 300})
        for port in ports
    }
    print(told)


def test_grpc_is_told_nothing_and_does_nothing(strange: Fleet, ports: list[int]) -> None:
    named = pb.ModelInferRequest(model_name="tts")
    calls = dict.fromkeys(calls_of_ray(), b"") | {
        f"/inference.GRPCInferenceService/{name}": request.SerializeToString()
        for name, request in {
            "ModelInfer": named,
            "ModelMetadata": pb.ModelMetadataRequest(name="tts"),
            "RepositoryIndex": pb.RepositoryIndexRequest(),
            "RepositoryModelLoad": pb.RepositoryModelLoadRequest(model_name="tts"),
        }.items()
    }
    assert len(calls) > 100

    def asked(port: int) -> dict[str, str]:
        found = {}
        with grpc.insecure_channel(f"{ADDRESSES[0]}:{port}") as channel:
            for name, given in calls.items():
                try:
                    found[name] = channel.unary_unary(name)(given, timeout=PATIENCE)
                except grpc.RpcError as error:
                    found[name] = error.code().name
                    if error.code() is grpc.StatusCode.UNAVAILABLE:
                        break  # no gRPC is spoken there
        return found

    with ThreadPoolExecutor(8) as pool:
        codes = dict(zip(ports, pool.map(asked, ports), strict=True))
    refusals = {"UNAUTHENTICATED", "UNIMPLEMENTED", "UNAVAILABLE"}
    told = {
        (port, n): c for port, found in codes.items() for n, c in found.items() if c not in refusals
    }
    assert {name for _, name in told} <= FREE, told
    assert VOICE not in str(told)
    assert (
        codes[strange.grpc_port]["/inference.GRPCInferenceService/ModelInfer"] == "UNAUTHENTICATED"
    )
    assert codes[strange.ray_port]["/ray.rpc.JobInfoGcsService/AddJob"] == "UNAUTHENTICATED"
    print({port: dict(Counter(map(str, found.values()))) for port, found in codes.items()})


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_ray_runs_no_job(strange: Fleet, tmp_path: Path, scheme: str) -> None:
    """By Ray's own client, which knows how to ask; it tries for half a minute."""
    code = (
        "import pathlib, ray, sys; ray.init(sys.argv[1]); "
        "ray.get(ray.remote(lambda: pathlib.Path(sys.argv[2]).touch()).remote())"
    )
    ran, port = tmp_path / "ran", strange.ray_port + (1 if scheme else 0)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "GREENROOM_"))}
    stranger = {**kept, "HOME": str(tmp_path), "RAY_gcs_rpc_server_connect_timeout_s": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, f"{scheme}{ADDRESSES[0]}:{port}", str(ran)],
        env=stranger,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert not ran.exists()


def test_after_all_that_nothing_has_changed(strange: Fleet) -> None:
    with strange.client() as client:
        [one] = client.get("/residency").json()["replicas"].values()
        assert one["models"]["tts"]["residency"] == "cold"
        assert VOICE in client.get("/v1/voices").text
