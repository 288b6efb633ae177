"""Settings of the speech plug-in, read like Greenroom's own: ``GREENROOM_<FIELD>``."""

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from greenroom.settings import EnvironmentSettings, ModelSettings, Port


class EngineSettings(ModelSettings):
    """The engines: what the processes behind Triton read."""

    asr_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the engine whisper runs; auto: on the GPU if there is one"
    )
    whisper_model: str = Field(
        "large-v3", description="Whisper's released name, or the path of a .pt file"
    )
    tts_dtype: Literal["bfloat16", "float32"] = Field(
        "bfloat16", description="numbers of the language model's weights"
    )
    tts_prompt_layout: Literal["B", "A"] = Field(
        "B", description="how Step-Audio-EditX is asked: A as with its weights of 2025"
    )
    tts_temperature: float = Field(
        0.7, ge=0, description="of the language model's draws; 0 takes the likeliest"
    )
    tts_top_k: int = Field(0, ge=0, description="draw among so many of the likeliest; 0 among all")
    tts_repetition_aware: bool = Field(
        False, description="never draw an id twice in a row that came twice in the last ten"
    )
    tts_ordered_codes: bool = Field(
        False, description="draw only two codes of the one codebook, then three of the other"
    )
    cache_bytes: int = Field(
        256 * 2**20, ge=0, description="bytes of analysis results kept per model; 0 none"
    )
    cache_dir: Path | None = Field(
        None, description="folder for what can be computed again; unset: the user's cache folder"
    )
    min_audio_seconds: float = Field(0.3, ge=0, description="shortest reference recording")
    max_audio_seconds: float = Field(30.0, gt=0, description="longest reference recording")
    max_text_chars: int = Field(2000, gt=0, description="longest text to say, in characters")
    max_speech_seconds: float = Field(
        300.0, gt=0, description="longest speech that one request may ask for"
    )


class VoiceSettings(EnvironmentSettings):
    """The saved voices, which the speech API keeps."""

    voices_dir: Path | None = Field(
        None, description="folder of the saved voices; unset: in the user's data folder"
    )

    @property
    def voices_folder(self) -> Path:
        """The folder of the saved voices."""
        return self.voices_dir or user_data_path("greenroom") / "voices"


class PageSettings(EnvironmentSettings):
    """The web page, a process of its own."""

    ui: bool = Field(True, description="serve the web page too")
    ui_host: str = Field("127.0.0.1", description="address the web page listens on")
    ui_port: Port = Field(7860, description="web page")
    ui_gateway: str | None = Field(
        None, description="URL of the gateway that the web page asks; unset: this service's"
    )
    ui_key: SecretStr | None = Field(
        None, description="API key that the web page sends; admin scope if it shall move models"
    )
    ui_password: SecretStr | None = Field(
        None, description="what the web page asks for; needed where it does not listen on loopback"
    )
