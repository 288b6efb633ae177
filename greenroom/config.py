"""Configuration: read once from the environment into frozen objects.

Every field can be set as ``GREENROOM_<FIELD>``. ``docs/configuration.md`` lists them all;
a test keeps that table true.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path, user_state_path
from pydantic import BaseModel, ConfigDict, DirectoryPath, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

PROJECT = Path(__file__).resolve().parent.parent


Port = Annotated[int, Field(ge=1, le=65535)]


class Policy(BaseModel):
    """What happens to one model when nobody uses it, and how many may wait for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pinned: bool = Field(False, description="load at start and keep hot")
    offload_after: float = Field(
        1.0, ge=-1, description="idle seconds before the weights leave the GPU; 0 at once, -1 never"
    )
    unload_after: float = Field(
        3600.0, ge=-1, description="idle seconds before the process ends; 0 at once, -1 never"
    )
    max_waiting: int = Field(256, ge=0, description="requests that may wait; 0 none")
    max_wait: float = Field(120.0, gt=0, description="seconds a request may wait for the model")

    @field_validator("offload_after", "unload_after")
    @classmethod
    def _never_is_minus_1(cls, seconds: float) -> float:
        if -1 < seconds < 0:
            raise ValueError("Input should be -1 (never), 0 or more")
        return seconds


_PINNED = {"asr": {"pinned": True}, "tokenizer": {"pinned": True}}


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GREENROOM_", frozen=True, env_ignore_empty=True)


class Settings(_Environment):
    """The service: launcher, controller and gateway."""

    host: str = Field("127.0.0.1", description="address the gateway listens on")
    http_port: Port = Field(8000, description="gateway HTTP: KServe v2, /residency, /metrics")
    api_keys: SecretStr | None = Field(
        None,
        description="API keys, each inference:KEY or admin:KEY, commas between; with neither this "
        "nor a file nobody is asked for a key",
    )
    api_keys_file: Path | None = Field(
        None, description="file of more such keys, one a line; read once at the start"
    )
    grpc_port: Port = Field(8001, description="gateway gRPC: KServe v2")
    triton_host: str = Field("127.0.0.1", description="address at which Triton is found")
    triton_listen: str | None = Field(
        None, description="address Triton listens on; unset: the one at which it is found"
    )
    triton_http_port: Port = Field(8100, description="Triton HTTP")
    triton_grpc_port: Port = Field(8101, description="Triton gRPC")
    triton_metrics_port: Port = Field(8002, description="Triton metrics")
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
    gpu: int = Field(0, ge=0, description="index of the GPU to use")

    gpu_budget_bytes: int = Field(
        0,
        ge=0,
        description="bytes of GPU memory that all models may hold together, by their own reports; "
        "0 no bound but what is free",
    )
    gpu_reserve_bytes: int = Field(
        512 * 2**20,
        ge=0,
        description="bytes of GPU memory that stay free when a model is loaded or restored; 0 none",
    )
    gpu_activation_bytes: int = Field(
        2**30,
        ge=0,
        description="bytes added to 1.2 times the size of a model's weight files, as what it needs "
        "until it has been measured; 0 none",
    )
    max_overtaken: float = Field(
        10.0,
        ge=0,
        description="seconds for which requests for models that are hot go before one that waits "
        "for their memory; 0 none",
    )

    tritonserver: Path | None = Field(
        None, description="tritonserver binary; unset: PATH, then the nvidia-pytriton wheel"
    )
    triton_key: SecretStr | None = Field(
        None, description="key of Triton's repository API; unset: drawn into the runtime folder"
    )
    triton_exit_timeout: int = Field(
        5, ge=1, le=7, description="seconds Triton may take to exit before it is killed"
    )
    triton_hang_timeout: float = Field(
        30.0,
        ge=0,
        description="seconds without any answer after which Triton is killed and started again; "
        "0 never",
    )
    triton_log_verbose: int = Field(0, ge=0, description="Triton's log level; 0 none")
    model_repository: Path = Field(
        PROJECT / "model_repository", description="folder of the managed models"
    )
    ensemble_repository: Path = Field(PROJECT / "ensemble", description="folder of the ensembles")
    runtime_dir: Path | None = Field(
        None,
        description="folder for locks, keys and prepared backends; "
        "unset: one per HTTP port below the user's state folder",
    )
    shared_dir: Path | None = Field(
        None,
        description="folder that Triton and the controller share when they are started apart, to "
        "know each other's processes and to ask for a restart; unset: the runtime folder",
    )
    secrets_dir: DirectoryPath | None = Field(
        None,
        description="folder of files such as `greenroom_triton_key`, each with the value of the "
        "setting whose name it has; the environment goes before",
    )

    voices_dir: Path | None = Field(
        None, description="folder of the saved voices; unset: in the user's data folder"
    )

    policy: dict[str, Policy] = Field(
        {},
        validate_default=True,
        description="JSON object, model name to its policy; asr and tokenizer are pinned unless "
        "it says otherwise",
    )
    load_timeout: float = Field(
        600.0, gt=0, description="seconds a load may take before its process is killed"
    )
    control_timeout: float = Field(
        60.0, gt=0, description="seconds an offload, restore or unload may take"
    )
    probe_interval: float = Field(
        30.0,
        ge=0,
        description="seconds between looks whether an idle model's process still answers; 0 none",
    )
    max_request_bytes: int = Field(
        128 * 2**20, gt=0, lt=2**31, description="bytes of one request's body"
    )
    max_held_bytes: int = Field(
        512 * 2**20,
        gt=0,
        description="bytes of all requests that are being received, wait or run at one time",
    )
    max_streams: int = Field(
        256, ge=0, description="gRPC streams that may be open at one time; 0 none"
    )
    receive_timeout: float = Field(
        120.0, gt=0, description="seconds a request's head, and then its body, may take to arrive"
    )
    drain_timeout: float = Field(
        2.0,
        ge=0,
        le=300,
        description="seconds that running requests may take when the service is told to end; "
        "0 none",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the folder of secrets, as Docker and Kubernetes mount them, after all else."""
        folder = Path(os.environ.get("GREENROOM_SECRETS_DIR") or os.devnull)
        secrets = SecretsSettingsSource(settings_cls, folder if folder.is_dir() else None)
        return init_settings, env_settings, secrets

    @field_validator("policy", mode="before")
    @classmethod
    def _over_the_default(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        merged = {**_PINNED, **given}
        return {
            name: _PINNED.get(name, {}) | policy if isinstance(policy, dict) else policy
            for name, policy in merged.items()
        }

    @property
    def runtime(self) -> Path:
        """The runtime folder of this service."""
        return self.runtime_dir or user_state_path("greenroom") / str(self.http_port)

    @property
    def shared(self) -> Path:
        """The folder that Triton and the controller share."""
        return self.shared_dir or self.runtime

    @property
    def triton_listens_on(self) -> str:
        """The address Triton listens on, a name or a number."""
        return self.triton_listen or self.triton_host

    @property
    def voices_folder(self) -> Path:
        """The folder of the saved voices."""
        return self.voices_dir or user_data_path("greenroom") / "voices"

    def listening_on(self, port: int) -> str:
        """Return host:port of a door of the gateway, an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{port}"

    def policy_of(self, model: str) -> Policy:
        """Return the configured policy of a model."""
        return self.policy.get(model, Policy())


class EngineSettings(_Environment):
    """The engines: what the processes behind Triton read."""

    asr_engine: str | None = Field(
        None, description="engine of asr: embedded or whisper; unset: as in its config, embedded"
    )
    tokenizer_engine: str | None = Field(
        None, description="engine of tokenizer: embedded or step-audio; unset: likewise"
    )
    tts_engine: str | None = Field(
        None, description="engine of tts: embedded or step-audio-editx; unset: likewise"
    )
    models_dir: Path | None = Field(
        None,
        description="folder of the released checkpoints, as `greenroom pull` fills it; "
        "unset: models below the user's data folder",
    )
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

    @property
    def models(self) -> Path:
        """The folder of the released checkpoints."""
        return self.models_dir or user_data_path("greenroom") / "models"
