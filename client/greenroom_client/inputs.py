"""A caller's arguments as the input tensors of the models, without the batch dimension."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from greenroom_client.audio import Audio, read_audio
from greenroom_client.errors import InvalidInput

Tensors: TypeAlias = dict[str, npt.NDArray[Any]]
OneOrMore: TypeAlias = str | Sequence[str]


def audio_inputs(audio: Audio) -> Tensors:
    """AUDIO [n] and SAMPLE_RATE [1]."""
    samples, rate = read_audio(audio)
    return {"AUDIO": samples, "SAMPLE_RATE": np.array([rate], np.int32)}


def word_inputs(**words: str | None) -> Tensors:
    """One string input [1] for each argument that is not None, by its upper-case name."""
    return {
        name.upper(): np.array([_text(name, word)], np.object_)
        for name, word in words.items()
        if word is not None
    }


def task_inputs(task: OneOrMore | None, info: OneOrMore | None) -> Tensors:
    """TASK [k] and TASK_INFO [k]; tasks without an info have an empty one."""
    tasks = _list("task", task)
    infos = _list("task_info", info)
    if infos and len(infos) != len(tasks):
        raise InvalidInput(
            f"task_info has {len(infos)} entries and task {len(tasks)}; each task needs one, "
            f"empty if it takes none."
        )
    return _tasks(tasks, infos or [""] * len(tasks)) if tasks else {}


def task_inputs_of_clone(task: OneOrMore | None, info: OneOrMore | None) -> Tensors:
    """TASK and TASK_INFO of a clone with further tasks: the clone itself comes first."""
    inputs = task_inputs(task, info)
    if not inputs or inputs["TASK"][0] == "clone":
        return inputs
    return _tasks(["clone", *inputs["TASK"]], ["", *inputs["TASK_INFO"]])


def seed_input(seed: int | None) -> Tensors:
    """SEED [1]."""
    if seed is None:
        return {}
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise InvalidInput(f"the seed is {seed!r}; it must be a whole number.")
    if not -(2**63) <= seed < 2**63:
        raise InvalidInput(f"the seed is {seed}; it must fit into 64 bits with its sign.")
    return {"SEED": np.array([seed], np.int64)}


def _tasks(tasks: list[str], infos: list[str]) -> Tensors:
    return {"TASK": np.array(tasks, np.object_), "TASK_INFO": np.array(infos, np.object_)}


def _list(name: str, words: OneOrMore | None) -> list[str]:
    if words is None:
        return []
    return [_text(name, word) for word in ([words] if isinstance(words, str) else words)]


def _text(name: str, word: object) -> str:
    if not isinstance(word, str):
        raise InvalidInput(f"{name} is {word!r}; it must be a string.")
    try:
        word.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{name} cannot be written as UTF-8 at character {error.start}."
        ) from None
    return word
