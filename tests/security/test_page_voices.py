"""Saved voices are not another site's to read, make or delete through the page, which has a key."""

import httpx
from own_ports import own_port
from page_process import file_data
from page_visitor import Visitor

from greenroom.settings import Settings
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.process import process
from greenroom_speech.voices import voice

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}
HENRY = voice("henry").path.read_bytes()
ADMIN = "an-admin-key-of-some-length"


async def test_another_site_can_not_reach_saved_voices_through_the_page(start, tmp_path):
    page = PageSettings(ui=True, ui_port=own_port(), ui_key=ADMIN)
    service = await start(
        **REAL,
        api_keys=f"admin:{ADMIN}",
        plugins=[process(Settings(), page)],
        environment={"GREENROOM_VOICES_DIR": str(tmp_path / "voices")},
    )
    await service.page_served()
    own = f"http://127.0.0.1:{page.ui_port}"
    gateway = httpx.AsyncClient(
        base_url=service.service.url, headers={"authorization": f"Bearer {ADMIN}"}, timeout=60
    )
    async with gateway, httpx.AsyncClient(base_url=own, timeout=60) as web:

        async def saved():
            listed = (await gateway.get("/v1/voices")).json()["data"]
            return {one["name"] for one in listed}

        await web.get("/en/")
        visitor = Visitor(web)
        numbers = {name: number for number, name, _ in await visitor.dependencies()}
        path = await visitor.upload(HENRY, "henry.flac")
        before = await saved()
        save = ["Uncle", "I am Henry, and I agree.", file_data(path), "My brother came."]
        foreign = {"origin": "https://evil.example"}
        for headers in (foreign, {"host": "evil.example"}, {"sec-fetch-site": "cross-site"}):
            for name, data in (("_save", save), ("_delete", ["Uncle"])):
                body = {"fn_index": numbers[name], "data": data, "session_hash": "s" * 10}
                answer = await web.post(f"{visitor.at}/queue/join", json=body, headers=headers)
                assert answer.status_code == 403, (name, headers)
            assert await saved() == before
        assert (await visitor.event(numbers["_save"], save))["success"]
        assert await saved() == before | {"Uncle"}
        body = {"fn_index": numbers["_delete"], "data": ["Uncle"], "session_hash": "s" * 10}
        refused = await web.post(f"{visitor.at}/queue/join", json=body, headers=foreign)
        assert refused.status_code == 403
        assert await saved() == before | {"Uncle"}
        assert (await visitor.event(numbers["_delete"], ["Uncle"]))["success"]
        assert await saved() == before
