"""The doctor's checks: each one's good case on this machine, and its failing cases."""

import socket
from importlib import metadata
from shutil import copytree

import pytest
import typer
from stand_in import with_stand_in
from typer.testing import CliRunner

from greenroom.supervisor import Service
from greenroom.supervisor import machine_checks as machine
from greenroom.supervisor import server_checks as server
from greenroom.supervisor.check_result import CheckResult, Verdict
from greenroom.supervisor.commands import register
from greenroom.supervisor.component import PluginProcess
from greenroom.supervisor.doctor import examine
from greenroom.supervisor.machine_checks import GpuInfo
from greenroom.supervisor.only_supervisor import only_supervisor
from greenroom.supervisor.ports import gateway_listeners
from greenroom.supervisor.trial_run import trial_run
from greenroom.triton.python_library import VERSION

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
H100 = GpuInfo("NVIDIA H100", "580.1", 81559)


def missing(name: str) -> object:
    raise OSError(name)


def not_installed(name: str) -> str:
    raise metadata.PackageNotFoundError(name)


async def test_this_machine_can_run_greenroom(free_settings):
    results = await examine(free_settings())
    assert [one for one in results if one.verdict is FAIL] == []
    assert results[-1].found.startswith("Triton 2.")


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10), FAIL), ((3, 11), OK), ((3, 12), OK), ((3, 13), FAIL)]
)
def test_python(version, verdict):
    assert machine.python(version).verdict is verdict


@pytest.mark.parametrize(
    ("version", "verdict"),
    [(lambda name: "1.26.4", OK), (lambda name: "2.3.0", FAIL), (not_installed, FAIL)],
)
def test_numpy(version, verdict):
    assert machine.numpy(version).verdict is verdict


@pytest.mark.parametrize(
    ("index", "found", "visible", "verdict", "text"),
    [
        (0, [], None, WARN, "none"),
        (0, [H100], None, OK, "0: NVIDIA H100, 80 GiB, driver 580.1"),
        (1, [H100], None, FAIL, "number 1 is chosen, but there are 1"),
        (0, [H100, H100], "1", OK, "1: NVIDIA H100"),
        (1, [H100, H100], "1", FAIL, "GREENROOM_GPU is 1"),
        (0, [H100], "", WARN, "hidden"),
        (0, [H100], "GPU-8a2f", OK, "GPU-8a2f"),
    ],
)
def test_gpu(index, found, visible, verdict, text):
    result = machine.gpu(index, found, visible)
    assert result.verdict is verdict
    assert text in result.found


def test_gpus_are_read_from_the_driver(tmp_path):
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho 'NVIDIA H100, 580.1, 81559'\n")
    command.chmod(0o755)
    assert machine.gpus(str(command)) == [H100]


def test_a_driver_that_does_not_answer_means_no_gpu(tmp_path):
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\nexit 9\n")
    command.chmod(0o755)
    assert machine.gpus(str(command)) == []
    assert machine.gpus(str(tmp_path / "nothing")) == []


@pytest.mark.parametrize(
    ("gpu", "limit", "verdict"), [(True, 2**23, WARN), (False, 2**23, OK), (True, -1, OK)]
)
def test_locked_memory(gpu, limit, verdict):
    assert machine.locked_memory(gpu, limit).verdict is verdict


@pytest.mark.parametrize(("free", "verdict"), [(2**20, FAIL), (2**26, WARN), (2**30, OK)])
def test_shared_memory(free, verdict, tmp_path):
    assert machine.shared_memory(tmp_path, free).verdict is verdict


def test_missing_shared_memory(tmp_path):
    assert machine.shared_memory(tmp_path / "shm").verdict is FAIL


def test_libpython(monkeypatch, tmp_path):
    assert server.libpython().verdict is OK
    monkeypatch.setattr("greenroom.triton.python_library._candidates", lambda: [tmp_path])
    result = server.libpython()
    assert result.verdict is FAIL
    assert result.remedy == f"apt install libpython{VERSION}"


def test_tritonserver_that_cannot_be_run(free_settings, tmp_path):
    result = server.tritonserver(free_settings(tritonserver=tmp_path / "tritonserver"))
    assert result.verdict is FAIL
    assert "GREENROOM_TRITONSERVER" in result.found


def test_no_tritonserver(free_settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("greenroom.triton.installation.find_spec", lambda name: None)
    settings = free_settings(tritonserver=None)
    assert server.tritonserver(settings).found.startswith("No tritonserver was found")
    assert server.stub(settings).verdict is FAIL


def test_stub_of_the_wheel(free_settings):
    assert server.stub(free_settings()).verdict is OK
    result = server.stub(free_settings(), python="3.7")
    assert result.verdict is FAIL
    assert "no Python backend stub for 3.7" in result.found


@pytest.mark.parametrize(
    ("content", "verdict"),
    [(f"libpython{VERSION}.so.1.0", OK), ("libpython3.9.so.1.0", FAIL), ("static", OK)],
)
def test_stub_of_another_installation(free_settings, tmp_path, content, verdict):
    """Such as the one in NVIDIA's container, which has one stub, beside the backend."""
    backend = tmp_path / "backends" / "python"
    backend.mkdir(parents=True)
    (backend / "triton_python_backend_stub").write_text(f"ELF ... {content}\0")
    binary = tmp_path / "bin" / "tritonserver"
    binary.parent.mkdir()
    binary.touch(mode=0o755)
    assert server.stub(free_settings(tritonserver=binary)).verdict is verdict


def test_runtime_folder_that_cannot_be_made(free_settings, tmp_path):
    (tmp_path / "file").touch()
    result = server.runtime(free_settings(runtime_dir=tmp_path / "file" / "runtime"))
    assert result.verdict is FAIL
    assert "GREENROOM_RUNTIME_DIR" in result.found


def test_taken_port(free_settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = free_settings(http_port=port)
        result = server.ports(settings, gateway_listeners(settings))
    assert result.verdict is FAIL
    assert f"Port {port} on 127.0.0.1 is taken by " in result.found
    assert "GREENROOM_HTTP_PORT" in result.found


@pytest.mark.slow
async def test_ports_of_the_running_service_are_no_fault(free_settings):
    settings = free_settings()
    service = Service(settings, log=lambda name, line: None, programs=with_stand_in())
    await service.start()
    result = server.ports(settings, gateway_listeners(settings))
    await service.kill()
    assert result.verdict is OK
    assert "which runs" in result.found


def rows(results):
    return {one.check: one for one in results}


async def test_a_controller_by_itself_asks_its_triton(triton):
    settings = triton.settings
    with only_supervisor(settings, ["controller"]):
        there = rows(await examine(settings))
        nowhere = settings.model_copy(update={"shared_dir": settings.runtime / "elsewhere"})
        gone = rows(await examine(nowhere))
    assert there["Triton"].verdict is OK
    assert "tritonserver" not in there
    assert "trial run" not in there
    assert gone["Triton"].verdict is FAIL
    assert "does not answer" in gone["Triton"].found


async def test_a_page_by_itself_asks_its_gateway(free_settings, monkeypatch):
    settings = free_settings()
    url = f"http://127.0.0.1:{settings.http_port}/healthz"
    page = PluginProcess("page", (), "", "", asks=url)
    monkeypatch.setattr("greenroom.supervisor.doctor.plugin_processes", lambda settings: [page])
    with only_supervisor(settings, ["page"]):
        found = rows(await examine(settings))
    assert set(found) == {"user", "Python", "runtime folder", "ports", "what page asks"}
    assert found["what page asks"].verdict is FAIL
    assert url in found["what page asks"].found


@pytest.mark.parametrize(
    ("given", "verdict", "text"),
    [
        ({}, OK, "alone, on sockets in "),
        ({"triton_listen": "127.0.0.1"}, WARN, "every user of this machine"),
        ({"triton_listen": "0.0.0.0"}, WARN, "whoever reaches 0.0.0.0 and has its key"),
        ({"triton_metrics_host": "0.0.0.0"}, OK, "without a key, by whoever reaches 0.0.0.0"),
    ],
)
def test_who_reaches_triton(free_settings, given, verdict, text):
    result = server.doors(free_settings(**given))
    assert result.verdict is verdict
    assert text in result.found


async def test_nothing_is_to_be_installed_where_nothing_can_be_written(
    free_settings, monkeypatch, tmp_path
):
    monkeypatch.setattr("greenroom.supervisor.doctor.sysconfig.get_path", lambda _: "/proc/sys")
    settings = free_settings(tritonserver=tmp_path / "none")
    monkeypatch.setattr(
        "greenroom.supervisor.machine_checks.metadata.version", lambda name: "2.3.0"
    )
    found = rows(await examine(settings))
    assert found["tritonserver"].remedy.startswith("Nothing can be installed")
    assert "pip install" not in str(found)


def test_repositories(free_settings, tmp_path):
    settings = free_settings()
    assert server.repository(settings.model_repository[0]).verdict is OK
    assert server.repository(tmp_path / "nowhere").verdict is FAIL
    assert server.repository(tmp_path).verdict is WARN


@pytest.mark.parametrize(
    ("name", "config", "text"),
    [
        ("echo", "max_batch_size: many", "cannot be read"),
        ("echo", 'name: "other"', "has the name other"),
        ("unversioned", "", "has no version folder"),
    ],
)
def test_faults_of_a_model(free_settings, tmp_path, name, config, text):
    repository = tmp_path / "models"
    copytree(free_settings().model_repository[0] / "echo", repository / "echo")
    (repository / name).mkdir(exist_ok=True)
    (repository / name / "config.pbtxt").write_text(config)
    result = server.repository(repository)
    assert result.verdict is FAIL
    assert text in result.found


@pytest.mark.parametrize(
    ("host", "text", "mode", "verdict", "found"),
    [
        ("127.0.0.1", None, 0, OK, "none"),
        ("0.0.0.0", None, 0, FAIL, "GREENROOM_HOST is 0.0.0.0"),
        ("0.0.0.0", "admin:0123456789abcdef", 0o600, OK, "0 inference, 1 admin"),
        ("127.0.0.1", "admin:0123456789abcdef", 0o644, WARN, "chmod 600"),
        ("127.0.0.1", "admin:0123", 0o600, FAIL, "Line 1 of"),
    ],
)
def test_api_keys(free_settings, tmp_path, host, text, mode, verdict, found):
    path = tmp_path / "api.keys"
    if text:
        path.write_text(text)
        path.chmod(mode)
    result = server.keys(free_settings(host=host, api_keys_file=path if text else None))
    assert result.verdict is verdict
    assert found in result.found
    assert "0123" not in result.found


async def test_a_trial_run_tells_why_the_server_does_not_start(free_settings, tmp_path):
    binary = tmp_path / "tritonserver"
    binary.write_text("#!/bin/sh\necho libb64.so: cannot open\nexit 127\n")
    binary.chmod(0o755)
    result = await trial_run(free_settings(tritonserver=binary))
    assert result.verdict is FAIL
    assert "libb64.so: cannot open" in result.found


@pytest.mark.parametrize(("verdict", "code"), [(OK, 0), (WARN, 0), (FAIL, 1)])
def test_the_command_exits_with_1_if_a_check_has_failed(monkeypatch, verdict, code):
    async def examine(settings):
        return [CheckResult("memory", verdict, "as it is", "more of it")]

    monkeypatch.setattr("greenroom.supervisor.doctor_table.examine", examine)
    result = CliRunner().invoke(command(), ["doctor"])
    assert result.exit_code == code
    assert str(verdict) in result.output
    assert "more of it" in result.output


def test_wrong_settings_are_named_and_exit_with_2(monkeypatch):
    monkeypatch.setenv("GREENROOM_HTTP_PORT", "many")
    result = CliRunner().invoke(command(), ["doctor"])
    assert result.exit_code == 2
    assert "GREENROOM_HTTP_PORT" in result.output


def command():
    app = typer.Typer()
    register(app)
    return app
