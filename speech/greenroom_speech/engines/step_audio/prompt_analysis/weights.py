"""The released files that the analysis of a prompt reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from greenroom.errors import SetupError
from greenroom.managed.arena import torch_file

FOLDER = Path("Step-Audio-Tokenizer")
PARAFORMER = FOLDER / (
    "dengcunqin/speech_paraformer-large_asr_nat-zh-cantonese-en-16k-vocab8501-online"
)
ENCODER = "encoder."
_FRONT_END = {
    "fs": 16_000,
    "window": "hamming",
    "n_mels": 80,
    "frame_length": 25,
    "frame_shift": 10,
    "lfr_m": 7,
    "lfr_n": 6,
}


class PromptFiles:
    """The files below a models folder, all of them there.

    Raises SetupError that names what is missing. What is in the files is data: nothing of it is
    executed.
    """

    def __init__(self, models: Path) -> None:
        self.centres = models / FOLDER / "linguistic_tokenizer.npy"
        self.paraformer_config = models / PARAFORMER / "config.yaml"
        self.paraformer = models / PARAFORMER / "model.pt"
        self.normalisation = models / PARAFORMER / "am.mvn"
        self.semantic = models / FOLDER / "speech_tokenizer_v1.onnx"
        self.speaker = models / "Step-Audio-EditX" / "CosyVoice-300M-25Hz" / "campplus.onnx"
        self._files: list[Path] = list(vars(self).values())
        missing = [str(path.relative_to(models)) for path in self._files if not path.is_file()]
        if missing:
            raise SetupError(
                f"the models folder {models} lacks {', '.join(missing)}; "
                "`greenroom pull step-audio` fetches them."
            )

    def identity(self) -> str:
        """A text that changes when a file is replaced by another."""
        stats = [path.stat() for path in self._files]
        return " ".join(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)

    def encoder_settings(self) -> dict[str, Any]:
        """``encoder_conf`` of the released config.yaml.

        Raises SetupError for a file that is not as it must be.
        """
        path = self.paraformer_config
        try:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            first = str(error).split("\n", 1)[0]
            raise SetupError(f"{path} is not a plain YAML file: {first}.") from None
        sections = config if isinstance(config, Mapping) else {}
        encoder, front_end = sections.get("encoder_conf"), sections.get("frontend_conf", {})
        if not isinstance(encoder, dict) or not isinstance(front_end, dict):
            raise SetupError(f"{path} must have the mappings encoder_conf and frontend_conf.")
        for name, needed in _FRONT_END.items():
            if front_end.get(name, needed) != needed:
                raise SetupError(
                    f"frontend_conf.{name} in {path} is {front_end[name]!r}; "
                    f"this engine needs {needed!r}."
                )
        return encoder

    def linguistic_state(self) -> dict[str, Tensor]:
        """The weights of ``LinguisticEncoder``.

        They are views of the mapped files; those of Paraformer's decoder are never read.
        """
        state = _mapping(self.paraformer)
        for wrapper in ("state_dict", "model"):
            inner = state.get(wrapper)
            state = inner if isinstance(inner, Mapping) else state
        encoder = {name: value for name, value in state.items() if name.startswith(ENCODER)}
        return {**encoder, "centres": self._centres()}

    def _centres(self) -> Tensor:
        try:
            centres = np.load(self.centres, mmap_mode="c", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise SetupError(f"{self.centres} is not a complete npy file: {error}.") from None
        if centres.dtype != np.float32:
            raise SetupError(f"{self.centres} holds {centres.dtype}; it must hold float32.")
        return torch.from_numpy(centres)


def _mapping(path: Path) -> Mapping[str, Any]:
    state = torch_file.read(path)
    if not isinstance(state, Mapping):
        raise SetupError(f"{path} holds a {type(state).__name__}; it must be a state dict.")
    return state
