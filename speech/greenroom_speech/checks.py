"""What the doctor looks at for speech: synthesizers, engines, and folders of checkpoints."""

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from greenroom.plugin import CheckResult, ModelSpec, Repository, Settings, SetupError
from greenroom_speech.checkpoints.examine import EngineFiles, ExaminedFile, examine
from greenroom_speech.engines.chosen import Chosen, check_fit, chosen
from greenroom_speech.settings import EngineSettings

MODELS = ("asr", "tokenizer", "tts")
NEURAL = "pip install 'greenroom-speech[neural]'"


def machine(settings: Settings) -> Iterable[CheckResult]:
    """Look at what speech needs on this machine."""
    yield synthesis()
    yield from engines(Repository(*settings.repositories).models)


def checkpoints(folder: Path, hashes: bool) -> Mapping[str, Sequence[CheckResult]]:
    """Look at the released files in a folder, and which engines could run with them."""
    file, engines = examine(folder, EngineSettings().whisper_model, hashes)
    return {
        f"file below {folder}": [_file(one) for one in file],
        "engine": [_engine(one, folder) for one in engines],
    }


def synthesis(
    load: Callable[[str], object] = ctypes.CDLL, package: Callable[[str], object] = find_spec
) -> CheckResult:
    """Flite for English, espeak-ng for all other languages."""
    espeak = package("espeakng_loader") is not None
    try:
        load("libflite.so.1")
    except OSError:
        if espeak:
            return CheckResult.warn(
                "speech synthesis",
                "espeak-ng only; English is less clear than with Flite",
                "apt install libflite1",
            )
        return CheckResult.fail(
            "speech synthesis",
            "neither Flite nor espeak-ng",
            "pip install 'greenroom-speech[embedded]'; apt install libflite1",
        )
    if espeak:
        return CheckResult.ok(
            "speech synthesis", "Flite for English, espeak-ng for other languages"
        )
    return CheckResult.warn(
        "speech synthesis",
        "Flite only, which speaks English",
        "pip install 'greenroom-speech[embedded]'",
    )


def engines(models: Mapping[str, ModelSpec]) -> Iterable[CheckResult]:
    """Which engine each model of speech would run, why, and whether they fit together."""
    names: dict[str, str] = {}
    for model in (name for name in MODELS if name in models):
        try:
            found = chosen(model, models[model].parameters)
        except SetupError as error:
            yield CheckResult.fail(f"engine of {model}", str(error))
            continue
        names[model] = found.engine
        yield _chosen(model, found)
    if {"tokenizer", "tts"} <= names.keys():
        try:
            check_fit(names["tokenizer"], names["tts"])
        except SetupError as error:
            yield CheckResult.fail("engines together", str(error))


def _chosen(model: str, found: Chosen) -> CheckResult:
    name = f"engine of {model}"
    if found.lacks:
        lacks = f"{found.engine}, which lacks {', '.join(found.lacks)}"
        return CheckResult.fail(name, lacks, NEURAL)
    if found.engine != found.better and found.better_lacks:
        why = f"{found.engine}; {found.better} lacks {', '.join(found.better_lacks)}"
        return CheckResult.warn(name, why, NEURAL)
    why = "its packages are installed" if found.engine == found.better else "as it was set"
    return CheckResult.ok(name, f"{found.engine}: {why}")


def _file(file: ExaminedFile) -> CheckResult:
    return (CheckResult.ok if file.right else CheckResult.fail)(file.location, file.found)


def _engine(engine: EngineFiles, models: Path) -> CheckResult:
    name = f"{engine.model}: {engine.engine}"
    if not engine.lacks:
        return CheckResult.ok(name, "can run")
    return CheckResult.fail(
        name,
        f"cannot run: {len(engine.lacks)} of its files missing or wrong",
        f"greenroom pull {engine.pull} --models {models}" if engine.pull else "",
    )
