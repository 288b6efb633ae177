"""Bad input to the speech models: an answer that names the field, the value and the rule."""

import numpy as np
import pytest
from speech_requests import over_grpc, over_http, tone
from tritonclient.utils import InferenceServerException

from greenroom.settings import PROJECT

GOOD = {"AUDIO": tone(2.0), "SAMPLE_RATE": 16000, "TRANSCRIPT": "Hello there.", "TEXT": "Good day."}
LONG = "word " * 200_000

SETTINGS = {
    "model_repository": PROJECT / "model_repository",
    "ensemble_repository": PROJECT / "ensemble",
}
CASES = {
    "empty audio": ({"AUDIO": np.zeros((1, 0), np.float32)}, ["AUDIO"]),
    "0.05 s": ({"AUDIO": tone(0.05)}, ["AUDIO", "0.05", "0.3"]),
    "10 minutes": ({"AUDIO": np.tile(tone(1.0), 600)}, ["AUDIO", "600", "at most"]),
    "NaN": ({"AUDIO": np.full((1, 16000), np.nan, np.float32)}, ["AUDIO", "finite"]),
    "silence": ({"AUDIO": np.zeros((1, 32000), np.float32)}, ["AUDIO"]),
    "wrong dtype": ({"AUDIO": np.zeros((1, 16000), np.float64)}, ["AUDIO", "FP64", "FP32"]),
    "wrong shape": ({"AUDIO": tone(2.0)[None]}, ["AUDIO", "shape"]),
    "no batch dimension": ({"AUDIO": tone(2.0)[0]}, ["batch"]),
    "sample rate 0": ({"SAMPLE_RATE": 0}, ["SAMPLE_RATE", "0", "8000"]),
    "no audio": ({"AUDIO": None}, ["AUDIO"]),
    "1 MB of text": ({"TEXT": LONG}, ["TEXT", "2000"]),
    "empty text": ({"TEXT": ""}, ["TEXT"]),
    "blank text": ({"TEXT": " \n"}, ["TEXT"]),
    "no text": ({"TEXT": None}, ["TEXT"]),
    "unknown task": ({"TASK": "juggle", "TASK_INFO": "x"}, ["TASK", "juggle", "clone"]),
    "style": ({"TASK": "style", "TASK_INFO": "gentle"}, ["TASK", "gentle", "embedded"]),
    "paralinguistic": ({"TASK": "paralinguistic", "TASK_INFO": ""}, ["TASK", "embedded"]),
    "lengths differ": ({"TASK": ["speed", "vad"], "TASK_INFO": "faster"}, ["TASK_INFO", "2", "1"]),
    "unknown language": ({"LANGUAGE": "klingon"}, ["LANGUAGE", "klingon"]),
    "Chinese without transcript": (
        {"AUDIO_LANGUAGE": "zh", "TRANSCRIPT": None},
        ["AUDIO_LANGUAGE", "zh", "TRANSCRIPT"],
    ),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_bad_input_is_named_and_the_server_goes_on(serving, protocol):
    client, tensors = (serving.http, over_http) if protocol == "http" else (serving.grpc, over_grpc)
    wrong = []
    for case, (changed, words) in CASES.items():
        given = {name: value for name, value in (GOOD | changed).items() if value is not None}
        try:
            await client.infer("speech", tensors(**given))
        except InferenceServerException as error:
            code, said = error.status(), error.message()
            if code not in ("400", "StatusCode.INVALID_ARGUMENT"):
                wrong.append(f"{case}: {code} {said}")
            elif not all(word in said for word in words) or "Traceback" in said or "At:" in said:
                wrong.append(f"{case}: {said}")
        else:
            wrong.append(f"{case}: was answered")
    assert not wrong, "\n".join(wrong)
    assert serving.count("Triton is gone") == 0
    result = await client.infer("speech", tensors(**GOOD))
    assert result.as_numpy("WAVEFORM").shape[1] > 12000
