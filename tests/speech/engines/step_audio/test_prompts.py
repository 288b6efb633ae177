"""The prompts, word for word and id for id."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity_fixtures import parity_json

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.instructions import EMOTIONS, SPEEDS, STYLES, instruction
from greenroom_speech.engines.step_audio.prompts import (
    PromptText,
    audio_pieces,
    clone,
    edit,
    ids_of,
    layout_a,
    layout_b,
    speaker_name,
)
from greenroom_speech.engines.step_audio.spoken_text import spoken_text
from greenroom_speech.engines.step_audio.text_tokenizer import Marks, TextTokenizer
from greenroom_speech.engines.tasks import TaskStep

PROMPTS = parity_json("prompts")
JOBS = PROMPTS["jobs"]
NAMES = [f"{job['edit_type']}-{job['edit_info']}" for job in JOBS]
CODES = [int(code) for code in re.findall(r"\d+", PROMPTS["audio_token_str"])]
RELEASED = os.environ.get("GREENROOM_TOKENIZER_MODEL")


@pytest.fixture(params=JOBS, ids=NAMES)
def job(request: pytest.FixtureRequest) -> Any:
    return request.param


def conversation(job: Any, **speaker: str) -> PromptText:
    texts = PROMPTS["texts"]
    if job["edit_type"] == "clone":
        return clone(texts["src"], CODES, texts["tgt"], **speaker)
    return edit(asked(job), CODES)


def asked(job: Any) -> str:
    texts, step = PROMPTS["texts"], TaskStep(job["edit_type"], job["edit_info"] or "")
    return instruction(step, texts["src"], texts["para"] if step.task == "paralinguistic" else None)


def dummy(text: str) -> list[int]:
    """The fixtures' stand-in for a tokenizer."""
    parts = re.findall(r"<audio_(\d+)>|(.)", text, re.DOTALL)
    return [65536 + int(code) if code else 100000 + ord(char) for code, char in parts]


def test_instruction(job: Any) -> None:
    if job["edit_type"] != "clone":
        assert asked(job) == job["instruction"]


def test_layout_b(job: Any) -> None:
    said = conversation(job)
    assert [said.system, said.user] == [part["content"] for part in job["layout_B_messages"]]
    assert layout_b(said) == job["layout_B_text"]


def test_layout_a_with_any_tokenizer(job: Any) -> None:
    said = conversation(job, speaker=PROMPTS["clone_voice_id"])
    assert layout_a(said, dummy, Marks()) == job["dummy_ids"]


@pytest.fixture(scope="module")
def released() -> TextTokenizer:
    if not RELEASED:
        pytest.skip("GREENROOM_TOKENIZER_MODEL names no released tokenizer.model")
    return TextTokenizer.read(Path(RELEASED))


def test_ids_of_the_released_tokenizer(job: Any, released: TextTokenizer) -> None:
    assert ids_of(conversation(job), "B", released) == job["layout_B_ids_chat_template"]
    said = conversation(job, speaker=PROMPTS["clone_voice_id"])
    assert ids_of(said, "A", released) == job["layout_A_ids_real_tokenizer_with_hf_bos"]
    plain = layout_a(said, released.encode, released.marks)
    assert plain == job["layout_A_ids_real_tokenizer_no_bos"]


def test_probes_of_the_released_tokenizer(released: TextTokenizer) -> None:
    for probe in PROMPTS["tokenizer_probe"]:
        assert released.encode(probe["text"]) == probe["ids_no_special"]


def test_the_recording_as_text() -> None:
    for case in parity_json("interleave")["cases"]:
        codes = [number - 65536 for number in case["interleaved_ids"]]
        assert audio_pieces(codes) == case["token_str"]


def test_known_infos_are_the_released_ones() -> None:
    supported = PROMPTS["supported"]
    assert {*EMOTIONS, "remove"} == set(supported["emotion"])
    assert {*STYLES, "remove"} == set(supported["style"])
    assert list(SPEEDS) == supported["speed"]


def test_a_speaker_is_named_by_both_ends_of_the_recording() -> None:
    samples = np.arange(5000, dtype=np.float32) / 5000
    other = samples.copy()
    other[2500] = 1
    assert speaker_name("a", samples) == speaker_name("a", other)
    assert speaker_name("a", samples) != speaker_name("b", samples)
    assert speaker_name("a", samples[:2000]) != speaker_name("a", other[1:2000])
    assert re.fullmatch(r"clone_[0-9a-f]{16}", speaker_name("a", samples))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: instruction(TaskStep("emotion", "bored"), ""),
            "TASK_INFO .* 'bored'; .*one of happy",
        ),
        (
            lambda: instruction(TaskStep("speed", "remove"), ""),
            "'remove'; it must be one of faster",
        ),
        (lambda: instruction(TaskStep("style", ""), ""), "TASK_INFO .*'style' is ''"),
        (
            lambda: instruction(TaskStep("denoise", "much"), ""),
            "'denoise' is 'much'; it must be empty",
        ),
        (lambda: instruction(TaskStep("paralinguistic", ""), ""), "TEXT is missing"),
        (lambda: instruction(TaskStep("paralinguistic", ""), "", "hm"), "TEXT contains no sound"),
        (lambda: spoken_text("hallo", "de"), "LANGUAGE is 'de'; it must be one of en, zh"),
        (lambda: spoken_text("[Korean] a", "ja"), r"begins with '\[Korean\]' and LANGUAGE is 'ja'"),
    ],
)
def test_what_the_model_does_not_know_is_refused(ask: Callable[[], str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ask()


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("hello", None, "hello"),
        ("hello", "English", "hello"),
        ("你好", "zh", "你好"),
        ("你好", "yue", "[Cantonese]你好"),
        ("今天去耍哈。", "Sichuanese", "[Sichuanese]今天去耍哈。"),
        ("こんにちは", None, "[Japanese]こんにちは"),
        ("안녕하세요", "ko_KR", "[Korean]안녕하세요"),
        ("[Korean]안녕하세요", None, "[Korean]안녕하세요"),
        ("[Korean]안녕하세요", "ko", "[Korean]안녕하세요"),
    ],
)
def test_the_language_stands_in_front(text: str, language: str | None, said: str) -> None:
    assert spoken_text(text, language) == said
