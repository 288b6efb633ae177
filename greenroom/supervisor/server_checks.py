"""What the doctor looks at around Triton: server, stub, folders, ports and repositories."""

from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from greenroom.errors import SetupError
from greenroom.gateway.api_keys import Scope, api_keys, exposed
from greenroom.runtime_folder import runtime_folder
from greenroom.settings import Settings
from greenroom.supervisor.check_result import Finding
from greenroom.supervisor.only_supervisor import running_supervisor
from greenroom.supervisor.ports import gateway_listeners, port_fault, triton_listeners
from greenroom.triton.backend_directory import fitting_stub
from greenroom.triton.installation import find_installation
from greenroom.triton.python_library import VERSION, libpython_folder


def libpython() -> Finding:
    """The shared library of this Python, which the stub is linked to."""
    try:
        return Finding.ok("libpython", str(libpython_folder()))
    except SetupError as error:
        return Finding.fail("libpython", str(error), f"apt install libpython{VERSION}")


def tritonserver(settings: Settings) -> Finding:
    """A server that can be run."""
    try:
        return Finding.ok("tritonserver", str(find_installation(settings).binary))
    except SetupError as error:
        return Finding.fail("tritonserver", str(error), "pip install 'greenroom[triton]'")


def stub(settings: Settings, python: str = VERSION) -> Finding:
    """The process that runs a model in Python, made for this Python."""
    try:
        found = fitting_stub(find_installation(settings), python)
    except SetupError as error:
        return Finding.fail("Python stub", str(error))
    if found is None:
        return Finding.warn("Python stub", "not where it is expected; the trial run decides")
    return Finding.ok("Python stub", f"for Python {python}")


def runtime(settings: Settings) -> Finding:
    """A folder for locks, keys and prepared backends."""
    try:
        return Finding.ok("runtime folder", str(runtime_folder(settings)))
    except SetupError as error:
        return Finding.fail("runtime folder", str(error))


def keys(settings: Settings) -> Finding:
    """Who can reach the gateway must have a key, unless it is this machine alone."""
    check = "API keys"
    try:
        found = api_keys(settings)
    except SetupError as error:
        return Finding.fail(check, str(error))
    if not found:
        return Finding.ok(check, f"none; only this machine reaches {settings.host}")
    if warning := exposed(settings):
        return Finding.warn(check, warning)
    return Finding.ok(check, ", ".join(f"{found.count(scope)} {scope}" for scope in Scope))


def ports(settings: Settings) -> Finding:
    """Nobody else listens on the ports of this service."""
    listeners = gateway_listeners(settings) + triton_listeners(settings)
    faults = [fault for fault in map(port_fault, listeners) if fault]
    if not faults:
        numbers = ", ".join(str(listener.port) for listener in listeners)
        return Finding.ok("ports", f"{numbers} are free")
    if pid := running_supervisor(settings):
        return Finding.ok("ports", f"taken by this service, which runs (pid {pid})")
    return Finding.fail("ports", "\n".join(faults))


def repository(folder: Path) -> Finding:
    """Every model of a repository has a config that can be read, and a version."""
    check = f"models in {folder.name}"
    if not folder.is_dir():
        return Finding.fail(check, f"{folder} is not a folder")
    configs = sorted(folder.glob("*/config.pbtxt"))
    if faults := [fault for config in configs for fault in _faults(config)]:
        return Finding.fail(check, "\n".join(faults))
    if not configs:
        return Finding.warn(check, f"none in {folder}")
    return Finding.ok(check, ", ".join(config.parent.name for config in configs))


def _faults(path: Path) -> Iterator[str]:
    config = model_config_pb2.ModelConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        yield f"{path} cannot be read: {error}."
        return
    model = path.parent
    if config.name not in ("", model.name):
        yield f"{path} has the name {config.name}, but its folder is {model.name}."
    if not any(entry.is_dir() and entry.name.isdigit() for entry in model.iterdir()):
        yield f"{model} has no version folder, such as {model / '1'}."
