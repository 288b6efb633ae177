"""Where Triton is, what it serves, and how it is started."""

from pathlib import Path
from typing import Literal

from platformdirs import user_state_path
from pydantic import DirectoryPath, Field, SecretStr

from greenroom.errors import SetupError
from greenroom.settings.environment import PROJECT, EnvironmentSettings, Port
from greenroom.settings.repositories import Repositories, Repository


class TritonSettings(EnvironmentSettings):
    """Read by the supervisor, which starts Triton, and by the controller, which asks it."""

    http_port: Port = Field(8000, description="gateway HTTP: KServe v2, /residency, /metrics")
    triton_host: str = Field("127.0.0.1", description="address at which Triton is found")
    triton_listen: str | None = Field(
        None, description="address Triton listens on; unset: the one at which it is found"
    )
    triton_http_port: Port = Field(8100, description="Triton HTTP")
    triton_grpc_port: Port = Field(8101, description="Triton gRPC")
    triton_metrics_port: Port = Field(8002, description="Triton metrics")
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
    model_repository: Repositories = Field(
        (),
        description="Model repositories: one folder, or several with a colon between them. If "
        "unset, `model_repository/` and `ensemble/` of the checkout that Greenroom runs from.",
    )
    ensemble_repository: Repository | None = Field(
        None, description="Another model repository, for ensembles."
    )
    auto_complete_config: Literal["auto", "true", "false"] = Field(
        "auto",
        description="Whether Triton completes configs when it loads models. `auto`: unless all "
        "configs are complete at the start. It makes every load of a Python model about a second "
        "longer.",
    )
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
    gpu: int = Field(0, ge=0, description="index of the GPU to use")

    @property
    def repositories(self) -> tuple[Path, ...]:
        """All model repositories; SetupError if none is named and there is no checkout."""
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
