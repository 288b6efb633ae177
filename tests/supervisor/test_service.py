"""The supervisor on a real Triton, with a small program in the controller's place."""

import asyncio
import os
import signal

import psutil
import pytest
import stand_in
from stand_in import with_stand_in

from greenroom.errors import SetupError
from greenroom.supervisor import Service
from greenroom.supervisor.component import PluginProcess
from greenroom.triton.key import GRPC_METADATA
from greenroom.triton.leftovers import alive, regions, stubs
from greenroom.triton.restart_request import ask_for_restart

pytestmark = pytest.mark.slow


class Log:
    """Collects lines; lets a test wait for one."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._added = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(f"{name}: {line}")
        self._added.set()

    async def seen(self, text: str) -> str:
        while True:
            for line in self.lines:
                if text in line:
                    return line
            self._added.clear()
            await self._added.wait()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def service(free_settings, log):
    """A running service; killed after the test, which is quicker than stopped."""
    service = Service(free_settings(), log=log, programs=with_stand_in())
    await service.start()
    yield service
    await service.kill()


async def test_a_killed_triton_comes_back_alone(service, log):
    triton, program = service.triton.pid, service.programs[0].pid
    os.kill(triton, signal.SIGKILL)
    await log.seen("triton: runs again")
    assert service.triton.pid != triton
    assert service.programs[0].pid == program
    assert service.programs[0].running


async def test_what_hangs_is_killed_and_comes_back(free_settings, log):
    service = Service(free_settings(hang_timeout=1.5), log=log, programs=with_stand_in())
    await service.start()
    before = {"triton": service.triton.pid, "stand-in": service.programs[0].pid}
    for name, pid in before.items():
        os.kill(pid, signal.SIGSTOP)
        await log.seen(f"{name}: has not answered for 1.5 s; restarting in 0.1 s")
        await log.seen(f"{name}: runs again")
    assert service.triton.pid != before["triton"]
    assert service.programs[0].pid != before["stand-in"]
    await service.kill()


async def test_a_triton_that_is_asked_to_restart_does_so_once(service, log):
    triton = service.triton.pid
    ask_for_restart(service.settings, "The process of model tts cannot be seen.")
    await log.seen("triton: is being restarted: The process of model tts cannot be seen; restart")
    await log.seen("triton: runs again")
    assert service.triton.pid != triton
    assert not list(service.settings.runtime.glob("*.restart"))


async def test_a_stopped_triton_is_killed_when_the_service_stops(service, log):
    triton = psutil.Process(service.triton.pid)
    triton.suspend()
    await service.stop()
    assert await service.triton.wait() == -signal.SIGKILL
    assert not alive(triton)


async def test_a_killed_program_comes_back_alone(service, log):
    triton, program = service.triton.pid, service.programs[0].pid
    os.kill(program, signal.SIGKILL)
    await log.seen("stand-in: runs again")
    assert service.programs[0].pid != program
    assert service.triton.pid == triton
    assert service.triton.running


async def test_a_program_that_ends_before_it_is_ready_ends_the_start(free_settings, log):
    service = Service(free_settings(), log=log, programs=with_stand_in("--exit", "3"))
    with pytest.raises(
        SetupError, match=r"(?s)stand-in ended with exit status 3.*no model to be seen"
    ):
        await service.start()
    assert not service.triton.running


async def test_a_start_that_is_cancelled_ends_what_it_has_started(free_settings, log):
    service = Service(free_settings(), log=log, programs=with_stand_in("--status", "503"))
    starting = asyncio.create_task(service.start())
    await log.seen("stand-in: not ready yet: tts is being loaded")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not service.triton.running
    assert not service.programs[0].running


async def test_a_program_that_ignores_sigterm_is_killed(free_settings, log):
    settings = free_settings(drain_timeout=0)
    service = Service(settings, log=log, programs=with_stand_in("--deaf"))
    await service.start()
    await service.stop()
    assert not service.programs[0].running


async def test_a_process_that_is_switched_off_can_still_be_started_alone(free_settings, log):
    settings = free_settings()
    url = f"http://127.0.0.1:{settings.http_port}/readyz"
    page = PluginProcess("page", (stand_in.__file__,), url, "page", enabled=False)
    whole = Service(settings, log=log, plugins=[page])
    assert (whole.components, whole.companions) == (["triton", "controller"], [])
    async with Service(settings, log=log, plugins=[page], only="page") as alone:
        (program,) = alone.programs
        assert program.running


async def test_a_second_supervisor_of_a_runtime_folder_is_refused(service, log):
    drawn = service.settings.runtime / "region.prefix"
    before = drawn.read_text()
    drawn.write_text("")  # who may would draw it anew
    second = Service(service.settings, log=log, programs=with_stand_in())
    with pytest.raises(SetupError, match=rf"already runs in .*\(triton, pid {os.getpid()}\)"):
        await second.start()
    assert service.triton.running
    assert drawn.read_text() == ""
    drawn.write_text(before)
    await service.kill()
    await second.start()
    await second.kill()


async def test_a_taken_port_is_named_with_its_setting_and_owner(free_settings, log, triton):
    port = triton.settings.triton_metrics_port
    service = Service(free_settings(grpc_port=port), log=log, programs=with_stand_in())
    expected = (
        rf"Port {port} on 127.0.0.1 is taken by tritonserver \(pid {triton.pid}\); .*GRPC_PORT"
    )
    with pytest.raises(SetupError, match=expected):
        await service.start()


async def test_two_settings_with_one_port_are_named(free_settings, log):
    settings = free_settings(http_port=4242, triton_metrics_port=4242)
    expected = "GREENROOM_TRITON_METRICS_PORT and GREENROOM_HTTP_PORT are both 4242"
    with pytest.raises(SetupError, match=expected):
        await Service(settings, log=log, programs=with_stand_in()).start()


async def test_without_a_key_it_does_not_listen_to_other_machines(free_settings, log):
    service = Service(free_settings(host="0.0.0.0"), log=log, programs=with_stand_in())
    with pytest.raises(SetupError, match=r"GREENROOM_HOST is 0\.0\.0\.0.*GREENROOM_API_KEYS_FILE="):
        await service.start()
    assert service.triton.pid is None


async def test_left_overs_of_a_killed_run_are_cleared(free_settings, log, triton, client):
    """Triton killed without its stub: the next start of the same runtime folder ends it."""
    await client.load_model("echo", headers={GRPC_METADATA: triton.key})
    (stub,) = stubs(triton.prefix)
    stub.suspend()
    os.kill(triton.pid, signal.SIGKILL)
    await triton.wait()
    assert regions(triton.prefix)
    service = Service(triton.settings, log=log, programs=with_stand_in())
    await service.start()
    assert not alive(stub)
    assert not regions(triton.prefix)
    assert not stubs(triton.prefix)
    await service.kill()
