"""The released files that saying and editing need: language model, text tokenizer, vocoder."""

from pathlib import Path

from greenroom.errors import SetupError

FOLDER = Path("Step-Audio-EditX")
INT4_FOLDER = Path("Step-Audio-EditX-AWQ-4bit")
"""Of the language model of 4 bit; all else is the same release's."""
VOCODER = FOLDER / "CosyVoice-300M-25Hz"


class VoiceFiles:
    """The files below a models folder, all of them there.

    Raises SetupError that names what is missing. The language model is one file, or several with
    an index.
    """

    def __init__(self, models: Path, precision: str = "bf16") -> None:
        folder = models / (INT4_FOLDER if precision == "int4" else FOLDER)
        self.config = folder / "config.json"
        self.text_tokenizer = models / FOLDER / "tokenizer.model"
        self.sizes = models / VOCODER / "cosyvoice.yaml"
        self.flow = models / VOCODER / "flow.pt"
        self.hift = models / VOCODER / "hift.pt"
        index = folder / "model.safetensors.index.json"
        self.language_model = index if index.exists() else index.with_name("model.safetensors")
        files: list[Path] = list(vars(self).values())
        missing = [str(path.relative_to(models)) for path in files if not path.is_file()]
        if missing:
            raise SetupError(
                f"the models folder {models} lacks {', '.join(missing)}; `greenroom pull "
                f"step-audio{'-awq' if precision == 'int4' else ''}` fetches them."
            )
