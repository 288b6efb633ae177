"""Where Triton is, what it serves, and how it is started."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from platformdirs import user_state_path
from pydantic import DirectoryPath, Field, SecretStr

from greenroom.errors import SetupError
from greenroom.settings.environment import PROJECT, EnvironmentSettings, Port
from greenroom.settings.repositories import Repositories, Repository

_UNIX, _LOOPBACK = "unix", "127.0.0.1"


class TritonSettings(EnvironmentSettings):
    """Read by the supervisor, which starts Triton, and by the controller, which asks it."""

    renamed: ClassVar[Mapping[str, str]] = {
        "GREENROOM_TRITON_HANG_TIMEOUT": "GREENROOM_HANG_TIMEOUT"
    }

    http_port: Port = Field(
        8000, description="Port of the gateway's HTTP API: KServe v2, /residency, /metrics."
    )
    triton_listen: str = Field(
        "unix",
        description="Where Triton listens. unix: on sockets in the shared folder, which only its "
        "user can open. An IP address: on two ports there, where requests need the key.",
    )
    triton_host: str | None = Field(
        None,
        description="Host name or IP address of Triton. Triton also listens there if "
        "GREENROOM_TRITON_LISTEN is unix. If unset, the value of GREENROOM_TRITON_LISTEN.",
    )
    triton_http_port: Port = Field(
        8100, description="Port of Triton's HTTP API, where it listens on an address."
    )
    triton_grpc_port: Port = Field(
        8101, description="Port of Triton's gRPC API, where it listens on an address."
    )
    triton_metrics_host: str | None = Field(
        None,
        description="Address of Triton's own metrics. If unset, the address of Triton, and "
        "127.0.0.1 if it listens on sockets.",
    )
    triton_metrics_port: Port = Field(8002, description="Port of Triton's own metrics.")
    tritonserver: Path | None = Field(
        None,
        description="Path of the program tritonserver. If unset, the one on PATH is used, or "
        "else the one in the package nvidia-pytriton.",
    )
    triton_key: SecretStr | None = Field(
        None,
        description="Key that Triton asks for where it listens on an address. If unset, a random "
        "key is created in the runtime folder.",
    )
    triton_exit_timeout: int = Field(
        5, ge=1, le=7, description="Seconds that Triton may take to exit before it is killed."
    )
    hang_timeout: float = Field(
        30.0,
        ge=0,
        description="Seconds without an answer after which Triton, the controller or a plug-in's "
        "process is killed and started again. 0 disables this.",
    )
    triton_log_verbose: int = Field(
        0, ge=0, description="Level of Triton's verbose log. 0 disables it."
    )
    model_repository: Repositories = Field(
        (),
        description="Model repositories to serve: one folder, or several separated by colons. "
        "If unset, `model_repository/` and `ensemble/` of the source checkout.",
    )
    ensemble_repository: Repository | None = Field(
        None, description="One more model repository, for ensembles."
    )
    auto_complete_config: Literal["auto", "true", "false"] = Field(
        "auto",
        description="Whether Triton completes incomplete model configs: true, false or auto. "
        "auto completes them only if some model needs it when the service starts. Completion "
        "makes every load of a Python model about a second slower.",
    )
    runtime_dir: Path | None = Field(
        None,
        description="Folder for locks, keys and prepared backends. If unset, a folder named "
        "after the HTTP port in the user's state folder.",
    )
    shared_dir: Path | None = Field(
        None,
        description="Folder that Triton and the controller share when they are started "
        "separately. Each finds the other's processes there, and the controller asks there for a "
        "restart of Triton. If unset, the runtime folder.",
    )
    secrets_dir: DirectoryPath | None = Field(
        None,
        description="Folder of files such as `greenroom_triton_key`, each containing the value "
        "of the setting with that name. Environment variables take precedence.",
    )
    gpu: int = Field(0, ge=0, description="Index of the GPU to use.")

    @property
    def repositories(self) -> tuple[Path, ...]:
        """SetupError if none is named and there is no checkout."""
        ensembles = self.ensemble_repository
        models = self.model_repository
        if not models:
            models = (PROJECT / "model_repository",)
            ensembles = ensembles or PROJECT / "ensemble"
            if not models[0].is_dir():
                raise SetupError(
                    "There is no model repository; name one with --model-repository or "
                    "GREENROOM_MODEL_REPOSITORY."
                )
        return (*models, ensembles) if ensembles else models

    @property
    def runtime(self) -> Path:
        return self.runtime_dir or user_state_path("greenroom") / str(self.http_port)

    @property
    def shared(self) -> Path:
        """The folder that Triton and the controller share."""
        return self.shared_dir or self.runtime

    @property
    def triton_on_socket(self) -> bool:
        """Triton's HTTP and gRPC are on unix sockets."""
        return self.triton_listen == _UNIX and self.triton_host is None

    @property
    def triton_listens_on(self) -> str:
        """A name or a number; of its metrics, if on sockets."""
        if self.triton_listen != _UNIX:
            return self.triton_listen
        return self.triton_host or _LOOPBACK

    @property
    def triton_found_at(self) -> str:
        """A name or a number."""
        return self.triton_host or self.triton_listens_on

    @property
    def triton_metrics_listen_on(self) -> str:
        return self.triton_metrics_host or self.triton_listens_on

    @property
    def triton_metrics_found_at(self) -> str:
        return self.triton_metrics_host or self.triton_found_at
