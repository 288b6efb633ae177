"""Other web sites at the page's door, and guesses of its password: against the real process."""

import asyncio

import httpx
import pytest
import pytest_asyncio
from own_ports import own_ports
from page_process import page_process

from greenroom.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PASSWORD = "Vorhängeschloss"
EVIL, STUDIO = "https://evil.example", "https://studio.example"
PATHS = (
    ("GET", "/en/config"),
    ("GET", "/en/gradio_api/queue/data?session_hash=s"),
    ("GET", "/en/gradio_api/heartbeat/s"),
    ("GET", "/en/assets/x.js"),
    ("POST", "/en/gradio_api/queue/join"),
    ("POST", "/en/gradio_api/upload"),
    ("POST", "/en/gradio_api/cancel"),
    ("POST", "/en/login"),
    ("OPTIONS", "/en/gradio_api/queue/join"),
    ("PUT", "/en/"),
    ("DELETE", "/zh/"),
)
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page(tmp_path_factory):
    """Return a page without a password."""
    settings = Settings(
        runtime_dir=tmp_path_factory.mktemp("open"),
        allowed_hosts=("gpu-box",),
        header_timeout=2,
        receive_timeout=2,
        allowed_origins=(STUDIO,),
        **own_ports(),
    )
    async with page_process(settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def locked(tmp_path_factory):
    """Return a page with a password."""
    settings = Settings(runtime_dir=tmp_path_factory.mktemp("locked"), **own_ports())
    async with page_process(settings, ui_password=PASSWORD) as running:
        yield running


@pytest.mark.parametrize(
    "sent",
    [
        "GET /en/ HTTP/1.1\r\nhost: lo",
        "GET /en/ HTTP/1.1\r\nx: " + "x" * 70_000,
        "POST /en/gradio_api/queue/join HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
    ],
    ids=["head", "long head", "body"],
)
async def test_what_does_not_end_is_ended(page, sent):
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
        writer.write(sent.encode())
        await reader.read()
        writer.close()


async def test_a_request_to_upgrade_has_its_body(page):
    body = "GET /en/ HTTP/1.1\r\nhost: localhost\r\n\r\n"
    fields = f"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: {len(body)}"
    asked = f"POST /en/login HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n\r\n{body}"
    last = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
        writer.write((asked + last).encode())
        answers = await reader.read()
        assert answers.count(b"HTTP/1.1 ") == 2
        assert answers.endswith(b"ok")
        writer.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "rebound.evil.example:7860", "origin": "http://rebound.evil.example:7860"},
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": EVIL, "content-type": "text/plain"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"origin": EVIL, "connection": "upgrade", "upgrade": "websocket"},
    ],
)
async def test_another_site_gets_nothing_from_the_page(page, headers):
    async with page.visitor() as visitor:
        for method, path in PATHS:
            answer = await visitor.web.request(method, path, headers=headers)
            assert answer.status_code == 403, path
            assert "access-control-allow-origin" not in answer.headers
            assert "GREENROOM_ALLOWED_" in answer.text
        assert (await visitor.web.get("/healthz", headers=headers)).text == "ok"


async def test_a_link_of_another_site_opens_the_page_but_no_frame_of_it(page):
    async with httpx.AsyncClient(base_url=page.url) as browser:
        for path in ("/en/", "/zh/"):
            opened = await browser.get(path, headers=LINK)
            assert (opened.status_code, "Greenroom" in opened.text) == (200, True)
            assert opened.headers["content-security-policy"] == "frame-ancestors 'self'"
            framed = await browser.get(path, headers=LINK | {"sec-fetch-dest": "iframe"})
            assert framed.status_code == 403
        assert (await browser.get("/", headers=LINK)).status_code == 307
        assert (await browser.get("/en/config", headers=LINK)).status_code == 403


@pytest.mark.parametrize("host", ["localhost:7860", "gpu-box", "10.0.0.7:7860", "[::1]"])
async def test_the_page_is_known_by_these_names(page, host):
    async with httpx.AsyncClient(base_url=page.url) as browser:
        own = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        assert (await browser.get("/en/config", headers=own)).status_code == 200


async def test_a_chosen_site_may_ask_and_read(page):
    async with httpx.AsyncClient(base_url=page.url) as browser:
        asked = {"origin": STUDIO, "sec-fetch-site": "cross-site"}
        answer = await browser.get("/en/config", headers=asked)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, STUDIO)
        wish = {"origin": STUDIO, "access-control-request-method": "POST"}
        answer = await browser.options("/en/gradio_api/queue/join", headers=wish)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, STUDIO)


@pytest.mark.parametrize(
    "head", ["GET /en/ HTTP/1.1\r\n", "POST /en/gradio_api/upload HTTP/1.1\r\n"]
)
async def test_without_a_host_it_is_a_bad_request(page, head):
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(f"{head}\r\n".encode())
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()


async def test_garbage_and_upgrades_are_not_logged(page):
    said = len(page.lines)
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(b"\x16\x03\x01 garbage\r\n\r\n")
    await reader.read()
    writer.close()
    async with httpx.AsyncClient(base_url=page.url) as browser:
        await browser.get("/en/", headers={"connection": "upgrade", "upgrade": "websocket"})
    assert page.lines[said:] == []


async def login(web, password, **headers):
    fields = {"username": "me", "password": password}
    return await web.post("/en/login", data=fields, headers=headers)


def from_address(number):
    """Return the header by which a proxy on this machine tells an address."""
    return {"x-forwarded-for": f"10.1.{number // 200}.{number % 200 + 1}"}


async def test_with_a_password_another_site_can_not_use_its_cookie(locked):
    async with locked.visitor() as visitor:
        assert (await visitor.web.get("/en/config")).status_code == 401
        answer = await login(visitor.web, PASSWORD)
        assert answer.status_code == 200
        # The cookie that Gradio sends along with other sites' requests, over http in this test.
        assert "samesite=none" in answer.headers["set-cookie"].lower()
        assert (await visitor.web.get("/en/config")).status_code == 200
        for headers in ({"origin": EVIL}, {"sec-fetch-site": "cross-site"}):
            for method, path in PATHS:
                answer = await visitor.web.request(method, path, headers=headers)
                assert answer.status_code == 403, path
        named = await visitor.web.get("/en/config", headers={"host": "studio.lan"})
        assert named.status_code == 200


async def test_an_address_has_ten_tries_a_minute_however_fast(locked):
    async with locked.visitor() as visitor:
        mine = from_address(1)
        tries = await asyncio.gather(
            *(login(visitor.web, f"guess {number}", **mine) for number in range(40))
        )
        statuses = [answer.status_code for answer in tries]
        assert (statuses.count(400), statuses.count(429)) == (10, 30)
        refused = next(answer for answer in tries if answer.status_code == 429)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert "Too many wrong passwords" in refused.text
        assert (await login(visitor.web, PASSWORD, **mine)).status_code == 429
        assert (await login(visitor.web, PASSWORD, **from_address(2))).status_code == 200


async def test_a_right_password_starts_anew(locked):
    async with locked.visitor() as visitor:
        mine = from_address(3)
        for _ in range(2):
            for _ in range(9):
                assert (await login(visitor.web, "wrong", **mine)).status_code == 400
            assert (await login(visitor.web, PASSWORD, **mine)).status_code == 200


@pytest.mark.long
async def test_all_addresses_together_have_sixty_tries_a_minute_told_in_few_lines(free_settings):
    async with (
        page_process(free_settings(), ui_password=PASSWORD) as page,
        page.visitor() as visitor,
    ):
        tries = await asyncio.gather(
            *(login(visitor.web, "my secret guess", **from_address(number)) for number in range(70))
        )
        statuses = [answer.status_code for answer in tries]
        assert (statuses.count(400), statuses.count(429)) == (60, 10)
        await page.logged("A login to the page from 10.1.0.")
        await page.logged("logins to the page failed within 10 s, from")
        assert sum("to the page" in line for line in page.lines) < len(tries) / 2
        assert not [line for line in page.lines if "guess" in line]
