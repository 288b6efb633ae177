"""What the clients send, and what they make of good answers; both clients alike."""

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from both_clients import Ask
from scripted_server import Answer, ScriptedServer, infer_answer, json_answer, speech_answer, words

from greenroom_client import AsyncClient, Client, InvalidInput, ServerError, Transcript
from greenroom_client.connection import Connection

SPEECH = "/v2/models/speech/infer"
ASR = "/v2/models/asr/infer"
WAVEFORM = np.linspace(-0.5, 0.5, 100, dtype=np.float32)
GOOD = speech_answer(WAVEFORM, 24000, "wörds")


@pytest.fixture(autouse=True)
def _good_answers(server: ScriptedServer) -> None:
    server.on("POST", SPEECH, GOOD)
    server.on(
        "POST", ASR, infer_answer({"TRANSCRIPT": words("hello"), "AUDIO_LANGUAGE": words("en")})
    )


def sent(server: ScriptedServer, path: str = SPEECH) -> dict[str, np.ndarray[Any, Any]]:
    (request,) = server.sent_to(path)
    return request.tensors()


def test_clone_sends_the_recording_and_the_text(
    ask: Ask, server: ScriptedServer, tone: Path
) -> None:
    ask("clone", tone, "Say „this“.")

    tensors = sent(server)
    assert set(tensors) == {"AUDIO", "SAMPLE_RATE", "TEXT"}
    assert tensors["AUDIO"].dtype == np.float32
    assert tensors["AUDIO"].shape == (1, 8000)
    assert tensors["SAMPLE_RATE"].dtype == np.int32
    assert tensors["SAMPLE_RATE"].tolist() == [[16000]]
    assert tensors["TEXT"].tolist() == [["Say „this“."]]


def test_clone_returns_speech(ask: Ask, tone: Path) -> None:
    speech = ask("clone", tone, "this")

    assert np.array_equal(speech.samples, WAVEFORM)
    assert (speech.sample_rate, speech.transcript) == (24000, "wörds")


def test_every_option_of_clone_is_a_tensor(ask: Ask, server: ScriptedServer, tone: Path) -> None:
    ask(
        "clone",
        tone,
        "this",
        transcript="that",
        language="zh",
        task=["emotion", "speed"],
        task_info=["happy", "1.2"],
        seed=-7,
        audio_language="en",
    )

    tensors = sent(server)
    assert tensors["SEED"].dtype == np.int64
    values = {name: tensor.tolist() for name, tensor in tensors.items() if name != "AUDIO"}
    assert values == {
        "SAMPLE_RATE": [[16000]],
        "TEXT": [["this"]],
        "TRANSCRIPT": [["that"]],
        "LANGUAGE": [["zh"]],
        "AUDIO_LANGUAGE": [["en"]],
        "TASK": [["clone", "emotion", "speed"]],
        "TASK_INFO": [["", "happy", "1.2"]],
        "SEED": [[-7]],
    }


def test_a_clone_named_as_the_first_task_is_not_doubled(
    ask: Ask, server: ScriptedServer, tone: Path
) -> None:
    ask("clone", tone, "this", task=["clone", "denoise"])

    tensors = sent(server)
    assert tensors["TASK"].tolist() == [["clone", "denoise"]]
    assert tensors["TASK_INFO"].tolist() == [["", ""]]


def test_edit_sends_the_task_and_no_text(ask: Ask, server: ScriptedServer, tone: Path) -> None:
    speech = ask("edit", tone, "speed", "1.2")

    tensors = sent(server)
    assert set(tensors) == {"AUDIO", "SAMPLE_RATE", "TASK", "TASK_INFO"}
    assert tensors["TASK"].tolist() == [["speed"]]
    assert tensors["TASK_INFO"].tolist() == [["1.2"]]
    assert np.array_equal(speech.samples, WAVEFORM)


def test_edit_with_new_words(ask: Ask, server: ScriptedServer, tone: Path) -> None:
    ask("edit", tone, ["paralinguistic"], text="ha [laugh]", transcript="ha", seed=np.int32(3))

    tensors = sent(server)
    assert tensors["TEXT"].tolist() == [["ha [laugh]"]]
    assert tensors["TRANSCRIPT"].tolist() == [["ha"]]
    assert tensors["SEED"].tolist() == [[3]]


def test_transcribe_returns_words_and_language(
    ask: Ask, server: ScriptedServer, tone: Path
) -> None:
    transcript = ask("transcribe", tone, "en")

    assert transcript == Transcript("hello", "en")
    assert str(transcript) == "hello"
    assert set(sent(server, ASR)) == {"AUDIO", "SAMPLE_RATE", "AUDIO_LANGUAGE"}


def test_an_edit_is_told_what_the_service_has_said(
    ask: Ask, server: ScriptedServer, tone: Path, tmp_path: Path
) -> None:
    def transcript() -> str | None:
        tensors = server.sent_to(SPEECH)[-1].tensors()
        return str(tensors["TRANSCRIPT"].item()) if "TRANSCRIPT" in tensors else None

    made = ask("clone", tone, "Good day.")
    assert made.text == "Good day."
    for name in ("made.wav", "made.flac", "made.ogg"):
        made.save(tmp_path / name)
        again = ask("edit", tmp_path / name, "style", "whisper")
        assert transcript() == "Good day."
        assert again.text == "Good day."
    ask("edit", made, "style", "whisper")
    assert transcript() == "Good day."
    ask("edit", made, "style", "whisper", transcript="Corrected.")
    assert transcript() == "Corrected."
    ask("edit", tone, "style", "whisper")
    assert transcript() is None
    ask("edit", tone, ["denoise", "vad"])
    assert transcript() == ""


def test_edits_afresh_are_one_request_each_of_the_sound_before(
    ask: Ask, server: ScriptedServer, tone: Path
) -> None:
    made = ask(
        "edit", tone, ["style", "paralinguistic", "speed"], ["whisper", "", "1.2"],
        text="ha [laugh]", transcript="ha", seed=3, afresh=True,
    )  # fmt: skip

    tensors = [request.tensors() for request in server.sent_to(SPEECH)]
    assert [each["TASK"].item() for each in tensors] == ["style", "paralinguistic", "speed"]
    assert [each["TASK_INFO"].item() for each in tensors] == ["whisper", "", "1.2"]
    assert [each["TRANSCRIPT"].item() for each in tensors] == ["ha", "ha", "ha [laugh]"]
    assert ["TEXT" in each for each in tensors] == [False, True, False]
    assert [each["SEED"].item() for each in tensors] == [3, 3, 3]
    assert [np.array_equal(each["AUDIO"][0], WAVEFORM) for each in tensors] == [False, True, True]
    assert made.text == "ha [laugh]"


def test_binary_outputs_are_asked_for(ask: Ask, server: ScriptedServer, tone: Path) -> None:
    ask("clone", tone, "this")

    (request,) = server.sent_to(SPEECH)
    assert [(out["name"], out["parameters"]) for out in request.header()["outputs"]] == [
        (name, {"binary_data": True})
        for name in ("WAVEFORM", "WAVEFORM_RATE", "PROMPT_TRANSCRIPT", "SEED_USED")
    ]


@pytest.mark.parametrize(
    ("method", "args", "options", "sentence"),
    [
        ("clone", ["this"], {"task": ["a", "b"], "task_info": ["c"]}, "1 entries and task 2"),
        ("clone", ["this"], {"task_info": "c"}, "1 entries and task 0"),
        ("clone", [""], {}, "text to say is empty"),
        ("clone", [" \n"], {}, "text to say is empty"),
        ("clone", [None], {}, "text to say is missing"),
        ("clone", [7], {}, "text is 7; it must be a string"),
        ("clone", ["\udcff"], {}, "cannot be written as UTF-8 at character 0"),
        ("clone", ["this"], {"seed": 1.5}, "seed is 1.5"),
        ("clone", ["this"], {"seed": True}, "seed is True"),
        ("clone", ["this"], {"seed": 2**63}, "64 bits"),
        ("edit", [[]], {}, "task is missing"),
        ("edit", [[]], {"afresh": True}, "task is missing"),
        ("edit", [None], {}, "task is missing"),
        ("edit", [["speed", 3]], {}, "task is 3; it must be a string"),
        ("edit", ["speed", ["1", "2"]], {}, "2 entries and task 1"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(
    ask: Ask,
    server: ScriptedServer,
    tone: Path,
    method: str,
    args: list[Any],
    options: dict[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        ask(method, tone, *args, **options)
    assert server.requests == []


def test_a_policy_changes_in_the_fields_that_are_given(ask: Ask, server: ScriptedServer) -> None:
    server.on("PATCH", "/residency/tts", json_answer({"residency": "hot"}))

    assert ask("set_policy", "tts", pinned=False, offload_after=0) == {"residency": "hot"}

    assert json.loads(server.requests[0].body) == {"pinned": False, "offload_after": 0}


def test_metadata_is_the_servers(ask: Ask, server: ScriptedServer) -> None:
    server.on("GET", "/v2/models/tts", json_answer({"inputs": []}))

    assert ask("metadata", "tts") == {"inputs": []}


def test_residency_is_the_servers_report(ask: Ask, server: ScriptedServer) -> None:
    report = {"models": {"tts": {"residency": "warm"}}, "gpu": None}
    server.on("GET", "/residency", json_answer(report))

    assert ask("residency") == report


@pytest.mark.parametrize("verb", ["load", "offload", "restore", "unload", "touch"])
def test_a_verb_is_posted_and_returns_the_model(
    ask: Ask, server: ScriptedServer, verb: str
) -> None:
    server.on("POST", f"/residency/tts/{verb}", json_answer({"residency": "hot"}))

    assert ask(verb, "tts") == {"residency": "hot"}


def test_a_models_name_cannot_leave_its_place_in_the_path(ask: Ask, server: ScriptedServer) -> None:
    server.on("POST", "/residency/..%2Fa%20b%3F/load", json_answer({"residency": "hot"}))

    assert ask("load", "../a b?") == {"residency": "hot"}
    with pytest.raises(InvalidInput, match="must be a name"):
        ask("load", "")


def test_the_key_travels_as_a_bearer_token(ask: Ask, server: ScriptedServer, tone: Path) -> None:
    ask("transcribe", tone, client={"api_key": "s3cret"})
    ask("transcribe", tone)

    with_key, without = server.requests
    assert with_key.headers["Authorization"] == "Bearer s3cret"
    assert "Authorization" not in without.headers


def test_a_proxy_is_not_asked_for_this_machine(
    ask: Ask, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.on("GET", "/residency", json_answer({"models": {}, "gpu": None}))

    assert ask("residency")["models"] == {}
    assert Connection("http://gpu-box:8000", None, None).httpx_options()["trust_env"]


def test_a_server_may_live_below_a_path(ask: Ask, server: ScriptedServer) -> None:
    server.on("GET", "/speech/residency", json_answer({"models": {}, "gpu": None}))

    assert ask("residency", client={"url": f"{server.url}/speech"})["models"] == {}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"url": "localhost:8000"}, "'localhost:8000'; it must look like http://127.0.0.1:8000"),
        ({"url": "ftp://host"}, "'ftp://host'"),
        ({"url": "http://"}, "'http://'"),
        ({"url": "http://host:abc"}, "'http://host:abc'"),
        ({"url": None}, "None"),
        ({"api_key": "a\nb"}, "API key"),
        ({"api_key": "ключ"}, "API key"),
        ({"timeout": 0}, "timeout is 0 s"),
        ({"timeout": -1}, "timeout is -1 s"),
    ],
)
def test_wrong_settings_of_a_client_are_refused(
    ask: Ask, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        ask("residency", client=options)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>hello</html>"),
        Answer(200, b""),
        Answer(200, b"{}"),
        Answer(200, b"[1, 2]"),
        Answer(200, b"\x00\xff" * 50, {"Inference-Header-Content-Length": "10"}),
        Answer(200, b"{}", {"Inference-Header-Content-Length": "ten"}),
        infer_answer({"OTHER": words("x")}),
        infer_answer({"WAVEFORM": np.zeros((1, 5), np.int16)}),
        infer_answer({"WAVEFORM": np.zeros((0, 5), np.float32)}),
        Answer(200, GOOD.whole()[:-200], GOOD.headers),
        speech_answer(WAVEFORM, rate=0),
    ],
)
def test_an_answer_that_makes_no_sense_is_the_servers_fault(
    ask: Ask, server: ScriptedServer, tone: Path, answer: Answer
) -> None:
    server.on("POST", SPEECH, answer)

    with pytest.raises(ServerError, match=r"^the server's answer .*[.?]$"):
        ask("clone", tone, "this")


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b"{}", b'{"models": 3}', b"\xff\xfe\xfd"])
def test_a_residency_that_makes_no_sense_is_the_servers_fault(
    ask: Ask, server: ScriptedServer, body: bytes
) -> None:
    server.on("GET", "/residency", Answer(200, body))

    with pytest.raises(ServerError, match="Greenroom server"):
        ask("residency")


def test_both_clients_offer_the_same() -> None:
    def offer(client: type) -> dict[str, list[inspect.Parameter]]:
        members = inspect.getmembers(client, inspect.isfunction)
        return {
            name.removeprefix("a") if name == "aclose" else name: list(
                inspect.signature(member).parameters.values()
            )
            for name, member in members
            if not name.startswith("_") or name == "__init__"
        }

    assert offer(Client) == offer(AsyncClient)
