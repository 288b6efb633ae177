"""What of a fleet needs no cluster: what requests ask for, what is told, who may start one."""

import os
from pathlib import Path

import pytest
from small_fleet import Fleet

from greenroom.fleet.directory import Directory, RequestNeeds
from greenroom.fleet.report import Pace, Reporter, replica_of
from greenroom.fleet.token import ray_environment, token_file
from greenroom.residency.replica import MeasuredCosts
from greenroom.residency.states import Residency
from greenroom.settings import Settings

SERVED = Directory(
    {"/say": "speech", "/things/{name}/preview": "tts"},
    {"speech": ("asr", "tts"), "asr": ("asr",), "tts": ("tts",)},
)


@pytest.mark.parametrize(
    ("path", "query", "asked"),
    [
        ("/v2/models/tts/infer", b"", RequestNeeds(("tts",))),
        ("/v2/models/tts/versions/1/infer", b"", RequestNeeds(("tts",))),
        ("/v2/models/speech/generate_stream", b"", RequestNeeds(("asr", "tts"))),
        ("/v2/repository/models/tts/load", b"", RequestNeeds(("tts",))),
        ("/say", b"", RequestNeeds(("asr", "tts"))),
        ("/things/a/preview", b"", RequestNeeds(("tts",))),
        ("/residency/tts/load", b"replica=x", RequestNeeds(("tts",), "x")),
        ("/metrics", b"replica=x", RequestNeeds((), "x")),
        ("/say", b"replica=x", RequestNeeds(("asr", "tts"))),
        ("/residency", b"", RequestNeeds()),
        ("/v2/health/ready", b"", RequestNeeds()),
        ("/v2/models/whatever-anybody-sends/infer", b"", RequestNeeds()),
    ],
)
def test_what_a_path_asks_for(path: str, query: bytes, asked: RequestNeeds) -> None:
    found = SERVED.of_path(path, query)
    assert (tuple(found.needs), found.replica) == (asked.needs, asked.replica)


def test_the_directory_survives_its_way_through_ray() -> None:
    again = Directory.of_metadata(SERVED.as_metadata())
    assert again.of_path("/say", b"").needs == ["asr", "tts"]


def test_a_model_that_was_added_later_is_one() -> None:
    later = SERVED.knowing(["tts", "speech", "new"])
    assert later.needs("new") == ("new",)
    assert later.needs("speech") == ("asr", "tts")


def test_a_stream_of_which_nothing_is_said_asks_for_nothing() -> None:
    assert SERVED.of_message(None, {}) == RequestNeeds()
    assert SERVED.of_message(None, {"model": "tts"}).needs == ("tts",)


def shown(residency: str, action: str, seconds: float) -> dict:
    return {
        "residency": residency,
        "leases": 1,
        "waiting": 2,
        "idle_seconds": 0.0,
        "device_bytes": 80,
        "device_overhead_bytes": 20,
        "policy": {"pinned": False},
        "last_transition": {"action": action, "seconds": seconds},
    }


def test_a_report_says_what_is_there_and_what_was_measured() -> None:
    reporter = Reporter()
    budget = {"budget_bytes": 300, "held_bytes": 100, "reserve_bytes": 50, "needs": {"tts": 100}}
    gpu = {"total_bytes": 1000, "used_bytes": 800}
    for action, seconds in (("load", 2.0), ("restore", 0.5)):
        stats = reporter.stats(
            {"models": {"tts": shown("hot", action, seconds)}, "budget": budget, "gpu": gpu}, 0.0
        )
    replica, measured = replica_of(stats)
    standing = replica.standing("tts")
    assert (standing.residency, standing.in_flight, standing.held_bytes) == (Residency.HOT, 3, 100)
    assert replica.free_bytes == 150  # the card leaves less than the bound
    assert measured["tts"] == MeasuredCosts(2.0, 0.5, None, 100)


def test_a_load_that_an_offload_follows_is_measured_all_the_same() -> None:
    reporter = Reporter()
    event = {"model": "tts", "seconds": 2.0, "error": None}
    reporter.happened(event | {"action": "load"})
    reporter.happened(event | {"action": "restore", "seconds": 0.5})
    reporter.happened(event | {"action": "load", "seconds": 60.0, "error": "It has failed."})
    seen = {"models": {"tts": shown("warm", "offload", 0.1)}, "budget": None, "gpu": None}
    measured = replica_of(reporter.stats(seen, 0.0))[1]["tts"]
    assert (measured.load_seconds, measured.restore_seconds) == (2.0, 0.5)


def test_a_request_that_waited_for_a_load_does_not_count_as_work() -> None:
    pace, now = Pace(), [0.0]

    def ask(seconds: float) -> None:
        with pace.asked(("tts",), lambda: now[0]):
            now[0] += seconds

    ask(2.0)
    assert pace.of("tts") is None
    pace.saw(frozenset({"tts"}))
    ask(0.1)
    ask(0.1)
    assert pace.of("tts") == pytest.approx(0.1)


def test_the_token_is_drawn_once_for_its_user_alone(tmp_path: Path) -> None:
    settings = Settings(runtime_dir=tmp_path)
    path = token_file(settings)
    drawn = path.read_text()
    assert token_file(settings).read_text() == drawn
    assert path.stat().st_mode & 0o777 == 0o600
    assert ray_environment(settings, os.environ)["RAY_AUTH_MODE"] == "token"


@pytest.mark.slow
def test_without_keys_no_other_machine_is_served(tmp_path: Path) -> None:
    done = Fleet(tmp_path, host="0.0.0.0").command("up")
    assert done.returncode == 1
    assert "no API key is configured" in done.stderr


@pytest.mark.slow
def test_a_config_file_is_what_up_would_deploy(tmp_path: Path) -> None:
    written = Fleet(tmp_path).command("config", "--replicas", "3", "--min-replicas", "0").stdout
    assert "import_path: greenroom.fleet.application:build" in written
    assert "min_replicas: 0" in written
    assert "grpc_options" not in written
