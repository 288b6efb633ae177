"""Whatever dies, or stands still, in whatever state, under load: nobody is lost.

Everybody gets an answer, or 503 with the time after which to ask again; a stream that has begun a
visible end; and then the service is whole. Who asks a gateway that dies sees the connection break.

Here is what no other test of this folder has; the whole matrix, the table of docs/operating.md,
runs on request: ``pytest -m long tests/reliability/test_matrix.py``.
"""

import asyncio
import os
import re
import signal
from contextlib import suppress

import httpx
import pytest
from echo import echoed, grpc_inputs
from states import STATES
from tritonclient.utils import InferenceServerException

from greenroom.settings import PROJECT

PROCESSES = ("backend", "triton", "gateway")
SIGNALS = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}
IN_SUITE = {
    ("backend", "killed", "between pieces"),
    ("triton", "killed", "loading"),
    ("triton", "killed", "restoring"),
    ("triton", "killed", "between pieces"),
    ("triton", "killed", "offloading"),
    ("triton", "killed", "unloading"),
    ("gateway", "killed", "restoring"),
    ("gateway", "killed", "between pieces"),
    ("gateway", "killed", "offloading"),
    ("gateway", "stopped", "inferring"),
}
CELLS = [
    pytest.param(
        process,
        how,
        state,
        id=f"{process} {how} {state}",
        marks=() if (process, how, state) in IN_SUITE else pytest.mark.long,
    )
    for process in PROCESSES
    for how in SIGNALS
    for state in STATES
]
BROKEN = (httpx.TransportError, ConnectionError, OSError)
"""What a client sees of a gateway that dies."""


def pid_of(faults, process, model):
    service = faults.running.service
    if process == "backend":
        return faults.running.stubs()[0].pid if model == "gated" else faults.pid(model)
    return service.triton.pid if process == "triton" else service.programs[0].pid


def fault_of(outcome, process):
    """Return what is wrong with how a request ended; None if nothing is."""
    died = process == "gateway"
    if isinstance(outcome, httpx.Response):
        good = outcome.status_code == 200
        again = outcome.status_code == 503 and "retry-after" in outcome.headers
        return None if good or again else f"{outcome.status_code} {outcome.text}"
    if isinstance(outcome, InferenceServerException):
        status, text = str(outcome.status()), str(outcome)
        refused = status in ("503", "StatusCode.UNAVAILABLE")
        of_stream = status == "None" and any(
            told in text
            for told in ("died in the middle", "stopped in the middle", "lost this stream")
        )
        return None if refused or of_stream or died else f"{status} {text}"
    if isinstance(outcome, BaseException):
        return None if died else repr(outcome)
    return None if outcome != "silence" else "a stream ended without a word"


async def asks_all_the_time(faults, ended, outcomes):
    """Ask `echo` over HTTP, one request after another."""
    while not ended.is_set():
        try:
            outcome = await faults.running.web.post("/v2/models/echo/infer", json=faults.json())
        except httpx.TransportError as error:
            outcome = error
            await asyncio.sleep(0.02)
        outcomes.append(outcome)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("process", "how", "state"), CELLS)
async def test_nobody_is_lost(faults, process, how, state):
    await faults.load("echo")
    async with STATES[state](faults) as (model, asked):
        outcomes, ended = [], asyncio.Event()
        load = asyncio.create_task(asks_all_the_time(faults, ended, outcomes))
        os.kill(pid_of(faults, process, model), SIGNALS[how])
    outcomes += await asyncio.gather(*asked, return_exceptions=True)
    await served(faults, "echo")
    await served(faults, model)
    ended.set()
    await load
    assert [fault for one in outcomes if (fault := fault_of(one, process))] == []


async def served(faults, model):
    """The model answers, within the time in which what hangs is noticed."""
    async with asyncio.timeout(30):
        while True:
            with suppress(InferenceServerException, *BROKEN):
                if model == "tally":
                    answer = await faults.running.web.post(
                        "/v2/models/tally/generate", json={"TEXT": "One two."}
                    )
                    if answer.status_code == 200:
                        return
                elif echoed(
                    await faults.running.grpc.infer(model, grpc_inputs(), client_timeout=20)
                ):
                    return
            await asyncio.sleep(0.05)


def test_the_table_has_every_state():
    table = (
        (PROJECT / "docs" / "operating.md").read_text("utf-8").split("## When something dies")[1]
    )
    rows = re.findall(r"^\| ([a-z ]+) \|", table.split("\n## ")[0], re.MULTILINE)
    assert rows == ["state", *STATES]
