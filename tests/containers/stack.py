"""The containers of a copy of this checkout, under names and ports of their own."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greenroom.settings import PROJECT

NAME = "greenroom-check"
HTTP, GRPC, PAGE, GRAFANA = 28000, 28001, 27860, 23000
_SETTINGS = f"""\
GREENROOM_HTTP_PORT={HTTP}
GREENROOM_GRPC_PORT={GRPC}
GREENROOM_UI_PORT={PAGE}
GRAFANA_PORT={GRAFANA}
"""
_MODELS = """\
services:
  greenroom:
    environment:
      GREENROOM_MODEL_REPOSITORY: /srv/greenroom/model_repository:/srv/check
      # A start is then that of Triton and the gateway, whatever else the machine does.
      GREENROOM_POLICY: '{"asr": {"pinned": false}, "tokenizer": {"pinned": false}}'
    volumes:
      - ./tests/containers/models:/srv/check:ro
  client:
    volumes:
      - ./recordings:/files
"""
_NO_CARD = """\
services:
  greenroom:
    ulimits: !reset null
    deploy: !reset null
"""
DOCUMENTED = "docker-compose.yml:docker-compose.cpu.yml"
WITH_MODELS = f"{DOCUMENTED}:check-models.yml"
GPU_WITHOUT_CARD = "docker-compose.yml:check-no-card.yml"


class Fault(Exception):
    """What is not as it should be."""


class Stack:
    """docker and docker compose in the folder of the copy; `files` are the compose files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = DOCUMENTED

    def docker(self, *arguments: str) -> str:
        """Returns what it says; Fault if it fails."""
        return run([*docker_command(), *arguments], self.folder, self.files)

    def compose(self, *arguments: str) -> None:
        self.docker("compose", *arguments)

    def execute(self, service: str, *command: str) -> str:
        """A command in a running container."""
        return self.docker("exec", container(service), *command)

    def python(self, code: str, service: str = "greenroom") -> str:
        return self.execute(service, "python", "-c", code)

    def inspect(self, service: str) -> dict[str, Any]:
        (found,) = json.loads(self.docker("inspect", container(service)))
        return dict(found)

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text()

    def change_setting(self, name: str, value: object) -> None:
        with (self.folder / ".env").open("a") as file:
            file.write(f"{name}={value}\n")

    def change_source(self, comment: str) -> None:
        with (self.folder / "greenroom" / "__init__.py").open("a") as file:
            file.write(f"# {comment}\n")


def container(service: str) -> str:
    return f"{NAME}-{service}-1"


def docker_command() -> list[str]:
    """DOCKER=... names another one."""
    return shlex.split(os.environ.get("DOCKER", "docker"))


def run(command: list[str], folder: Path, files: str = DOCUMENTED) -> str:
    environment = {**os.environ, "COMPOSE_FILE": files, "COMPOSE_PROJECT_NAME": NAME}
    # What this shell has set would go before the copy's .env.
    environment = {k: v for k, v in environment.items() if not k.startswith("GREENROOM_")}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise Fault(f"{command[0]} cannot be run ({error.strerror}).") from error
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise Fault(f"{shlex.join(command[:6])} … ended with {done.returncode}:\n{said}")
    return done.stdout


def check_docker() -> None:
    """Fault, in a sentence, where there is no Docker that can do this."""
    docker = docker_command()
    if not shutil.which(docker[0]):
        raise Fault(f"There is no program {docker[0]}; install Docker Engine and Compose.")
    for part, question, least in (
        ("Docker Engine", ["version", "--format", "{{.Server.Version}}"], (25, 0)),
        ("Compose", ["compose", "version", "--short"], (2, 24)),
    ):
        try:
            version = run([*docker, *question], PROJECT).strip().lstrip("v")
        except Fault as fault:
            raise Fault(f"{part} does not answer: {fault}") from fault
        numbers = tuple(int(number) for number in version.split(".")[:2] if number.isdigit())
        if numbers < least:
            needed = ".".join(map(str, least))
            raise Fault(f"{part} is {version}; {needed} or newer is needed.")


@contextmanager
def copied(folder: Path) -> Iterator[Stack]:
    """The containers of a copy of the checkout in the folder; they are removed at the end."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, run(listed, PROJECT).split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    # The users inside are others.
    folder.chmod(0o755)
    (folder / ".env").write_text(_SETTINGS)
    (folder / "check-models.yml").write_text(_MODELS)
    (folder / "check-no-card.yml").write_text(_NO_CARD)
    run([str(folder / "scripts" / "keys")], folder)
    stack = Stack(folder)
    try:
        yield stack
    finally:
        if "KEEP" not in os.environ:
            try:
                stack.compose("--profile", "*", "down", "--volumes", "--timeout", "5")
            except Fault as fault:
                print(fault, file=sys.stderr)
