"""Models that work in steps, and ensembles with one, asked through the gateway.

``census`` says a text ``twice``, has its words counted by ``counter``, and by ``tally`` those of
each sentence.
"""

import asyncio
import json

import numpy as np
import pytest
import pytest_asyncio
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException
from walked_service import is_final, streamed, texts, until_rows, walked_service

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TEXT = "One two. Three four five."
COUNTS = {"tally": [2, 3], "census": [2, 3, 2, 3]}
LONG = "word " * 200_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory):
    async with walked_service(tmp_path_factory.mktemp("walked")) as running:
        await running.act("census", "load")
        yield running


def by_name(response):
    tensors = zip(response.outputs, response.raw_output_contents, strict=True)
    return {one.name: (one.datatype, list(one.shape), raw) for one, raw in tensors}


async def collected(answers):
    """Return each piece's WORDS and TOTAL, and whether it says that it is the last."""
    pieces = []
    async for answer, error in answers:
        if error is not None:
            raise error
        final = is_final(answer)
        total = answer.as_numpy("TOTAL")
        pieces.append((answer.as_numpy("WORDS")[0].tolist(), total and total.item(), final))
        if final:
            break
    return pieces


@pytest.mark.parametrize("model", ["tally", "census"])
async def test_a_walk_gives_the_same_bits_as_triton(running, model):
    ours = (await running.grpc.infer(model, texts(TEXT))).get_response()
    tritons = (await running.direct_grpc.infer(model, texts(TEXT))).get_response()
    assert ours.raw_output_contents
    assert by_name(ours) == by_name(tritons)
    assert (ours.model_name, ours.model_version) == (tritons.model_name, tritons.model_version)


async def test_only_the_outputs_that_are_asked_for_are_given(running):
    for wanted in (["TOTAL"], ["WORDS"], ["WORDS", "TOTAL"]):
        outputs = [triton_grpc.InferRequestedOutput(name) for name in wanted]
        answer = await running.grpc.infer("census", texts(TEXT), outputs=outputs, request_id="7")
        response = answer.get_response()
        assert ([one.name for one in response.outputs], response.id) == (wanted, "7")


@pytest.mark.parametrize("model", ["tally", "census"])
async def test_a_stream_is_one_response_for_each_piece(running, model):
    pieces = await collected(streamed(running, model, texts(TEXT)))
    assert [words for words, _, _ in pieces] == [[count] for count in COUNTS[model]]
    assert [final for _, _, final in pieces] == [False] * (len(pieces) - 1) + [True]
    totals = [total for _, total, _ in pieces]
    assert totals == ([10 if model == "census" else None] + [None] * (len(pieces) - 1))


async def test_without_the_parameter_a_stream_has_one_response(running):
    answers = streamed(running, "census", texts(TEXT), stream=False)
    assert await collected(answers) == [(COUNTS["census"], 10, True)]


@pytest.mark.parametrize(
    ("model", "inputs", "said"),
    [
        ("census", texts(TEXT, "TXT"), "Input 'TXT' is given; model 'census' has no such input"),
        ("census", [], "expected"),
        ("tally", [], r"inputs is empty; model 'tally' needs some of TEXT\."),
        ("tally", texts(TEXT, "TXT"), "Input 'TXT' is given; model 'tally' has no such input"),
    ],
)
async def test_what_cannot_be_walked_is_refused(running, model, inputs, said):
    with pytest.raises(InferenceServerException, match=said):
        await running.grpc.infer(model, inputs)


async def test_a_client_that_leaves_frees_its_row(running):
    whole = asyncio.create_task(running.grpc.infer("census", texts(LONG)))
    answers = streamed(running, "tally", texts(LONG))
    waiting = asyncio.create_task(anext(aiter(answers)))
    await until_rows(running, 2)
    whole.cancel()
    await until_rows(running, 1)
    answers.cancel()
    await until_rows(running, 0)
    await asyncio.gather(whole, waiting, return_exceptions=True)
    await running.until("tally", leases=0)
    # Triton never unloads a model two of whose requests have been cancelled like this.
    assert (await running.act("tally", "unload")).json()["residency"] == "cold"
    assert not running.count("takes more than 60 s")
    await running.act("census", "load")


INFER = {"inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": [TEXT]}]}


async def test_http_gives_the_same_numbers_in_json_and_in_bytes(running):
    tensor = triton_http.InferInput("TEXT", [1, 1], "BYTES")
    for binary in (True, False):
        tensor.set_data_from_numpy(np.array([[TEXT.encode()]], object), binary_data=binary)
        outputs = [
            triton_http.InferRequestedOutput("WORDS", binary_data=not binary),
            triton_http.InferRequestedOutput("TOTAL", binary_data=True),
        ]
        for wanted in (None, outputs):
            answer = await running.http.infer("census", [tensor], outputs=wanted, request_id="7")
            assert answer.as_numpy("WORDS").tolist() == [COUNTS["census"]]
            assert answer.as_numpy("TOTAL").tolist() == [[10]]
            assert answer.get_response()["id"] == "7"
    plain = (await running.web.post("/v2/models/census/infer", json=INFER)).json()
    described = {"datatype": "INT32", "shape": [1, 4]}
    assert plain["outputs"][0] == {"name": "WORDS", **described, "data": [2, 3, 2, 3]}
    assert (plain["model_name"], plain["model_version"]) == ("census", "1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data": [5]}, "data of BYTES must be strings"),
        ({"data": [True]}, "data of BYTES must be strings"),
        ({"name": 5}, "a wrong type"),
        ({"datatype": "INT32", "data": [1.5]}, "not INT32"),
        ({"datatype": "FP16", "data": [1.5]}, "FP16 cannot be sent as JSON"),
        ({"datatype": "INT32", "data": [1]}, "TEXT"),
    ],
)
async def test_http_requests_that_cannot_be_are_bad_requests(running, changed, said):
    asked = {"inputs": [{**INFER["inputs"][0], **changed}]}
    answer = await running.web.post("/v2/models/tally/infer", json=asked)
    assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text


@pytest.mark.parametrize("model", ["tally", "census"])
async def test_generate_answers_once_and_generate_stream_with_an_event_for_each_piece(
    running, model
):
    path, named = f"/v2/models/{model}/generate", {"model_name": model, "model_version": "1"}
    total = {"TOTAL": 10} if model == "census" else {}
    answer = await running.web.post(path, json={"TEXT": TEXT, "id": "7"})
    assert answer.json() == {"WORDS": COUNTS[model], **total, "id": "7", **named}
    events = await running.web.post(f"{path}_stream", json={"TEXT": [TEXT]})
    assert events.headers["content-type"] == "text/event-stream; charset=utf-8"
    shown = [json.loads(line[6:]) for line in events.text.split("\n\n") if line]
    assert [one["WORDS"] for one in shown] == COUNTS[model]
    assert shown[0] == {"WORDS": 2, **total, **named}
    for wrong in ({"TEXT": 5}, {"TEXT": TEXT, "more": {}}, {"TXT": 5}):
        refused = await running.web.post(f"{path}_stream", json=wrong)
        assert (refused.status_code, "error" in refused.json()) == (400, True)


@pytest.mark.parametrize("call", ["infer", "generate", "generate_stream"])
async def test_a_client_that_leaves_over_http_frees_its_row(running, call):
    asked = {"TEXT": LONG}
    if call == "infer":
        asked = {"inputs": [{**INFER["inputs"][0], "data": [LONG]}]}
    client = asyncio.create_task(running.web.post(f"/v2/models/census/{call}", json=asked))
    await until_rows(running, 1)
    client.cancel()
    await until_rows(running, 0)
    await running.until("tally", leases=0)


async def test_what_is_between_greenroom_and_a_model_is_not_shown(running):
    """Hot and cold alike, so that clients do not take the model for one of sequences."""
    hot = await described(running, "tally")
    await running.act("tally", "unload")
    cold = await described(running, "tally")
    await running.act("census", "load")
    assert hot[:2] == cold[:2]
    for metadata, http_metadata, config, http_config in (hot, cold):
        for one in (metadata, http_metadata):
            assert [tensor["name"] for tensor in one["inputs"] + one["outputs"]] == [
                "TEXT",
                "WORDS",
            ]
        for one in (config["config"], http_config):
            assert [tensor["name"] for tensor in one["input"] + one["output"]] == ["TEXT", "WORDS"]
            assert "sequence_batching" not in one
            assert "streams" in one["parameters"]


async def described(running, model):
    return (
        await running.grpc.get_model_metadata(model, as_json=True),
        await running.http.get_model_metadata(model),
        await running.grpc.get_model_config(model, as_json=True),
        await running.http.get_model_config(model),
    )


async def test_statistics_count_what_triton_was_not_asked_for(running):
    """perf_analyzer refuses an ensemble whose queue has counted nothing."""

    async def told():
        (grpc,) = (await running.grpc.get_inference_statistics("census")).model_stats
        for path in ("/v2/models/census/stats", "/v2/models/stats"):
            every = (await running.web.get(path)).json()["model_stats"]
            (http,) = [one for one in every if one["name"] == "census"]
            assert http["inference_count"] == http["execution_count"] == grpc.inference_count
            assert http["last_inference"] == grpc.last_inference
            for name, shown in http["inference_stats"].items():
                ended = getattr(grpc.inference_stats, name)
                assert (shown["count"], shown["ns"]) == (ended.count, ended.ns), name
        stats = grpc.inference_stats
        return grpc.inference_count, stats.queue.count, stats.success.count, stats.fail.count

    await running.grpc.infer("census", texts(TEXT))
    before = await told()
    await running.grpc.infer("census", texts(TEXT))
    await collected(streamed(running, "census", texts(TEXT)))
    (broken,) = texts("")
    broken.set_data_from_numpy(np.array([[b"\xff"]], object))
    with pytest.raises(InferenceServerException, match="decode"):
        await running.grpc.infer("census", [broken])
    after = await told()
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 2, 2, 1]
