"""One running Prometheus, asked through its HTTP API."""

import asyncio
import math
from contextlib import suppress
from pathlib import Path

import httpx
from programs import program

PATIENCE = 60
"""Seconds for which a query is repeated until it has data, far more than it should take."""
Series = list[tuple[dict[str, str], list[float]]]


class Prometheus:
    """Runs on `port` with a configuration file; ended when the block ends."""

    def __init__(self, config: Path, port: int) -> None:
        self._config = config
        self._port = port
        self._web = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)

    async def __aenter__(self):
        self._process = await asyncio.create_subprocess_exec(
            program("prometheus"),
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self._config.parent / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=warn",
        )
        async with asyncio.timeout(20):
            while not await self._ready():
                assert self._process.returncode is None, "it ended; its words are above"
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *raised):
        await self._web.aclose()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _ready(self) -> bool:
        try:
            return (await self._web.get("/-/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def get(self, path: str, **parameters) -> dict:
        """Return the `data` of an answer of the API."""
        answer = (await self._web.get(f"/api/v1/{path}", params=parameters)).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    async def now(self, query: str) -> Series:
        """Return the labels and the value of each series now, those without a number left out."""
        data = await self.get("query", query=query)
        return _numbers((each["metric"], [each["value"]]) for each in data["result"])

    async def between(self, query: str, start: float, end: float) -> Series:
        """Return the labels and the values, second by second, as a panel asks for them."""
        data = await self.get("query_range", query=query, start=start, end=end, step=1)
        return _numbers((each["metric"], each["values"]) for each in data["result"])

    async def until(self, query: str) -> Series:
        """Wait until a query returns something, and return that. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.now(query)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return found


def _numbers(results) -> Series:
    kept = (
        (labels, [float(text) for _, text in values if not math.isnan(float(text))])
        for labels, values in results
    )
    return [(labels, values) for labels, values in kept if values]
