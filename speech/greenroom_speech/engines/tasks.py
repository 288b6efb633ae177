"""What a request to tts asks for: steps that run one after another."""

from dataclasses import dataclass

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.engines.audio_input import recording
from greenroom_speech.engines.text_input import bounded, word, words
from greenroom_speech.settings import EngineSettings

CLONE = "clone"
TASKS = (CLONE, "emotion", "style", "speed", "paralinguistic", "denoise", "vad")


@dataclass(frozen=True)
class TaskStep:
    """One task and its ``TASK_INFO``, both stripped and in lower case."""

    task: str
    info: str


@dataclass(frozen=True)
class Order:
    """All that a request wants done."""

    text: str | None
    """What to say; None: the words of the recording stay."""
    language: str | None
    steps: tuple[TaskStep, ...]
    voice: str | None = None
    """One of the engine's own; None: that of the reference."""


def order_of(request: Tensors, settings: EngineSettings, own_voices: bool = False) -> Order:
    """Read TEXT, LANGUAGE, VOICE, TASK and TASK_INFO; InvalidInput where they do not fit together.

    Without TASK the task is ``clone``. A clone comes first and needs TEXT. ``own_voices`` says
    that the engine has voices of its own, which a VOICE names.
    """
    voice = word(request, "VOICE")
    if voice is not None and not own_voices:
        raise InvalidInput(
            f"VOICE is {voice[:40]!r}; this engine has no built-in voices, so leave it out and "
            "give a reference."
        )
    text = word(request, "TEXT")
    if text is not None:
        _check_text(text, settings)
    steps = _steps(request)
    if any(step.task == CLONE for step in steps[1:]):
        raise InvalidInput("TASK has 'clone' after another task; it must be the first.")
    if steps[0].task == CLONE and text is None:
        raise InvalidInput("TEXT is missing; the task 'clone' needs what to say.")
    if steps[0].task == CLONE and {"AUDIO", "SAMPLE_RATE"} <= request.keys():
        recording(request, settings)
    if voice is not None and steps[0].task != CLONE:
        raise InvalidInput(
            f"VOICE is given but TASK begins with {steps[0].task!r}, which edits a recording; put "
            "'clone' first or leave VOICE out."
        )
    return Order(text, word(request, "LANGUAGE"), steps, voice)


def _steps(request: Tensors) -> tuple[TaskStep, ...]:
    tasks = words(request, "TASK")
    if tasks is None:
        tasks = [CLONE]
    infos = words(request, "TASK_INFO")
    if infos is None:
        infos = [""] * len(tasks)
    if not tasks:
        raise InvalidInput("TASK is empty; it must name at least one task.")
    if len(infos) != len(tasks):
        raise InvalidInput(
            f"TASK_INFO has {len(infos)} values and TASK has {len(tasks)}; they must be the same "
            f"number."
        )
    return tuple(
        TaskStep(_task(task), info.strip().lower()) for task, info in zip(tasks, infos, strict=True)
    )


def _task(name: str) -> str:
    task = name.strip().lower()
    if task not in TASKS:
        raise InvalidInput(f"TASK is {name[:40]!r}; it must be one of {', '.join(TASKS)}.")
    return task


def _check_text(text: str, settings: EngineSettings) -> None:
    bounded("TEXT", text, settings)
    if not text.strip():
        raise InvalidInput(f"TEXT is {text[:20]!r}; it must contain at least one word.")
