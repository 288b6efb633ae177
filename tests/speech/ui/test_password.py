"""The page's password: asked for where others can reach the page."""

import httpx
import pytest

from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.supervisor import Service
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.password import page_password
from greenroom_speech.ui.process import process


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_loopback_none_is_needed(host):
    assert page_password(PageSettings(ui_host=host)) is None


@pytest.mark.parametrize("password", [None, ""])
async def test_elsewhere_the_service_does_not_start_without_one(free_settings, password):
    page = PageSettings(ui=True, ui_host="0.0.0.0", ui_password=password)
    with pytest.raises(SetupError, match=r"GREENROOM_UI_HOST is 0\.0\.0\.0.*GREENROOM_UI_PASSWORD"):
        await Service(free_settings(), plugins=[process(Settings(), page)]).start()
    given = PageSettings(ui_host="0.0.0.0", ui_password="Vorhängeschloss")
    assert page_password(given) == "Vorhängeschloss"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_short_one_is_refused_at_the_start(free_settings, host):
    page = PageSettings(ui=True, ui_host=host, ui_password="elf Zeichen")
    with pytest.raises(SetupError, match="PASSWORD has 11 characters; it must have at least 12"):
        await Service(free_settings(), plugins=[process(Settings(), page)]).start()


@pytest.mark.slow
async def test_only_the_right_password_opens_the_page(free_settings):
    from greenroom_speech.ui.application import application  # gradio takes seconds

    app = application(free_settings(), PageSettings(ui_password="Vorhängeschloss"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as visitor:
        assert (await visitor.get("/healthz")).text == "ok"
        assert (await visitor.get("/en/config")).status_code == 401
        for given, status in (("curtain", 400), ("Vorhängeschloss", 200)):
            fields = {"username": "me", "password": given}
            assert (await visitor.post("/en/login", data=fields)).status_code == status
        assert "Text to speak" in (await visitor.get("/en/config")).text
