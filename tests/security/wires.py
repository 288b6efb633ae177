"""Connections that a test has in its own hands, and requests for them."""

import asyncio
import json
from contextlib import asynccontextmanager

import grpc
import numpy as np

LARGE = np.zeros((1, 2 * 2**20), np.float32)
SERVICE = "/inference.GRPCInferenceService"
INFER = "POST /v2/models/echo/infer HTTP/1.1\r\nhost: localhost\r\n"


@asynccontextmanager
async def wire(running):
    reader, writer = await asyncio.open_connection("127.0.0.1", running.settings.http_port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def channel(running):
    address = f"127.0.0.1:{running.settings.grpc_port}"
    async with grpc.aio.insecure_channel(
        address, [("grpc.max_receive_message_length", -1)]
    ) as opened:
        yield opened


def echo_of(samples):
    """Return a whole HTTP request whose answer is as large."""
    tensor = {"name": "INPUT", "shape": samples.shape, "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": samples.nbytes}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    size = len(head) + samples.nbytes
    fields = f"inference-header-content-length: {len(head)}\r\ncontent-length: {size}\r\n\r\n"
    return (INFER + fields).encode() + head + samples.tobytes()


async def status_of(running, request):
    async with wire(running) as (reader, writer):
        writer.write(request)
        return int((await reader.readline()).split()[1])


class UnfinishedCall:
    """A gRPC call over HTTP/2 by hand, which sends a part of the message that it announces."""

    def __init__(self, method: str, *headers: tuple[str, str]) -> None:
        self._headers = ((":method", "POST"), (":scheme", "http"), (":path", f"{SERVICE}/{method}"),
            (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers"),
            *headers)  # fmt: skip
        self._windows = {0: 65_535, 1: 65_535}
        self.pause = 0.0
        """Seconds after each part."""

    async def send(self, running, announced: int, size: int) -> None:
        """Send so many bytes of the message, and then nothing; returns when the server ends it."""
        address = "127.0.0.1", running.settings.grpc_port
        self._reader, self._writer = await asyncio.open_connection(*address)
        try:
            self._writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            self._frame(4, 0, 0, b"")
            named = b"".join(
                b"\0" + b"".join(bytes([len(one)]) + one.encode() for one in pair)
                for pair in self._headers
            )
            self._frame(1, 4, 1, named)
            left = memoryview(b"\0" + announced.to_bytes(4) + bytes(size))
            while left or await self._read():
                part = left[: max(0, min(16_384, *self._windows.values()))]
                if not part:
                    await self._read()
                    continue
                self._frame(0, 0, 1, part)
                await self._writer.drain()
                await asyncio.sleep(self.pause)
                left = left[len(part) :]
                for stream in self._windows:
                    self._windows[stream] -= len(part)
        finally:
            self._writer.transport.abort()

    def _frame(self, kind: int, flags: int, stream: int, content: bytes | memoryview) -> None:
        self._writer.write(len(content).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4))
        self._writer.write(content)

    async def _read(self) -> bool:
        """Take one frame; false at a reset of the call. Raises when the connection has ended."""
        head = await self._reader.readexactly(9)
        content = await self._reader.readexactly(int.from_bytes(head[:3]))
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
        if kind == 8:
            self._windows[stream] += int.from_bytes(content)
        elif kind == 4 and not flags:
            for at in range(0, len(content), 6):
                if int.from_bytes(content[at : at + 2]) == 4:
                    self._windows[1] += int.from_bytes(content[at + 2 : at + 6]) - 65_535
            self._frame(4, 1, 0, b"")
        elif kind == 6 and not flags:
            self._frame(6, 1, 0, content)
        return kind not in (3, 7) and not (kind == 1 and flags & 1)
