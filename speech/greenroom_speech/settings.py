"""Settings of the speech plug-in, read like Greenroom's own: ``GREENROOM_<FIELD>``."""

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from greenroom.settings import EnvironmentSettings, ModelSettings, Port


class EngineSettings(ModelSettings):
    """The engines: what the processes behind Triton read."""

    asr_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where the engine whisper runs: auto means on the GPU if there is one."
    )
    whisper_model: str = Field(
        "large-v3", description="Name of a released Whisper model, or the path of a .pt file."
    )
    tts_dtype: Literal["bfloat16", "float32"] = Field(
        "bfloat16", description="Number type of the language model's weights."
    )
    tts_prompt_layout: Literal["B", "A"] = Field(
        "B", description="Prompt format of Step-Audio-EditX. Its weights of 2025 need A."
    )
    tts_temperature: float = Field(
        0.7,
        ge=0,
        description="Sampling temperature of the language model. 0 always takes the most likely "
        "token.",
    )
    tts_top_k: int = Field(
        0, ge=0, description="Number of most likely tokens to sample from. 0 means all."
    )
    tts_repetition_aware: bool = Field(
        False,
        description="Never sample a token twice in a row that occurred twice among the last ten.",
    )
    tts_ordered_codes: bool = Field(
        False,
        description="Sample only codes in their proper order: two of one codebook, then three "
        "of the other.",
    )
    cache_bytes: int = Field(
        256 * 2**20,
        ge=0,
        description="Bytes of analysis results that each model keeps. 0 disables this cache.",
    )
    cache_dir: Path | None = Field(
        None,
        description="Folder for files that can be computed again. If unset, the user's cache "
        "folder.",
    )
    min_audio_seconds: float = Field(
        0.3, ge=0, description="Shortest reference recording, in seconds."
    )
    max_audio_seconds: float = Field(
        30.0, gt=0, description="Longest reference recording, in seconds."
    )
    max_text_chars: int = Field(2000, gt=0, description="Longest text to say, in characters.")
    max_speech_seconds: float = Field(
        300.0, gt=0, description="Longest speech that one request may ask for, in seconds."
    )


class VoiceSettings(EnvironmentSettings):
    """The saved voices, which the speech API keeps."""

    voices_dir: Path | None = Field(
        None,
        description="Folder of the saved voices. If unset, `voices` in the user's data folder.",
    )

    @property
    def voices_folder(self) -> Path:
        """``voices_dir``, else the user's data folder as the platform has it."""
        return self.voices_dir or user_data_path("greenroom") / "voices"


class PageSettings(EnvironmentSettings):
    """The web page, a process of its own."""

    ui: bool = Field(True, description="Serve the web page too.")
    ui_host: str = Field("127.0.0.1", description="Address that the web page listens on.")
    ui_port: Port = Field(7860, description="Port of the web page.")
    ui_gateway: str | None = Field(
        None,
        description="URL of the gateway that the web page uses. If unset, that of this service.",
    )
    ui_key: SecretStr | None = Field(
        None,
        description="API key that the web page sends. To load and unload models it needs admin "
        "scope.",
    )
    ui_password: SecretStr | None = Field(
        None,
        description="Password of the web page, at least 12 characters. Needed unless it listens on "
        "this machine only.",
    )
    ui_files_bytes: int = Field(
        512 * 2**20,
        gt=0,
        description="Bytes of recordings and results that the web page keeps below the runtime "
        "folder, for at most an hour. The oldest are removed to make room.",
    )
