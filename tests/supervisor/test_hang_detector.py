"""What hangs is told from what this process itself had no time for."""

import asyncio
import time

from greenroom.supervisor.hang_detector import hanging

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


async def test_a_process_that_stood_still_does_not_take_the_other_for_hanging():
    asked = 0
    stood_still, gone_on = asyncio.Event(), asyncio.Event()

    async def answer(reader, writer):
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        if stood_still.is_set() and asked > 3:
            gone_on.set()
            await asyncio.Event().wait()
        if asked == 1:
            time.sleep(2)  # noqa: ASYNC251  # as SIGSTOP does, or a machine without time
            stood_still.set()
            await asyncio.sleep(0.01)
        writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with asyncio.timeout(60):
        watched = asyncio.create_task(hanging(f"http://{host}:{port}/", 0.5))
        await gone_on.wait()
        assert not watched.done()
        await watched
    server.close()
