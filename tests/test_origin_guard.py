"""Who may ask an HTTP listener that asks nobody for a key: no web site that its user visits."""

import asyncio
from contextlib import contextmanager
from itertools import product

import httpx
import pytest
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from greenroom.origin_guard import OriginGuard
from greenroom.settings import Settings
from greenroom.settings.exported import exported

STUDIO = "https://studio.example"
OWN = "http://127.0.0.1:8000"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
FRAME = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}


async def _answer(request):
    return PlainTextResponse("answered")


async def _events(request):
    async def events():
        yield "data: one\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def _socket(socket):
    await socket.accept()
    await socket.send_text("answered")
    await socket.close()


def guarded(*, hosts=("gpu-box",), origins=()):
    routes = [
        Route("/events", _events),
        WebSocketRoute("/socket", _socket),
        Route("/{path:path}", _answer, methods=list(METHODS)),
    ]
    return OriginGuard(
        Starlette(routes=routes),
        hosts=hosts,
        origins=origins,
        refuse=lambda error, path: PlainTextResponse(str(error), error.http_status),
        free=lambda path: path == "/healthz",
        opens=lambda path: path == "/page",
    )


async def asked(method="GET", path="/", headers=None, **guard):
    transport = httpx.ASGITransport(guarded(**guard))
    async with httpx.AsyncClient(transport=transport, base_url=OWN) as web:
        return await web.request(method, path, headers=headers or {})


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8000"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "notlocalhost"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "http://127.0.0.1"},
        {"origin": "null"},
        {"origin": f"{OWN}.evil.example"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "https://evil.example", "content-type": "text/plain"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "https://127.0.0.1:8000"},
        {"sec-fetch-site": "cross-site"} | LINK,
        {"sec-fetch-site": "Cross-Site"},
        {"sec-fetch-site": "cross-site, none"},
        {"sec-fetch-site": "cross-origin"},
        {"sec-fetch-site": ""},
        [("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "none"), ("sec-fetch-site", "none")],
    ],
)
async def test_another_site_is_refused(headers):
    for method, path in product(METHODS, ("/", "/events")):
        answer = await asked(method, path, headers)
        assert answer.status_code == 403, method
        assert method == "HEAD" or "GREENROOM_ALLOWED_" in answer.text
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1"},
        {"host": "192.168.1.5:8000"},
        {"host": "[::1]:8000"},
        {"host": "[fd00::5]"},
        {"host": "localhost:8000"},
        {"host": "LOCALHOST."},
        {"host": "greenroom.localhost"},
        {"host": "gpu-box:8000"},
        {"host": "GPU-Box."},
        {"origin": OWN, "sec-fetch-site": "same-origin"},
        {"origin": OWN, "sec-fetch-site": "Same-Origin"},
        {"host": "gpu-box", "origin": "https://gpu-box"},
        {"sec-fetch-site": "none"} | LINK,
    ],
)
async def test_who_is_no_other_site_is_answered(headers):
    for method in METHODS:
        answer = await asked(method, headers=headers)
        assert (answer.status_code, answer.text) == (200, "" if method == "HEAD" else "answered")


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "[::1", "127.0.0.1:x", ":8000"])
async def test_a_host_that_is_none_is_a_bad_request(host):
    answer = await asked(headers={"host": host})
    assert (answer.status_code, "Host" in answer.text) == (400, True)


async def test_any_name_will_do_where_a_password_is_asked_for():
    answered = await asked(headers={"host": "evil.example"}, hosts=None)
    assert answered.status_code == 200
    refused = await asked(headers={"origin": "https://evil.example"}, hosts=None)
    assert refused.status_code == 403


async def test_probes_are_free():
    foreign = {"host": "evil.example", "origin": "http://evil.example"}
    assert (await asked(path="/healthz", headers=foreign)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "how", "status"),
    [
        ("GET", "/page", LINK, 200),
        ("HEAD", "/page", LINK, 200),
        ("POST", "/page", LINK, 403),
        ("GET", "/page", FRAME, 403),
        ("GET", "/page", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ("GET", "/other", LINK, 403),
    ],
)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_link_of_another_site_opens_the_page_and_nothing_else(
    method, path, how, status, site
):
    answer = await asked(method, path, {"sec-fetch-site": site} | how)
    assert answer.status_code == status


async def test_a_chosen_origin_may_ask_and_read():
    headers = {"origin": STUDIO, "sec-fetch-site": "cross-site"}
    answer = await asked("POST", headers=headers, origins=(STUDIO,))
    assert (answer.text, answer.headers["access-control-allow-origin"]) == ("answered", STUDIO)
    assert (await asked("POST", headers=headers)).status_code == 403
    others = {"origin": STUDIO + ":444"}
    assert (await asked("POST", headers=others, origins=(STUDIO,))).status_code == 403


async def test_only_a_chosen_origin_has_its_preflight_answered():
    wish = {
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "authorization,content-type",
    }
    answer = await asked("OPTIONS", headers={"origin": STUDIO} | wish, origins=(STUDIO,))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, STUDIO)
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    other = {"origin": "https://evil.example"} | wish
    answer = await asked("OPTIONS", headers=other, origins=(STUDIO,))
    assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (403, None)


class _Server(uvicorn.Server):
    """Leaves the signals to pytest and says when it listens."""

    def __init__(self) -> None:
        config = uvicorn.Config(guarded(), port=0, log_config=None, lifespan="off")
        super().__init__(config)
        self.listens = asyncio.Event()

    @contextmanager
    def capture_signals(self):
        yield

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.listens.set()


@pytest.fixture
async def port():
    server = _Server()
    serving = asyncio.create_task(server.serve())
    await server.listens.wait()
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", b"400"),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n", b"403"),
        (b"GET / HTTP/1.0\r\n", b"200"),
        (b"GET / HTTP/1.0\r\nOrigin: http://evil.example\r\n", b"403"),
    ],
)
async def test_heads_that_no_client_library_sends(port, head, status):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"\r\n")
    assert (await reader.readline()).split()[1] == status
    writer.close()


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("127.0.0.1", {"Origin": "https://evil.example"}),
        ("127.0.0.1", {"Sec-Fetch-Site": "cross-site"}),
        ("evil.example", {}),
    ],
)
async def test_a_web_socket_of_another_site_is_not_opened(port, name, headers):
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            f"ws://{name}:{port}/socket", host="127.0.0.1", port=port, additional_headers=headers
        )
    assert refused.value.response.status_code == 403
    assert b"GREENROOM_ALLOWED_" in refused.value.response.body


async def test_a_web_socket_of_the_own_page_is_opened(port):
    own = f"127.0.0.1:{port}"
    async with connect(f"ws://{own}/socket", origin=f"http://{own}") as socket:
        assert await socket.recv() == "answered"


def test_the_lists_are_read_and_handed_on(monkeypatch):
    monkeypatch.setenv("GREENROOM_ALLOWED_HOSTS", "gpu-box, studio.lan")
    monkeypatch.setenv("GREENROOM_ALLOWED_ORIGINS", f"{STUDIO},http://10.0.0.7:3000")
    settings = Settings()
    assert settings.allowed_hosts == ("gpu-box", "studio.lan")
    assert settings.allowed_origins == (STUDIO, "http://10.0.0.7:3000")
    handed = exported(settings)
    assert handed["GREENROOM_ALLOWED_HOSTS"] == "gpu-box,studio.lan"
    monkeypatch.setenv("GREENROOM_ALLOWED_ORIGINS", handed["GREENROOM_ALLOWED_ORIGINS"])
    assert Settings().allowed_origins == settings.allowed_origins


@pytest.mark.parametrize("origins", ["*", "null", "studio.example", f"{STUDIO}/", "HTTPS://A.B"])
def test_what_is_no_origin_is_refused(monkeypatch, origins):
    monkeypatch.setenv("GREENROOM_ALLOWED_ORIGINS", origins)
    with pytest.raises(ValidationError, match="is not an origin; an origin is a scheme and a host"):
        Settings()


@pytest.mark.parametrize("hosts", ["*", "http://gpu-box", "gpu-box:8000"])
def test_what_is_no_host_name_is_refused(monkeypatch, hosts):
    monkeypatch.setenv("GREENROOM_ALLOWED_HOSTS", hosts)
    with pytest.raises(ValidationError, match="is not a host name"):
        Settings()
