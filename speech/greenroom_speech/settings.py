"""Settings of the speech plug-in, read like Greenroom's own: ``GREENROOM_<FIELD>``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from greenroom.settings import EnvironmentSettings, ModelSettings, Port


class EngineSettings(ModelSettings):
    """The engines: what the processes behind Triton read."""

    renamed: ClassVar[Mapping[str, str]] = {
        "GREENROOM_TTS_DTYPE": "GREENROOM_TTS_PRECISION",
        "GREENROOM_TTS_PROMPT_LAYOUT": "GREENROOM_TTS_RELEASE",
        "GREENROOM_TTS_REPETITION_AWARE": "GREENROOM_TTS_RELEASE",
        "GREENROOM_TTS_TOP_K": "GREENROOM_TTS_RELEASE",
    }

    asr_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where the engines whisper and faster-whisper run: cpu, cuda or auto. auto "
        "uses the GPU if there is one; faster-whisper also needs cuBLAS of CUDA 12 for that "
        "(nvidia-cublas-cu12).",
    )
    asr_compute_type: Literal["default", "auto", "float32", "float16", "int8"] = Field(
        "default",
        description="Number type that faster-whisper computes with. default: the type in the "
        "model's file. auto: the fastest one on the device. Or float32, float16 or int8.",
    )
    whisper_model: str = Field(
        "large-v3",
        description="Name of a released Whisper model, or the path of a .pt file. For "
        "faster-whisper, a folder.",
    )
    tts_threads: int = Field(
        2,
        ge=1,
        description="Threads that the engine kokoro computes with.",
    )
    tts_precision: Literal["bf16", "int8", "int4", "float32"] = Field(
        "bf16",
        description="Precision of the weights of Step-Audio-EditX's language model. int8 is "
        "computed from the released weights at each load and takes half the memory; int4 reads "
        "the AWQ release. If unset, the parameter `precision` of the model's config.",
    )
    tts_release: Literal["2026", "2025"] = Field(
        "2026",
        description="Year of the Step-Audio-EditX weights. It chooses the prompt format, the "
        "speaker's name in it and the sampling rules.",
    )
    tts_temperature: float = Field(
        0.7,
        ge=0,
        description="Sampling temperature of the language model. 0 always takes the most likely "
        "token.",
    )
    tts_ordered_codes: bool = Field(
        True,
        description="Sample only codes in their proper order: two of one codebook, then three of "
        "the other. If false, codes may come out of order, and such speech is refused.",
    )
    tts_redraws: int = Field(
        2,
        ge=-1,
        description="How many times Step-Audio-EditX generates speech again that is clearly "
        "wrong: silence, a loop, far too long or too short. 0 means that the request fails at "
        "once, -1 that nothing is checked.",
    )
    tts_prompt_seconds: float = Field(
        10.0,
        ge=1,
        description="Seconds at the end of the reference that the vocoder of Step-Audio-EditX "
        "receives. The language model receives all of it.",
    )
    tts_streams: int = Field(
        4,
        ge=1,
        description="Streams for which Step-Audio-EditX produces sound at the same time. Each "
        "takes GPU memory; there are fewer if the memory is too small.",
    )
    tts_share_setup: bool = Field(
        False,
        description="Process the reference of a voice once for all its streams. They start "
        "sooner, but sound slightly different from the released model.",
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
    max_edit_seconds: float = Field(
        90.0,
        gt=0,
        description="Longest recording that is edited in one piece, in seconds. `/v1` cuts "
        "longer ones at pauses, for tasks that allow it.",
    )
    max_text_chars: int = Field(
        2000,
        gt=0,
        description="Longest text that tts accepts at once, in characters. A text for `/v1` may "
        "be longer.",
    )
    max_speech_seconds: float = Field(
        300.0,
        gt=0,
        description="Longest speech that tts makes at once, in seconds. `/v1` sends it a text "
        "sentence by sentence.",
    )

    @property
    def cache_folder(self) -> Path:
        """``cache_dir``, else the user's cache folder as the platform has it."""
        return self.cache_dir or user_cache_path("greenroom")


def _pairs(given: Any) -> Any:
    """``NAME=VOICE,NAME=VOICE`` as a mapping."""
    if not isinstance(given, str):
        return given
    pairs = [pair.partition("=") for pair in given.split(",") if pair.strip()]
    wrong = next((name for name, _, voice in pairs if not name.strip() or not voice.strip()), None)
    if wrong is not None:
        raise ValueError(f"{wrong.strip()!r} is not a pair; write NAME=VOICE, separated by commas")
    return {name.strip(): voice.strip() for name, _, voice in pairs}


VoiceAliases = Annotated[Mapping[str, str], NoDecode, BeforeValidator(_pairs)]
OPENAI_VOICES = {
    **dict.fromkeys(("alloy", "coral", "marin", "nova", "sage", "shimmer"), "clara"),
    **dict.fromkeys(("ash", "ballad", "cedar", "echo", "fable", "onyx", "verse"), "henry"),
}
"""Which bundled voice speaks for each of OpenAI's."""


class SpeechSettings(EnvironmentSettings):
    """The speech API."""

    default_voice: str = Field(
        "clara",
        description="Voice of a request that does not name one.",
    )
    voice_aliases: VoiceAliases = Field(
        {},
        description="More names for voices, written as `NAME=VOICE` and separated by commas. A "
        "saved voice with the same name takes precedence. OpenAI's voice names already stand for "
        "bundled voices; this setting can change that.",
    )

    read_code: bool = Field(
        False, description="Read code blocks of Markdown aloud instead of leaving them out."
    )
    max_speech_seconds_per_request: float = Field(
        10_800.0,
        gt=0,
        description="Longest speech that one request to `/v1` may ask for, in seconds.",
    )
    verify_word_error_rate: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Share of wrong words above which a sentence is generated again, if a "
        "request to `/v1` asks for `verify`.",
    )
    max_transcription_seconds: float = Field(
        14_400.0,
        gt=0,
        description="Longest recording that one transcription request may contain, in seconds. "
        "asr transcribes it in pieces.",
    )


class VoiceSettings(EnvironmentSettings):
    """The saved voices, which the speech API keeps."""

    voices_dir: Path | None = Field(
        None,
        description="Folder of the saved voices. If unset, `voices` in the user's data folder.",
    )
    voices_url: str | None = Field(
        None,
        pattern=r"^(s3|gs|az)://[^/?#@]+(/[^?#]*)?$",
        description="Object store for the saved voices, in place of a folder, such as "
        "`s3://bucket/prefix`, `gs://` or `az://`. Address, region and keys come from the "
        "provider's own variables (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` and so on). Needs the "
        "extra `object-store`.",
    )

    @property
    def voices_folder(self) -> Path:
        """``voices_dir``, else the user's data folder as the platform has it."""
        return self.voices_dir or user_data_path("greenroom") / "voices"


class PageSettings(EnvironmentSettings):
    """The web page, a process of its own."""

    ui: bool = Field(
        True,
        description="Whether to serve the web page.",
    )
    ui_host: str = Field("127.0.0.1", description="Address that the web page listens on.")
    ui_port: Port = Field(7860, description="Port of the web page.")
    ui_gateway: str | None = Field(
        None,
        description="URL of the gateway that the web page uses. If unset, that of this service.",
    )
    ui_key: SecretStr | None = Field(
        None,
        description="API key that the web page sends. It needs the admin scope to load and "
        "unload models.",
    )
    ui_password: SecretStr | None = Field(
        None,
        description="Password of the web page, at least 12 characters. It is required unless the "
        "page listens on this machine only.",
    )
    ui_files_bytes: int = Field(
        512 * 2**20,
        gt=0,
        description="Bytes of recordings and results that the web page keeps in the runtime "
        "folder, for at most an hour. The oldest are removed to make room.",
    )


class WyomingSettings(EnvironmentSettings):
    """The server for Home Assistant, a process of its own."""

    wyoming: bool = Field(
        False,
        description="Whether to serve Wyoming, the voice protocol of Home Assistant.",
    )
    wyoming_host: str = Field(
        "127.0.0.1",
        description="Address that the Wyoming server listens on. The protocol has no keys: whoever "
        "reaches it can use it.",
    )
    wyoming_port: Port = Field(10300, description="Port of the Wyoming server.")
    wyoming_gateway: str | None = Field(
        None,
        description="URL of the gateway that the Wyoming server uses. If unset, that of this "
        "service.",
    )
    wyoming_key: SecretStr | None = Field(
        None,
        description="API key that the Wyoming server sends. The inference scope is enough.",
    )
    wyoming_zeroconf: bool = Field(
        False,
        description="Whether to announce the Wyoming server on the local network. It is never "
        "announced while it listens on this machine only.",
    )
