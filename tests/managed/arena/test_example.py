"""The example of the README: a transformers model made managed, through a real Triton."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc

pytestmark = pytest.mark.long

EXAMPLES = Path(__file__).parents[3] / "examples"
TEXT = "Good evening, and welcome to the show."


@pytest.fixture
def repository(tmp_path):
    """Return a copy of the example's repository with a tiny checkpoint."""
    copied = tmp_path / "models"
    shutil.copytree(EXAMPLES / "models", copied, ignore=shutil.ignore_patterns("checkpoint"))
    spec = importlib.util.spec_from_file_location("tiny", EXAMPLES / "tiny_checkpoint.py")
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    tiny.write(copied / "writer" / "1" / "checkpoint")
    return copied


def continued(checkpoint, text):
    """Return what transformers says by itself."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(checkpoint, local_files_only=True)
    given = tokenizer(text, return_tensors="pt")
    tokens = model.generate(**given, do_sample=False, max_new_tokens=24)
    return tokenizer.decode(tokens[0, given["input_ids"].shape[1] :], skip_special_tokens=True)


async def test_it_answers_the_same_cold_hot_and_warm(start, repository):
    running = await start(
        model_repository=repository, policy={"writer": {"offload_after": -1, "unload_after": -1}}
    )

    async def ask():
        tensor = triton_grpc.InferInput("TEXT", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[TEXT.encode()]], dtype=object))
        answer = await running.grpc.infer("writer", [tensor])
        return answer.as_numpy("CONTINUATION").item().decode()

    assert (await running.residency("writer"))["residency"] == "cold"
    answers = [await ask(), await ask()]
    shown = await running.residency("writer")
    assert shown["residency"] == "hot"
    assert 0 < shown["host_bytes"] == shown["device_bytes"]
    assert (await running.act("writer", "offload")).json()["device_bytes"] == 0
    answers.append(await ask())
    assert set(answers) == {continued(repository / "writer" / "1" / "checkpoint", TEXT)}
