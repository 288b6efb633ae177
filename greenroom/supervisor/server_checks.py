"""What the doctor looks at around Triton: server, stub, folders, ports and repositories."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import aiohttp

from greenroom.addresses import connector, is_loopback
from greenroom.errors import SetupError
from greenroom.gateway.api_keys import Scope, api_keys, exposed
from greenroom.runtime_folder import runtime_folder
from greenroom.settings import Settings
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.only_supervisor import running_components
from greenroom.supervisor.ports import Listener, port_fault
from greenroom.triton.backend_directory import fitting_stub
from greenroom.triton.installation import find_installation
from greenroom.triton.python_library import VERSION, libpython_folder
from greenroom.triton.repository import CONFIG, model_folders, read_config, versions

_PATIENCE = aiohttp.ClientTimeout(total=5)


def libpython() -> CheckResult:
    """The shared library of this Python, which the stub is linked to."""
    try:
        return CheckResult.ok("libpython", str(libpython_folder()))
    except SetupError as error:
        return CheckResult.fail("libpython", str(error), f"apt install libpython{VERSION}")


def tritonserver(settings: Settings) -> CheckResult:
    """A server that can be run."""
    try:
        return CheckResult.ok("tritonserver", str(find_installation(settings).binary))
    except SetupError as error:
        return CheckResult.fail("tritonserver", str(error), "pip install 'greenroom[triton]'")


def stub(settings: Settings, python: str = VERSION) -> CheckResult:
    """The process that runs a model in Python, made for this Python."""
    try:
        found = fitting_stub(find_installation(settings), python)
    except SetupError as error:
        return CheckResult.fail("Python stub", str(error))
    if found is None:
        return CheckResult.warn(
            "Python stub", "not in its usual place; the trial run will tell whether it works"
        )
    return CheckResult.ok("Python stub", f"for Python {python}")


def runtime(settings: Settings) -> CheckResult:
    """A folder for locks, keys and prepared backends."""
    try:
        return CheckResult.ok("runtime folder", str(runtime_folder(settings)))
    except SetupError as error:
        return CheckResult.fail("runtime folder", str(error))


async def answers(check: str, url: str, socket: Path | None = None) -> CheckResult:
    """What runs elsewhere is asked over the network, or through a socket that both have."""
    shown = f"{url}, through {socket}" if socket else url
    try:
        async with (
            aiohttp.ClientSession(connector=connector(socket), timeout=_PATIENCE) as session,
            session.get(url) as response,
        ):
            text, status = await response.text(), response.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return CheckResult.fail(
            check, f"does not answer at {shown} ({error or 'it took too long'})"
        )
    if status == 200:
        return CheckResult.ok(check, f"answers at {shown}")
    return CheckResult.fail(check, f"{shown} answers {status} {text[:200]}")


def doors(settings: Settings) -> CheckResult:
    """Who reaches Triton itself, past the gateway."""
    check, metrics = "Triton is reached by", settings.triton_metrics_listen_on
    port = f"{metrics}:{settings.triton_metrics_port}"
    others = "this machine's users" if is_loopback(metrics) else f"whoever reaches {metrics}"
    seen = f"its metrics, on {port} without a key, by {others}"
    if settings.triton_on_socket:
        return CheckResult.ok(
            check, f"user {os.geteuid()} alone, on sockets in {settings.shared}; {seen}"
        )
    host = settings.triton_listens_on
    if is_loopback(host):
        return CheckResult.warn(
            check, f"every user of this machine, who sees its key among the processes; {seen}"
        )
    return CheckResult.warn(check, f"whoever reaches {host} and has its key, unencrypted; {seen}")


def keys(settings: Settings) -> CheckResult:
    """Who can reach the gateway must have a key, unless it is this machine alone."""
    check = "API keys"
    try:
        found = api_keys(settings)
    except SetupError as error:
        return CheckResult.fail(check, str(error))
    if not found:
        return CheckResult.ok(check, f"none; only this machine reaches {settings.host}")
    if warning := exposed(settings):
        return CheckResult.warn(check, warning)
    return CheckResult.ok(check, ", ".join(f"{found.count(scope)} {scope}" for scope in Scope))


def ports(settings: Settings, listeners: Sequence[Listener]) -> CheckResult:
    """Nobody else listens on the ports of what runs here."""
    faults = [fault for fault in map(port_fault, listeners) if fault]
    if not faults:
        numbers = ", ".join(str(listener.port) for listener in listeners)
        return CheckResult.ok("ports", f"{numbers} are free")
    if pid := next(iter(running_components(settings).values()), None):
        return CheckResult.ok("ports", f"taken by this service, which runs (pid {pid})")
    return CheckResult.fail("ports", "\n".join(faults))


def repositories(settings: Settings) -> list[CheckResult]:
    """All model repositories."""
    try:
        return [repository(folder) for folder in settings.repositories]
    except SetupError as error:
        return [CheckResult.fail("models", str(error))]


def repository(folder: Path) -> CheckResult:
    """Every model of a repository has a version, and no config that cannot be read."""
    check = f"models in {folder.name}"
    if not folder.is_dir():
        return CheckResult.fail(check, f"{folder} is not a folder")
    models = model_folders(folder)
    if faults := [fault for model in models for fault in _faults(model)]:
        return CheckResult.fail(check, "\n".join(faults))
    if not models:
        return CheckResult.warn(check, f"none in {folder}")
    return CheckResult.ok(check, ", ".join(model.name for model in models))


def _faults(model: Path) -> Iterator[str]:
    try:
        config = read_config(model)
    except SetupError as error:
        yield str(error)
        return
    if config.name not in ("", model.name):
        yield f"{model / CONFIG} has the name {config.name}, but its folder is {model.name}."
    if not versions(model):
        yield f"{model} has no version folder, such as {model / '1'}."
