"""One whole service for a test: real Triton, real gateway, and clients for both sides."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import MappingProxyType

import httpx
import psutil
import tritonclient.grpc.aio as triton_grpc
import tritonclient.http.aio as triton_http
from tritonclient.grpc import InferenceServerClientPlugin

from greenroom.settings import Settings
from greenroom.supervisor import Service
from greenroom.supervisor.component import PluginProcess
from greenroom.supervisor.service import Programs, default_programs
from greenroom.triton.key import GRPC_METADATA, HTTP_HEADER
from greenroom.triton.leftovers import stubs


class _Key(InferenceServerClientPlugin):
    """Sends Triton's key with every call, as tritonclient lets its users do."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request) -> None:
        request.headers.update(self._headers)


class Running:
    """A running service, what it logged, and unmodified clients of gateway and Triton."""

    def __init__(
        self,
        settings: Settings,
        programs: Programs = default_programs,
        plugins: Sequence[PluginProcess] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
        gate: Path | None = None,
    ) -> None:
        """`gate` is the file that the models `slow` and `gated` wait for."""
        self.settings = settings
        self.gate = gate
        gated = {"GREENROOM_TEST_GATE": str(gate)} if gate else {}
        self.lines: list[str] = []
        self._logged = asyncio.Event()
        self.service = Service(
            settings,
            log=self._log,
            programs=programs,
            plugins=plugins,
            environment={**os.environ, **gated, **environment},
        )
        self._policies: dict[str, dict] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self):
        await self.service.start()
        enter, settings = self._stack.enter_async_context, self.settings
        self.http = await enter(
            triton_http.InferenceServerClient(f"127.0.0.1:{settings.http_port}", conn_timeout=120)
        )
        self.grpc = await enter(
            triton_grpc.InferenceServerClient(f"127.0.0.1:{settings.grpc_port}")
        )
        triton = self.service.triton
        self.direct_grpc = await enter(triton_grpc.InferenceServerClient(triton.grpc_address))
        self.direct_grpc.register_plugin(_Key({GRPC_METADATA: triton.key}))
        if not settings.triton_on_socket:  # tritonclient.http knows no sockets
            self.direct_http = await enter(
                triton_http.InferenceServerClient(triton.endpoints.http_url.removeprefix("http://"))
            )
            self.direct_http.register_plugin(_Key({HTTP_HEADER: triton.key}))
        self.web = await enter(httpx.AsyncClient(base_url=self.service.url, timeout=120))
        return self

    async def __aexit__(self, *raised):
        await self._stack.aclose()
        await self.service.kill()

    async def page_served(self) -> None:
        """Wait until the web page is there; nothing else waits for it."""
        async with httpx.AsyncClient() as page:
            while True:
                with suppress(httpx.HTTPError):
                    (await page.get(self.service.plugins[0].ready_url)).raise_for_status()
                    return
                await asyncio.sleep(0.05)

    def stubs(self) -> list[psutil.Process]:
        """Return the models' living processes."""
        return stubs(self.service.triton.prefix)

    async def residency(self, model: str) -> dict:
        return (await self.web.get("/residency")).json()["models"][model]

    async def act(self, model: str, verb: str) -> httpx.Response:
        return await self.web.post(f"/residency/{model}/{verb}")

    async def change_policy(self, model: str, **changed) -> None:
        """Change a model's policy until `restore_policies`."""
        self._policies[model] = (await self.residency(model))["policy"]
        await self._patch(model, changed)

    async def restore_policies(self) -> None:
        while self._policies:
            await self._patch(*self._policies.popitem())

    async def _patch(self, model: str, policy: dict) -> None:
        (await self.web.patch(f"/residency/{model}", json=policy)).raise_for_status()

    async def counted(self, sample: str) -> float:
        """Return a sample of the gateway's metrics, by its name and labels."""
        lines = (await self.web.get("/metrics")).text.splitlines()
        return next(float(line[len(sample) :]) for line in lines if line.startswith(f"{sample} "))

    async def until(self, model: str, **expected) -> dict:
        """Wait until GET /residency shows what is expected of a model, and return that."""
        while True:
            shown = await self.residency(model)
            if all(shown[name] == value for name, value in expected.items()):
                return shown
            await asyncio.sleep(0.01)

    async def logged(self, text: str) -> str:
        """Wait until a line with that text has been logged, and return it."""
        while True:
            for line in self.lines:
                if text in line:
                    return line
            self._logged.clear()
            await self._logged.wait()

    async def times(self, number: int, text: str) -> None:
        """Wait until so many lines with that text have been logged."""
        while self.count(text) < number:
            self._logged.clear()
            await self._logged.wait()

    def count(self, text: str) -> int:
        """Return how many lines with that text have been logged."""
        return sum(text in line for line in self.lines)

    def _log(self, name: str, line: str) -> None:
        self.lines.append(f"{name} | {line}")
        print(self.lines[-1])
        self._logged.set()
