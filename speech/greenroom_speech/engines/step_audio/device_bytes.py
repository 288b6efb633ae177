"""What the engine will hold on the device, counted from its files before it is loaded.

Without torch: the controller asks, to know whether there is room.
"""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from greenroom_speech.checkpoints.safetensors_header import read_header
from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements
from greenroom_speech.engines.step_audio.language_model.config import read_config
from greenroom_speech.engines.step_audio.vocoder.vocoder_yaml import vocoder_sizes
from greenroom_speech.engines.step_audio.weights import VoiceFiles
from greenroom_speech.settings import EngineSettings

LONGEST_REQUESTS = 4
"""Requests of the greatest length whose keys and values have room at once; of shorter ones more."""
PAIRS_PER_SECOND = 25
_PACKED = "_proj.weight"
"""What the names of the layers' matrices end with."""


def device_bytes(precision: str) -> int:
    """Weights, the scratch of packed ones, keys and values, and the place of one stream.

    What is there, at the least, when the model is hot; without what it computes with. Raises
    OSError, ValueError or SetupError where the files do not say it.
    """
    settings = EngineSettings()
    precision = precision or settings.tts_precision
    files = VoiceFiles(settings.models, precision)
    width = 4 if precision == "float32" else 2
    buffer = buffer_elements(read_config(files.config), LONGEST_REQUESTS) * width
    pairs = round(settings.tts_prompt_seconds * PAIRS_PER_SECOND)
    stream = prod(vocoder_sizes(files.sizes).flow.memory_shape(pairs)) * 4
    vocoder = files.flow.stat().st_size + files.hift.stat().st_size
    return language_model_bytes(files.language_model, precision) + buffer + stream + vocoder


def language_model_bytes(file: Path, precision: str) -> int:
    """Of its weights as they lie in the arena, and of the scratch for packed ones."""
    width, total, largest = 4 if precision == "float32" else 2, 0, 0
    for name, shape in _shapes(file):
        elements = prod(shape)
        if name.endswith("weight_packed"):
            total += elements * 4
            largest = max(largest, elements * 8)
        elif name.endswith("weight_scale"):
            total += elements * 4  # scale and zero
        elif name.endswith(("weight_shape", "weight_zero_point")):
            continue
        elif precision == "int8" and name.endswith(_PACKED):
            total += elements + shape[0] * 2
            largest = max(largest, elements)
        else:
            total += elements * width
    return total + largest * 2


def _shapes(file: Path) -> Iterator[tuple[str, list[int]]]:
    """Of a safetensors file, or of all that lie beside an index."""
    paths = file.parent.glob("*.safetensors") if file.suffix == ".json" else [file]
    for path in paths:
        entries: Mapping[str, Any] = read_header(path)[1]
        yield from ((name, entry["shape"]) for name, entry in entries.items())
