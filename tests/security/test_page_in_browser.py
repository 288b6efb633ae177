"""Another site's page in a real browser, which writes the headers that the page's door reads."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import pytest
from own_ports import own_port
from page_process import page_process
from playwright.async_api import async_playwright

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium")
PATIENCE = 30_000
EVIL = """<!doctype html><title>evil</title>
<a id=link href="{page}/en/">a link</a>
<img src="{page}/en/gradio_api/heartbeat/s">
<img src="{page}/en/gradio_api/queue/data?session_hash=s">
<script src="{page}/en/config"></script>
<iframe name=hidden src="{page}/en/"></iframe>
<form id=form method=post target=hidden enctype="text/plain"
 action="{page}/en/gradio_api/queue/join"><input name='{{"fn_index": 0, "x": "' value='"}}'></form>
<script>
const send = (path, more) => fetch("{page}" + path, {{mode: "no-cors", ...more}}).catch(() => 0);
window.done = (async () => {{
  await send("/en/config");
  await send("/en/gradio_api/queue/join", {{method: "POST", body: "{{}}"}});
  const files = new FormData();
  files.append("files", new Blob(["x"]), "x.wav");
  await send("/en/gradio_api/upload", {{method: "POST", body: files}});
  await send("/en/gradio_api/queue/join", {{method: "POST", mode: "cors", body: "{{}}",
             headers: {{"content-type": "application/json"}}}});
  document.getElementById("form").submit();
}})();
</script>"""

ASKED = {
    ("GET", "/en/"),
    ("GET", "/en/config"),
    ("GET", "/en/gradio_api/heartbeat/s"),
    ("GET", "/en/gradio_api/queue/data"),
    ("POST", "/en/gradio_api/queue/join"),
    ("POST", "/en/gradio_api/upload"),
}


@asynccontextmanager
async def evil_site(html):
    """Serve a page by another name and port; it lies on this machine, as browsers ask it to."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        head = f"content-type: text/html\r\ncontent-length: {len(body)}\r\nconnection: close"
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    port = own_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield f"http://localhost:{port}/"


@pytest.mark.skipif(not CHROMIUM, reason="chromium is missing; apt install chromium")
@pytest.mark.timeout(300)
async def test_it_gets_nothing_but_a_link_opens_the_page(free_settings):
    async with (
        page_process(free_settings()) as served,
        evil_site(EVIL.format(page=served.url)) as site,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = await browser.new_page()
        tab.set_default_timeout(PATIENCE)
        statuses = {}

        def note(response):
            if response.url.startswith(served.url):
                path = response.url.removeprefix(served.url).partition("?")[0]
                statuses.setdefault((response.request.method, path), set()).add(response.status)

        tab.on("response", note)
        async with tab.expect_event(
            "response",
            lambda found: found.request.is_navigation_request() and found.request.method == "POST",
        ):
            await tab.goto(site)
        assert set(statuses) == ASKED
        assert set().union(*statuses.values()) == {403}, statuses
        assert not list(served.folder.iterdir())

        await tab.click("#link")
        await tab.wait_for_selector("#say")
        assert 200 in statuses["GET", "/en/"]
        await browser.close()
