"""A page has to say that its JSON is JSON; programs need say nothing."""

import asyncio

import pytest
from echo import echoed, http_inputs

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = b'{"inputs":[{"name":"INPUT","shape":[1,1],"datatype":"FP32","data":[1]}]}'
INFER = "/v2/models/echo/infer"
FORM = "application/x-www-form-urlencoded"


async def test_pages_say_that_it_is_json(running):
    own = {"origin": running.service.url}
    for path in INFER, "/v2/repository/index", "/residency/echo/load":
        for marks in own, {"sec-fetch-site": "same-origin"}:
            for kind in "text/plain", FORM, "application/jsonp", "text/plain;application/json":
                headers = {**marks, "content-type": kind}
                answer = await running.web.post(path, content=GOOD, headers=headers)
                assert answer.status_code == 415, (path, headers)
                assert "it must be application/json" in answer.json()["error"]
    headers = {**own, "content-type": "text/plain"}
    answer = await running.web.post("/v1/audio/speech", content=GOOD, headers=headers)
    assert answer.status_code == 415
    assert "it must be application/json" in answer.json()["error"]["message"]
    for kind in "application/json", "application/JSON; charset=utf-8":
        headers = {**own, "content-type": kind}
        answer = await running.web.post(INFER, content=GOOD, headers=headers)
        assert answer.status_code == 200, answer.text
    answer = await running.web.post("/residency/echo/load", headers=own)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("kind", [None, FORM, "text/plain"])
async def test_programs_say_what_they_like(running, kind):
    headers = {"content-type": kind} if kind else {}
    answer = await running.web.post(INFER, content=GOOD, headers=headers)
    assert answer.status_code == 200
    assert echoed(await running.http.infer("echo", http_inputs()))


async def test_curl_works(running):
    curl = await asyncio.create_subprocess_exec(
        "curl", "-s", "-d", GOOD.decode(), running.service.url + INFER,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert b'"data":[1.0]' in (await curl.communicate())[0]
