"""Fixtures shared by all tests: settings with free ports, a real Triton, whole services."""

import asyncio
import gc
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from own_ports import own_ports
from running import Running

from greenroom.settings import Settings
from greenroom.supervisor import TritonServer
from greenroom.supervisor.component import PluginProcess

TESTS = Path(__file__).parent

SettingsFactory = Callable[..., Settings]

SLOW_FIXTURES = {"serving", "service", "start", "triton", "up"}
"""They start processes of a service."""
SLOW_FOLDERS = {"end_to_end", "load", "reliability", "topology"}
SLOW_MODULE = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.(slow|long|gpu)\b", re.MULTILINE)


# Torch's threads would outnumber the cores, of which pytest-xdist's workers have one each.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is slow as a whole, instead of importing it for nothing."""
    if "not slow" not in config.option.markexpr:
        return None
    if collection_path.is_dir():
        return collection_path.name in SLOW_FOLDERS or None
    is_test = collection_path.match("test_*.py")
    return (is_test and bool(SLOW_MODULE.search(collection_path.read_text("utf-8")))) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep all that is imported out of the garbage collector's sight, now and while tests run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark what make test-fast leaves out; other modules that take long say so themselves."""
    for item in items:
        starts = SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if starts or SLOW_FOLDERS.intersection(item.path.parts):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        kept = ("GREENROOM_TRITONSERVER", "GREENROOM_PARITY", "GREENROOM_TOKENIZER_MODEL")
        if name.startswith("GREENROOM_") and name not in kept:
            del os.environ[name]
    os.environ["GREENROOM_UI"] = "false"
    os.environ["GREENROOM_ENGINES"] = "embedded"
    os.environ["GREENROOM_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell's background job has SIGINT ignored, and would hand that on to what tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _settings(runtime: Path, overrides: Mapping[str, Any]) -> Settings:
    defaults: dict[str, Any] = {
        "runtime_dir": runtime,
        "model_repository": TESTS / "models",
        "ensemble_repository": TESTS / "ensembles",
        "triton_exit_timeout": 2,
    }
    return Settings(**own_ports() | defaults | overrides)


@pytest.fixture
def free_settings(tmp_path: Path) -> SettingsFactory:
    """Return a maker of settings: free ports, a new runtime folder, the models of tests/models."""
    made: list[Settings] = []

    def make(**overrides: Any) -> Settings:
        made.append(_settings(tmp_path / f"runtime{len(made)}", overrides))
        return made[-1]

    return make


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], Awaitable[None]]:
    """Return a waiter for a state of another process, which has no event to wait for."""

    async def wait_for(holds: Callable[[], Any]) -> None:
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    return wait_for


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that the models `slow` and `gated` wait for.

    When one of them waits, ``gate.with_suffix(".reached")`` exists.
    """
    path = tmp_path / "gate"
    monkeypatch.setenv("GREENROOM_TEST_GATE", str(path))
    return path


@pytest.fixture
async def triton(free_settings: SettingsFactory, gate: Path) -> AsyncIterator[TritonServer]:
    """Return a real Triton on free ports with the models of tests/models, none loaded.

    Its models wait for `gate`.
    """
    async with TritonServer(free_settings()) as server:
        yield server


@pytest.fixture
async def start(
    free_settings: SettingsFactory, gate: Path
) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """Return a starter of whole services; they are killed after the test."""
    async with AsyncExitStack() as stack:

        async def start(
            plugins: Sequence[PluginProcess] = (),
            environment: Mapping[str, str] | None = None,
            **overrides: Any,
        ) -> Running:
            running = Running(
                free_settings(**overrides), plugins=plugins, environment=environment or {}
            )
            return await stack.enter_async_context(running)

        yield start


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """Return one service for all tests of a module, with what its SETTINGS and ENVIRONMENT say."""
    folder = tmp_path_factory.mktemp("service")
    settings = _settings(folder / "runtime", getattr(request.module, "SETTINGS", {}))
    voices = {"GREENROOM_VOICES_DIR": str(folder / "voices")}
    environment = voices | getattr(request.module, "ENVIRONMENT", {})
    async with Running(settings, gate=folder / "gate", environment=environment) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def running(serving: Running) -> Running:
    """Return `serving`: nothing is loaded, nothing has been logged, and the gate is shut."""
    serving.gate.touch()
    await serving.restore_policies()
    while loaded := await _loaded(serving):
        for name in loaded:
            await serving.act(name, "unload")
    serving.gate.unlink()
    serving.lines.clear()
    return serving


async def _loaded(serving: Running) -> list[str]:
    """Return the models that are not cold; the steps of an ensemble go after it."""
    models = (await serving.web.get("/residency")).json()["models"]
    return [name for name in reversed(models) if models[name]["residency"] != "cold"]
