"""Streams through the gateway: slow readers, dying models, many at once, what is measured.

``pour`` gives COUNT pieces of SIZE bytes, one row at a time.
"""

import asyncio
import json
import signal
import socket
from contextlib import suppress

import pytest
import pytest_asyncio
from tritonclient.utils import InferenceServerException
from walked_service import (
    is_final,
    numbers,
    streamed,
    triton_metric,
    until_rows,
    walked_service,
)

from greenroom.triton.backend_processes import backend_processes

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

END = b"\r\n0\r\n\r\n"
"""The last chunk of a body that is complete."""
BUFFER = 16 * 1024
"""Bytes of a client's receive buffer, so that the kernel hides little."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory):
    async with walked_service(tmp_path_factory.mktemp("streams"), send_timeout=6) as running:
        await running.act("pour", "load")
        yield running


def pieces_of(answers):
    """Return an iterator of the numbers of pieces; raises the error that comes in their place."""

    async def pieces():
        async for answer, error in answers:
            if error is not None:
                raise error
            yield answer.as_numpy("PIECE").item()
            if is_final(answer):
                return

    return pieces()


async def steps(running):
    """Return how many pieces ``pour`` has made."""
    return await triton_metric(running, "step_seconds_count", model="pour")


async def metric(running, name, **labels):
    shown = ",".join(
        f'{key}="{value}"' for key, value in sorted({"model": "pour", **labels}.items())
    )
    lines = (await running.web.get("/metrics")).text.splitlines()
    start = f"greenroom_{name}{{{shown}}} "
    return next(float(line.removeprefix(start)) for line in lines if line.startswith(start))


async def granted(running):
    """Return how many leases of ``pour``, which is hot, have been granted so far."""
    return await metric(running, "wait_seconds_count", start="hot")


async def http_stream(running, **asked):
    """Ask for generate_stream by a socket with a small buffer; return its reader and writer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", running.settings.http_port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=BUFFER)
    body = json.dumps(asked).encode()
    head = "POST /v2/models/pour/generate_stream HTTP/1.1\r\nHost: localhost\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return reader, writer


async def rest_of(reader):
    """Return what comes until the body or the connection ends."""
    text = bytearray()
    with suppress(ConnectionResetError):
        while not text.endswith(END) and (part := await reader.read(2**20)):
            text += part
    return bytes(text)


async def test_pieces_are_made_as_they_are_read_and_nobody_else_waits(running):
    before, count = await steps(running), 40
    reader, writer = await http_stream(running, COUNT=count, SIZE=200_000)
    text, made, seen = [], 0, -1
    while made != seen:
        text.append(await reader.read(BUFFER))
        others = pieces_of(streamed(running, "pour", numbers(COUNT=3)))
        assert [piece async for piece in others] == [1, 2, 3]
        before += 3
        seen, made = made, await steps(running) - before
    assert 1 < made <= 4  # one is being written, one comes next, and one is made ahead
    assert await metric(running, "streams") == 1
    text.append(await rest_of(reader))
    writer.close()
    assert text[-1].endswith(END)
    assert b"".join(text).count(b'"FILL":') == count
    await until_rows(running, 0, "pour")


async def test_a_client_that_takes_nothing_is_cut_off_and_frees_its_row(running):
    reader, writer = await http_stream(running, COUNT=1000, SIZE=400_000)
    await reader.readexactly(1000)
    await until_rows(running, 1, "pour")
    await until_rows(running, 0, "pour")
    assert not (await rest_of(reader)).endswith(END)
    writer.close()


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)]
)
async def test_a_process_that_dies_ends_what_has_begun_visibly_and_repeats_the_rest(
    running, number
):
    before = await granted(running)
    # Pieces so large that both streams soon pause: what has begun goes before the rest.
    begun = pieces_of(streamed(running, "pour", numbers(COUNT=100_000, SIZE=400_000)))
    assert await anext(begun) == 1
    reader, writer = await http_stream(running, COUNT=100_000, SIZE=400_000)
    await reader.readexactly(1000)
    wholes = [running.grpc.infer("pour", numbers(COUNT=50, WORK=0.02)) for _ in range(3)]
    waiting = [asyncio.ensure_future(one) for one in wholes]
    last = pieces_of(streamed(running, "pour", numbers(COUNT=1, WORK=0.02)))
    not_begun = asyncio.ensure_future(anext(last))
    while await granted(running) < before + 6:
        pass
    (process,) = backend_processes("pour", running.service.triton.prefix)
    process.send_signal(number)
    with pytest.raises(InferenceServerException, match="died in the middle of its answer"):
        async for _ in begun:
            pass
    assert b'data: {"error": "The model process' in await rest_of(reader)
    writer.close()
    assert [(await one).as_numpy("PIECE").item() for one in waiting] == [50] * 3
    assert await not_begun == 1
    await until_rows(running, 0, "pour")


async def test_forty_that_wait_are_answered_by_arrival_beside_the_stream_that_has_begun(running):
    begun = pieces_of(streamed(running, "pour", numbers(COUNT=5, WORK=0.002)))
    assert await anext(begun) == 1
    ends = []

    async def go_on():
        async for _ in begun:
            pass
        ends.append("begun")

    async def ask(number, **asked):
        await running.grpc.infer("pour", numbers(**asked))
        ends.append(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(go_on())
        for number in range(41):  # the first one's step lets the others gather
            before = await granted(running)
            asked = {"COUNT": 10, "WORK": 0.002} if number else {"COUNT": 1, "WORK": 1}
            group.create_task(ask(number, **asked))
            while await granted(running) == before:
                pass
    assert [name for name in ends if name != "begun"] == list(range(41))
    assert ends[-1] != "begun"


async def test_sixty_four_streams_at_once_begin_in_their_order_and_none_fails(running):
    ids = [str(number) for number in range(64)]
    answers = streamed(running, "pour", numbers(COUNT=10), requests=ids)
    pieces, finals = {name: [] for name in ids}, 0
    async for answer, error in answers:
        assert error is None
        pieces[answer.get_response().id].append(answer.as_numpy("PIECE").item())
        finals += is_final(answer)
        if finals == 64:
            break
    assert all(got == list(range(1, 11)) for got in pieces.values())
    begun = list(dict.fromkeys(pieces))
    assert begun == ids


async def test_first_and_late_pieces_are_counted(running):
    first = ("first_piece_seconds_count", {"start": "hot"})
    before = await metric(running, first[0], **first[1])
    late = await metric(running, "stream_late_pieces_total")
    answers = streamed(running, "pour", numbers(COUNT=3, SECONDS=0.2, WORK=0.4))
    assert [piece async for piece in pieces_of(answers)] == [1, 2, 3]
    assert await metric(running, first[0], **first[1]) == before + 1
    assert await metric(running, "stream_late_pieces_total") == late + 2
    assert await metric(running, "streams") == 0
