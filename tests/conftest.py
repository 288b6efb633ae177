"""Fixtures shared by all tests: settings with free ports, and a real Triton on them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
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
    os.environ["GREENROOM_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell's background job has SIGINT ignored, and would hand that on to what tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def free_settings(tmp_path: Path) -> SettingsFactory:
    """Return a maker of settings: free ports, a new runtime folder, the models of tests/models."""
    made: list[Settings] = []

    def make(**overrides: Any) -> Settings:
        defaults: dict[str, Any] = {
            "runtime_dir": tmp_path / f"runtime{len(made)}",
            "model_repository": TESTS / "models",
            "ensemble_repository": TESTS / "ensembles",
            "triton_exit_timeout": 2,
        }
        made.append(Settings(**own_ports() | defaults | overrides))
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
