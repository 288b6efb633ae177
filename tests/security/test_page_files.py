"""The page gives and takes only files of the browser that sent them.

Gradio copies any file that the page's user may read into its own folder and hands it out, if an
event names its path.
"""

import asyncio
import json
import stat
from contextlib import suppress

import httpx
import pytest
import pytest_asyncio
from own_ports import own_ports
from page_process import file_data, page_process

from greenroom.settings import Settings
from greenroom_speech.ui import files as files_of_page
from greenroom_speech.ui.blocks import OwnFilesBlocks
from greenroom_speech.ui.files import NotYours, VisitorsFiles

SECRET = "the key of Triton"


pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page(tmp_path_factory):
    settings = Settings(runtime_dir=tmp_path_factory.mktemp("runtime"), **own_ports())
    async with page_process(settings) as running:
        (running.runtime / "triton.key").write_text(SECRET)
        yield running


async def foreign_paths(page):
    """Return paths that are not the visitor's, by what they are."""
    async with page.visitor() as other:
        theirs = await other.upload(b"somebody's recording", "theirs.wav")
    link = page.folder / "link.wav"
    link.unlink(missing_ok=True)
    link.symlink_to(page.runtime / "triton.key")
    return {
        "system": "/etc/passwd",
        "key": page.runtime / "triton.key",
        "environment": "/proc/self/environ",
        "relative": "pyproject.toml",
        "upwards": f"{page.folder}/../triton.key",
        "link": link,
        "another's upload": theirs,
        "another's upload, written otherwise": theirs.replace("/theirs", "/./theirs"),
        "folder": page.folder,
        "url": "https://huggingface.co/robots.txt",
        "this machine": f"{page.url}/healthz",
        "file url": "file:///etc/passwd",
        "number": 7,
        "nothing": "",
    }


def forms(path):
    """Return the forms in which an event may carry a path."""
    plain = file_data(path)
    return (
        plain,
        {"path": path if isinstance(path, int) else str(path)},
        {"value": plain},
        [[plain]],
        {"__type__": "update", "value": plain},
        file_data(path, url="https://huggingface.co/robots.txt"),
        file_data(path, is_stream=True),
    )


def is_refused(message):
    error = str(message["output"].get("error"))
    return not message["success"] and "was not uploaded by this browser" in error


async def test_no_event_takes_a_file_that_its_visitor_has_not_uploaded(page):
    for language in ("en", "zh"):
        async with page.visitor() as visitor:
            visitor.at = visitor.at.replace("en", language)
            found = await visitor.dependencies()
            assert len(found) > 20
            for number, name, inputs in found:
                given = [file_data("/etc/passwd")] * max(inputs, 1)
                assert is_refused(await visitor.event(number, given)), name
            for number, name, inputs in found:
                if language == "en" and inputs > 1:
                    for place in range(inputs):
                        given = [None] * inputs
                        given[place] = file_data("/etc/passwd")
                        assert is_refused(await visitor.event(number, given)), (name, place)
    assert not list(page.folder.rglob("*passwd*"))


async def test_no_path_and_no_form_of_it_is_taken(page):
    targets = await foreign_paths(page)
    async with page.visitor() as visitor:
        number = await number_of(visitor, "_prepare")
        for what, path in targets.items():
            for form in forms(path):
                assert is_refused(await visitor.event(number, [form])), (what, form)
    files = (path for path in page.folder.rglob("*") if path.is_file() and not path.is_symlink())
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


async def number_of(visitor, name):
    return next(number for number, found, _ in await visitor.dependencies() if found == name)


async def test_a_visitor_goes_on_with_own_files_and_nobody_else_does(page):
    async with page.visitor() as visitor, page.visitor() as other:
        mine = await visitor.upload(b"RIFF my own", "mine.wav")
        number = await number_of(visitor, "_prepare")
        assert (await visitor.event(number, [file_data(mine)]))["success"]
        read = await visitor.web.get(f"{visitor.at}/file={mine}")
        assert (read.status_code, read.content) == (200, b"RIFF my own")
        assert is_refused(await other.event(number, [file_data(mine)]))
        assert (await other.web.get(f"{other.at}/file={mine}")).status_code == 403
        given = await visitor.event(await number_of(visitor, "chosen"), ["henry"])
        sample = given["output"]["data"][0]["path"]
        assert (await visitor.web.get(f"{visitor.at}/file={sample}")).content[:4] == b"fLaC"
        assert (await other.web.get(f"{other.at}/file={sample}")).status_code == 403
        visitor.web.cookies.clear()
        assert is_refused(await visitor.event(number, [file_data(mine)]))
        same = await other.upload(b"RIFF my own", "mine.wav")
        assert same == mine
        assert (await other.event(number, [file_data(mine)]))["success"]


async def test_other_services_cookies_do_not_hide_who_a_visitor_is(page):
    async with page.visitor() as visitor:
        mine = await visitor.upload(b"RIFF my own", "odd.wav")
        ours = "; ".join(f"{name}={value}" for name, value in visitor.web.cookies.items())
        odd = {"cookie": f'_xsrf=2|ab"c|1; a[b]={{"c": 1}}; ; {ours}; =x'}
        async with httpx.AsyncClient(base_url=page.url, headers=odd) as browser:
            assert (await browser.get(f"{visitor.at}/file={mine}")).status_code == 200
            assert "set-cookie" not in (await browser.get("/en/")).headers


async def test_no_route_hands_out_a_file_or_a_page_of_others(page):
    async with page.visitor() as visitor:
        for what, path in (await foreign_paths(page)).items():
            for route in ("file=", "file/", "proxy="):
                answer = await visitor.web.get(f"{visitor.at}/{route}{path}")
                assert answer.status_code in (403, 404), (what, route)
                assert SECRET not in answer.text
        escaped = await visitor.web.get(f"{visitor.at}/file=%2Fetc%2Fpasswd")
        assert escaped.status_code == 403
        climbed = await visitor.web.get("/en/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd")
        assert climbed.status_code in (403, 404)
        assert "root:" not in climbed.text


@pytest.mark.parametrize(
    "route",
    ["run/{}", "run/{}/", "api/{}", "api/{}/", "call/{}", "call/{}/", "call/v2/{}", "stream/{}"],
)
async def test_events_come_by_the_queue_only(page, route):
    async with page.visitor() as visitor:
        for number, name, inputs in await visitor.dependencies():
            body = {"data": [file_data("/etc/passwd")] * inputs, "fn_index": number}
            at = f"{visitor.at}/{route.format(name or 'predict')}"
            answer = await visitor.web.post(at, json=body)
            assert (answer.status_code, "not part of the page" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "component_server"),
        ("POST", "process_recording"),
        ("POST", "vibe-edit"),
        ("POST", "vibe-code"),
        ("POST", "run-history/connect"),
        ("GET", "deep_link?session_hash=s"),
        ("GET", "runs"),
        ("GET", "info"),
        ("GET", "openapi.json"),
        ("GET", "dev/reload"),
        ("GET", "stream/s/0/1/playlist-file"),
        ("GET", "custom_component/1/client/component/index.js"),
    ],
)
async def test_what_the_page_does_not_need_is_not_there(page, method, path):
    async with page.visitor() as visitor:
        answer = await visitor.web.request(method, f"{visitor.at}/{path}")
        assert (answer.status_code, "not part of the page" in answer.text) == (404, True)


async def test_bodies_are_bounded_before_they_are_read(free_settings):
    async with (
        page_process(free_settings(max_request_bytes=100_000)) as page,
        page.visitor() as visitor,
    ):
        for path, length in (("upload", 100_000 + 2**16 + 1), ("queue/join", 2**20 + 1)):
            answer = await visitor.web.post(f"{visitor.at}/{path}", content=b"x" * length)
            assert answer.status_code == 413, path
        for path in ("cancel", "../login"):
            answer = await visitor.web.post(f"{visitor.at}/{path}", content=b"x" * (2**13 + 1))
            assert answer.status_code == 413, path
        answer = await visitor.web.post(f"{visitor.at}/queue/join", content=b"x" * 2**20)
        assert answer.status_code == 400

        async def status_of(**fields):
            event = json.dumps(fields).encode().ljust(2**20)
            kind = {"content-type": "application/json"}
            at = f"{visitor.at}/queue/join"
            return (await visitor.web.post(at, content=event, headers=kind)).status_code

        assert await status_of(session_hash="s" * 65) == await status_of(session_hash=5) == 400
        # What the page does not take is not counted.
        assert {await status_of(session_hash="s") for _ in range(32)} == {422}
        codes = [await status_of(data=[], fn_index=5, session_hash="s") for _ in range(9)]
        assert codes == [200] * 7 + [503] * 2

        reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
        endless = "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(f"POST /en/gradio_api/queue/join HTTP/1.1\r\n{endless}".encode())
        assert (await reader.readline()).split()[1] == b"400"
        await reader.readuntil(b"Content-Length")
        writer.write(b"200000\r\n" + bytes(2**21))
        with suppress(ConnectionResetError):
            assert b"HTTP" not in await reader.read()
        writer.close()


async def test_the_oldest_files_make_room(free_settings):
    most = 100_000
    settings = free_settings(max_request_bytes=50_000)
    async with page_process(settings, ui_files_bytes=most) as page, page.visitor() as visitor:
        assert stat.S_IMODE(page.folder.stat().st_mode) == 0o700
        paths = [await visitor.upload(bytes([number]) * 40_000) for number in range(4)]
        held = sum(path.stat().st_size for path in page.folder.rglob("*") if path.is_file())
        assert held <= most
        number = await number_of(visitor, "_prepare")
        assert is_refused(await visitor.event(number, [file_data(paths[0])]))
        assert (await visitor.event(number, [file_data(paths[-1])]))["success"]
        many = await asyncio.gather(
            *(
                visitor.web.post(f"{visitor.at}/upload", files={"files": ("a.wav", b"x" * 45_000)})
                for _ in range(6)
            )
        )
        assert {answer.status_code for answer in many} <= {200, 503}
        held = sum(path.stat().st_size for path in page.folder.rglob("*") if path.is_file())
        assert held <= most


async def test_files_go_by_age_and_at_the_start(tmp_path, monkeypatch):
    folder = tmp_path / "page"
    files = VisitorsFiles(folder, 10**6)
    old = files.folder / "old.wav"
    old.write_bytes(b"x")
    files.give("visitor", [str(old)])
    await files.tidy()
    files.check_path("visitor", str(old))
    monkeypatch.setattr(files_of_page, "KEPT_SECONDS", -1)
    await files.tidy()
    assert not old.exists()
    with pytest.raises(NotYours):
        files.check_path("visitor", str(old))
    old.write_bytes(b"x")
    folder.chmod(0o755)
    VisitorsFiles(folder, 10**6)
    assert (list(folder.iterdir()), stat.S_IMODE(folder.stat().st_mode)) == ([], 0o700)


async def test_only_files_in_the_folder_become_somebodys(tmp_path):
    files = VisitorsFiles(tmp_path / "page", 10**6)
    link = files.folder / "link"
    link.symlink_to("/etc/passwd")
    for path in ("/etc/passwd", str(link), f"{files.folder}/../page/x"):
        files.give("visitor", [path])
        with pytest.raises(NotYours):
            files.check_path("visitor", path)


async def test_answers_that_nobody_takes_are_forgotten(tmp_path):
    blocks = OwnFilesBlocks(VisitorsFiles(tmp_path / "files", 1000))
    waiting = blocks._queue.pending_messages_per_session
    for session in "left", "listens":
        waiting[session] = asyncio.Queue()
        for number in range(3):
            waiting[session].put_nowait(number)
    await blocks.forget_untaken()
    waiting["listens"].get_nowait()
    await blocks.forget_untaken()
    assert list(waiting) == ["listens"]
