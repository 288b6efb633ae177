"""``greenroom verify`` against a server that does everything right, or one thing wrong."""

import asyncio
from typing import Any

import pytest
from acting_server import MODEL, Acting, acting_server
from command_line import run
from scripted_server import json_answer

from greenroom_client import AsyncClient, GreenroomClientError, InvalidInput, Refused, Unavailable
from greenroom_client.verify import checks
from greenroom_client.verify.verification import verify
from greenroom_client.verify.verify_result import Outcome, VerifyResult

pytestmark = pytest.mark.long

CHECKS = [check.name for check in checks.CHECKS]
REFUSED = json_answer({"error": "the disk is full."}, 503)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "IDLE", 0.1)
    monkeypatch.setattr(checks, "PUNCTUAL", 2.0)
    monkeypatch.setattr(checks, "PATIENCE", 2.0)


def verified(acting: Acting) -> tuple[dict[str, VerifyResult], str | None]:
    """Return the results by name, and why the model is not as it was found."""

    async def ask(url: str) -> tuple[list[VerifyResult], str | None]:
        async with AsyncClient(url) as client:
            return await verify(client, MODEL, lambda name: None)

    with acting_server(acting) as server:
        results, left = asyncio.run(ask(server.url))
    assert [result.check for result in results] == CHECKS
    return {result.check: result for result in results}, left


def as_found(acting: Acting) -> tuple[str, dict[str, Any]]:
    return acting.residency, acting.policy


@pytest.mark.parametrize("residency", ["cold", "warm", "hot"])
def test_a_good_server_passes_and_is_left_as_it_was_found(residency: str) -> None:
    acting = Acting(residency, {"pinned": False, "offload_after": 20.0, "unload_after": -1.0})
    acting.device_bytes = {"restore": 98}  # as a heap is measured, never quite the same
    before = residency, dict(acting.policy)

    results, left = verified(acting)

    assert {result.outcome for result in results.values()} == {Outcome.PASSED}, results
    assert (as_found(acting), left) == (before, None)


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a load that takes too long": (
        {"seconds": {"load": 30.5}},
        "first load",
        "the load took 30.50 s, over 30 s.",
    ),
    "a load that nobody hears of": ({"residency": "hot", "deaf": {"unload"}}, "first load", "hot"),
    "an offload that never comes": (
        {"deaf": {"offload"}},
        "offload after a task",
        "no offload was seen: it is hot with 0 leases",
    ),
    "an offload that comes at the wrong time": (
        {"seconds": {"offload": 2.9}},
        "offload after a task",
        "after the task; it should begin after 0.1 s.",
    ),
    "an offload that takes too long": (
        {"seconds": {"offload": 3.5}},
        "offload after a task",
        "the offload took 3.50 s, over 3 s.",
    ),
    "an offload that leaves something": (
        {"device_bytes": {"offload": 64}},
        "offload after a task",
        "64 bytes are left on the device.",
    ),
    "a restore that takes too long": (
        {"seconds": {"restore": 5.5}},
        "restore",
        "the restore took 5.50 s, over 5 s.",
    ),
    "a restore of less": (
        {"device_bytes": {"restore": 94}},
        "restore",
        "94 bytes are on the device; after its load 100 were.",
    ),
    "a restore of more": (
        {"device_bytes": {"restore": 106}},
        "restore",
        "106 bytes are on the device; after its load 100 were.",
    ),
    "a restore that does not come": (
        {"deaf": {"restore"}},
        "restore",
        "no restore was seen: it is warm",
    ),
    "an idle monitor that sleeps": (
        {"asleep": True},
        "idle monitor",
        "no unload was seen: it is hot",
    ),
    "an idle monitor that acts at the wrong time": (
        {"seconds": {"unload": 9.0}},
        "idle monitor",
        "after the task; it should begin after 0.1 s.",
    ),
    "a process that stays": ({"stubborn_pid": True}, "idle monitor", "its process 7 is still"),
    "memory that stays after an unload": (
        {"device_bytes": {"unload": 5}},
        "idle monitor",
        "5 bytes are left on the device.",
    ),
    "a verb that does nothing": (
        {"deaf": {"restore"}},
        "manual control",
        "after restore: it is warm; it should be hot.",
    ),
    "an offload by hand that leaves something": (
        {"device_bytes": {"offload": 64}},
        "manual control",
        "after offload: 64 bytes are left on the device.",
    ),
    "a verb that is refused": (
        {"refusals": {"restore": REFUSED}},
        "manual control",
        "disk is full",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails_its_check(fault: str) -> None:
    wrong, check, sentence = FAULTS[fault]

    results, _ = verified(Acting(**wrong))

    result = results[check]
    assert result.outcome is not Outcome.PASSED
    assert sentence in " ".join((result.measured, *result.faults))


def test_what_cannot_be_reached_is_not_checked_and_says_why() -> None:
    results, _ = verified(Acting("hot", refusals={"unload": REFUSED, "offload": REFUSED}))

    assert results["first load"].outcome is Outcome.NOT_CHECKED
    assert results["first load"].measured == "weights could not be made cold: the disk is full."


def test_a_model_that_cannot_be_put_back_is_said_to_be_so() -> None:
    acting = Acting("hot", {"pinned": False, "offload_after": 20.0, "unload_after": -1.0})
    acting.refusals["touch"] = REFUSED

    results, left = verified(acting)

    assert results["first load"].outcome is Outcome.FAILED
    assert left == (
        "weights could not be restored to how it was, hot with pinned False, offload_after 20 and "
        "unload_after -1: the disk is full."
    )


@pytest.mark.parametrize(
    ("acting", "error", "sentence"),
    [
        (Acting(leases=1), Unavailable, "weights serves 1 requests and 0 wait"),
        (Acting("hot", controllable=False), InvalidInput, "takes no RESIDENCY input"),
        (
            Acting("hot", refusals={"PATCH": json_answer({"error": "needs admin."}, 403)}),
            Refused,
            "needs admin",
        ),
    ],
)
def test_what_cannot_be_verified_is_said_and_left_alone(
    acting: Acting, error: type[GreenroomClientError], sentence: str
) -> None:
    before = acting.residency, dict(acting.policy)

    async def ask(url: str) -> None:
        async with AsyncClient(url) as client:
            await verify(client, MODEL, lambda name: None)

    with acting_server(acting) as server, pytest.raises(error, match=sentence):
        asyncio.run(ask(server.url))

    assert (as_found(acting), acting.done) == (before, [])


def test_a_server_that_ends_its_events_fails_the_checks() -> None:
    acting = Acting()

    async def ask(url: str) -> list[VerifyResult]:
        async with AsyncClient(url) as client:
            hang_up = iter([acting.hang_up])
            results, _ = await verify(
                client, MODEL, lambda name: next(hang_up, bool)() if name[0] == "2" else None
            )
            return results

    with acting_server(acting) as server:
        results = asyncio.run(ask(server.url))

    failed = [result for result in results if result.outcome is Outcome.FAILED]
    assert "closed the stream of events" in failed[0].measured


def test_the_command_prints_the_faults_and_exits_with_1() -> None:
    with acting_server(Acting(device_bytes={"unload": 5})) as server:
        done = run("verify", "--model", MODEL, "--url", server.url, COLUMNS="100")

    assert done.returncode == 1
    assert [line[:22].strip() for line in done.stdout.splitlines() if line[:1].strip()] == [
        "check",
        *CHECKS,
    ]
    assert "5 bytes are left on the device." in done.stdout
    assert "4/5 idle monitor: weights is hot" in done.stderr.splitlines()
