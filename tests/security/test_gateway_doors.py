"""Other web sites at the HTTP door, where no key is asked for: nothing that they ask happens."""

import asyncio
import base64
import json

import openai
import pytest
from echo import echoed, grpc_inputs, http_inputs

from greenroom.settings import Settings

pytestmark = pytest.mark.slow

EVIL, STUDIO = "https://evil.example", "https://studio.example"
CODE = b'open("%s", "w")\n'
ATTACKS = (
    ("POST", "/v2/repository/models/echo/unload"),
    ("POST", "/residency/echo/unload"),
    ("PATCH", "/residency/echo"),
    ("DELETE", "/v1/voices/mine"),
    ("POST", "/v1/voices"),
    ("GET", "/v1/voices"),
    ("GET", "/residency"),
    ("GET", "/residency/events"),
    ("GET", "/metrics"),
    ("POST", "/v2/models/echo/infer"),
    ("OPTIONS", "/v2/models/echo/infer"),
    ("PUT", "/nowhere"),
)
FOREIGN = (
    {"host": "evil.example", "origin": EVIL},
    {"host": "evil.example"},
    {"host": "rebound.evil.example:8000", "origin": "http://rebound.evil.example:8000"},
    {"origin": EVIL},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
)
PINNED = {"policy": {"echo": {"pinned": True}}}
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


def sentence(answer):
    """Return the error's sentence in the form of the path's clients."""
    error = answer.json()["error"]
    return error["message"] if answer.request.url.path.startswith("/v1") else error


async def test_a_page_that_the_user_visits_runs_no_code(start, tmp_path):
    running = await start(allow_load_overrides=True)
    ran = tmp_path / "ran"
    parameters = {
        "config": json.dumps({"backend": "python", "max_batch_size": 0}),
        "file:1/model.py": base64.b64encode(CODE % str(ran).encode()).decode(),
    }
    body = json.dumps({"parameters": parameters}).encode()
    for model in "echo", "nobody":
        path = f"/v2/repository/models/{model}/load"
        for headers in FOREIGN:
            headers = {"content-type": "text/plain", **headers}
            answer = await running.web.post(path, content=body, headers=headers)
            assert answer.status_code == 403, (model, headers)
            assert "GREENROOM_ALLOWED_" in answer.json()["error"]
    assert not ran.exists()
    assert not running.stubs()


async def test_another_site_neither_changes_nor_reads_anything(start):
    running = await start(**PINNED)
    await running.until("echo", residency="hot")
    for method, path in ATTACKS:
        for headers in FOREIGN:
            answer = await running.web.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path, headers)
            assert "GREENROOM_ALLOWED_" in sentence(answer)
            assert "access-control-allow-origin" not in answer.headers
    assert (await running.residency("echo"))["residency"] == "hot"
    foreign = FOREIGN[0]
    for path in "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready":
        assert (await running.web.get(path, headers=foreign)).status_code == 200


async def test_http_1_1_wants_exactly_one_host_whoever_asks(start):
    running = await start(api_keys="admin:admins-key-0123456789")
    bearer = "Authorization: Bearer admins-key-0123456789\r\n"
    for hosts, status in (("", b"400"), ("Host: a\r\n", b"200"), ("Host: a\r\n" * 2, b"400")):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.settings.http_port)
        writer.write(f"GET /residency HTTP/1.1\r\n{bearer}{hosts}\r\n".encode())
        assert (await reader.readline()).split()[1] == status, hosts
        if status == b"400":
            assert b"Host headers" in await reader.read()
        writer.close()


async def test_programs_and_known_names_are_served(start):
    running = await start(allowed_hosts="gpu-box")
    assert echoed(await running.http.infer("echo", http_inputs()))
    assert echoed(await running.grpc.infer("echo", grpc_inputs()))
    for host in "localhost", "gpu-box:8000", "192.0.2.7", "[::1]:8000", "a.localhost":
        assert (await running.web.get("/residency", headers={"host": host})).status_code == 200
    own = {"origin": running.service.url, "sec-fetch-site": "same-origin"}
    assert (await running.web.get("/residency", headers=own)).status_code == 200
    curl = await asyncio.create_subprocess_exec(
        "curl", "-s", "-d", '{"ready": true}', f"{running.service.url}/v2/repository/index",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert b'"name":"echo"' in (await curl.communicate())[0]


async def test_the_openai_client_is_served(start):
    real = ("model_repository", "ensemble_repository")
    running = await start(**{name: Settings.model_fields[name].default for name in real})
    url = f"{running.service.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        answer = await client.audio.speech.create(model="tts-1", voice="clara", input="Good day.")
    assert answer.content


@pytest.mark.parametrize("keys", [None, "admin:admins-key-0123456789"])
async def test_a_chosen_origin_may_ask_and_read_and_nobody_else(start, keys):
    running = await start(allowed_origins=STUDIO, api_keys=keys)
    path = "/v2/models/echo/infer"
    bearer = {"authorization": "Bearer admins-key-0123456789"} if keys else {}
    chosen = {"origin": STUDIO, "sec-fetch-site": "cross-site"}
    asked = await running.web.options(path, headers=chosen | PREFLIGHT)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, STUDIO)
    answer = await running.web.get("/residency", headers=chosen | bearer)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, STUDIO)
    other = await running.web.options(path, headers={"origin": EVIL} | PREFLIGHT)
    assert other.status_code in (400, 403)
    assert "access-control-allow-origin" not in other.headers
    read = await running.web.get("/residency", headers={"origin": EVIL} | bearer)
    assert read.status_code == (200 if keys else 403)
    assert "access-control-allow-origin" not in read.headers


async def test_a_key_decides_whatever_the_name(start):
    running = await start(api_keys="admin:admins-key-0123456789")
    headers = {"host": "studio.example", "authorization": "Bearer admins-key-0123456789"}
    assert (await running.web.get("/residency", headers=headers)).status_code == 200
    assert (await running.web.get("/residency", headers={"origin": EVIL})).status_code == 401
