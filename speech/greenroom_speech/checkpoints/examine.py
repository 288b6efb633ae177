"""What a folder of checkpoints has and lacks, and which engines that is enough for."""

from dataclasses import dataclass
from pathlib import Path

from greenroom_speech.checkpoints.digest import Digest, sha256
from greenroom_speech.checkpoints.file_form import fault_of_form
from greenroom_speech.checkpoints.manifest import Manifest
from greenroom_speech.checkpoints.releases import (
    EDITX,
    EDITX_AWQ,
    EDITX_BESIDE,
    SPEAKER_FILE,
    TOKENIZER,
    ReleasedFile,
    whisper,
)


@dataclass(frozen=True)
class ExaminedFile:
    """One file that an engine reads, and what was found of it."""

    location: str
    """Below the folder of all models."""
    right: bool
    """Nothing is wrong in what was looked at."""
    found: str
    """What is wrong; else its size and what was looked at."""


@dataclass(frozen=True)
class EngineFiles:
    """What one model's production engine lacks."""

    model: str
    engine: str
    pull: str | None
    """Arguments of the ``greenroom pull`` that fetches its files; None: nobody publishes them."""
    lacks: tuple[str, ...]
    """Locations of the files that are missing or wrong."""


def examine(
    folder: Path, whisper_model: str, hashes: bool
) -> tuple[list[ExaminedFile], list[EngineFiles]]:
    """Look at every file that the production engines read; with hashes, read all of each.

    Expected are sizes and hashes of the last pull into the folder, else those of the table
    of released files.
    """
    manifest, speech = Manifest(folder), whisper(whisper_model)
    packed = [EDITX_AWQ] if (folder / EDITX_AWQ.folder).is_dir() else []
    held = {
        (location := release.location(file)): _look(folder, location, file, manifest, hashes)
        for release in (speech, TOKENIZER, EDITX, *packed)
        for file in release.files
    }

    def engine(model: str, name: str, pull: str | None, files: list[str]) -> EngineFiles:
        return EngineFiles(model, name, pull, tuple(one for one in files if not held[one].right))

    speaker = EDITX.location(SPEAKER_FILE)
    voice = [location for location in EDITX.locations() if location != speaker]
    beside = [location for location in EDITX_BESIDE.locations() if location != speaker]
    pull = f"whisper --whisper-model {whisper_model}" if speech.urls else None
    return list(held.values()), [
        engine("asr", "whisper", pull, speech.locations()),
        engine("tokenizer", "step-audio", "step-audio", [*TOKENIZER.locations(), speaker]),
        engine("tts", "step-audio-editx", "step-audio", voice),
        *(
            engine("tts", "step-audio-editx in int4", "step-audio-awq", one.locations() + beside)
            for one in packed
        ),
    ]


def _look(
    folder: Path, location: str, file: ReleasedFile, manifest: Manifest, hashes: bool
) -> ExaminedFile:
    path, pulled = folder / location, manifest.get(location)
    size = pulled.bytes if pulled else file.bytes
    digest = pulled.verified() if pulled else sha256(file.sha256) if file.sha256 else None
    try:
        found = path.stat().st_size
        fault = _fault(path, found, size, digest if hashes else None)
    except FileNotFoundError:
        return ExaminedFile(location, False, "missing")
    except OSError as error:
        return ExaminedFile(location, False, f"unreadable: {error.strerror}")
    if fault:
        return ExaminedFile(location, False, fault)
    checked = "size" if size is not None else "size not published"
    if hashes:
        checked += ", hash" if digest else ", hash not published"
    return ExaminedFile(location, True, f"{found} bytes ({checked})")


def _fault(path: Path, found: int, size: int | None, digest: Digest | None) -> str | None:
    if not path.is_file():
        return "is not a file"
    if size is not None and found != size:
        return f"has {found} bytes; it must have {size}"
    if fault := fault_of_form(path):
        return fault
    if digest and not digest.matches(path):
        return f"does not have the {digest.kind} hash {digest.value}"
    return None
