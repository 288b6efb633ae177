"""A plug-in's app: installed beside Greenroom, it answers its paths and takes leases."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette

from greenroom.errors import SetupError
from greenroom.gateway.app_plugin import App
from greenroom.gateway.apps import Apps

SOURCE = Path(__file__).parent / "echo_app"
PAGE = Path(__file__).parent.parent.parent / "docs" / "plugins.md"
KEYS = "admin:admins-key-0123456789,inference:inference-key-0123456789"
INFERENCE = {"authorization": "Bearer inference-key-0123456789"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the folder in which the app's distribution is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(SOURCE, folder / "source")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--target", folder / "installed")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, source], check=True)
    return folder / "installed"


async def test_an_installed_app_answers_under_a_lease(start, installed):
    running = await start(api_keys=KEYS, environment={"PYTHONPATH": str(installed)})
    post, get = running.web.post, running.web.get
    assert (await post("/echo", json=[1, 2])).json()["error"].startswith("This server needs")
    answer = await post("/echo", json=[1, 2.5], headers=INFERENCE)
    assert (answer.status_code, answer.headers["x-start"]) == (200, "cold")
    assert answer.json() == [1, 2.5]
    assert (await post("/echo", json=[3], headers=INFERENCE)).headers["x-start"] == "hot"
    refused = await running.web.delete("/echo", headers=INFERENCE)
    assert (refused.status_code, "scope admin" in refused.json()["error"]) == (403, True)
    wrong = await post("/echo", json=[[1, 2], [3, 4]], headers=INFERENCE)
    assert (wrong.status_code, "INPUT" in wrong.json()["error"].upper()) == (400, True)
    metrics = (await get("/metrics", headers=INFERENCE)).text
    count = 'greenroom_requests_total{model="echo",outcome="served",protocol="echo"} 2.0'
    assert count in metrics
    assert (await get("/v1/models", headers=INFERENCE)).status_code == 200


def test_the_page_shows_the_app_that_is_tested():
    page = PAGE.read_text(encoding="utf-8")
    code = (SOURCE / "echo_app.py").read_text(encoding="utf-8")
    assert code in page
    assert len(code.splitlines()) <= 30
    assert '[project.entry-points."greenroom.apps"]\necho = "echo_app:APP"\n' in page


def app(*paths, **more):
    return App(name="one", start=lambda gateway: Starlette(), paths=paths, **more)


@pytest.mark.parametrize("path", ["/v2", "/v2/models/tts", "/residency", "/one", "/one/more"])
def test_an_app_can_not_take_the_paths_of_another_or_of_the_gateway(path):
    with pytest.raises(SetupError, match=f"claims path {path}"):
        Apps([app("/one"), app(path)])


def test_an_app_says_which_scope_and_model_a_path_needs():
    one = app(
        "/one",
        models={"/one/{name}/say": "tts"},
        scopes={("GET", "/one/health"): None, ("DELETE", "/one/{name}"): "inference"},
    )
    needed = {
        (method, path): one.scope(method, path)
        for method in ("GET", "POST", "DELETE")
        for path in ("/one/health", "/one/x/say", "/one/x")
    }
    assert [path for path, scope in needed.items() if scope is None] == [("GET", "/one/health")]
    assert [path for path, scope in needed.items() if scope == "admin"] == [
        ("POST", "/one/health"),
        ("POST", "/one/x"),
        ("DELETE", "/one/x/say"),
    ]
    assert (one.model_of("/one/x/say"), one.model_of("/one/x")) == ("tts", None)
