"""What is asked wrongly is refused before Ray starts, in one sentence."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from small_fleet import ADMIN, Fleet

from greenroom.errors import SetupError
from greenroom.fleet.arguments import fleet_arguments
from greenroom.fleet.cluster import starting_alone
from greenroom.settings import Settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"replicas": 0}, "replicas is 0; it must be greater than or equal to 1."),
        ({"replicas": "2"}, "replicas is '2'; it must be a valid integer."),
        ({"replicas": 1, "min_replicas": 3}, "min_replicas is 3; it must be at most replicas, 1."),
        ({"gpus_per_replica": 1.5}, "gpus_per_replica is 1.5; above 1 it must be a whole number."),
        ({"grow_after": float("nan")}, "grow_after is nan; it must be a finite number."),
        ({"residency_router": "yes"}, "residency_router is 'yes'; it must be a valid boolean."),
        ({"nobody": 1}, "nobody is no option of a fleet; there are replicas, "),
        ({1: 1}, "1 is no option of a fleet; there are replicas, "),
    ],
)
def test_an_option_that_cannot_be(given: dict[Any, Any], said: str) -> None:
    with pytest.raises(SetupError) as refused:
        fleet_arguments(given)
    assert str(refused.value).startswith(said)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    assert not fleet.processes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b": : {", b"hello", b"applications: []", b"applications: [{args: }]"]
)
def test_a_file_that_is_no_config(fleet: Fleet, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_bytes(content)
    done = fleet.command("up", "--config", str(path))
    assert done.returncode == 1
    assert done.stderr == (
        f"greenroom: {path} does not describe a fleet; greenroom fleet config writes one.\n"
    )


@pytest.mark.slow
def test_more_devices_than_there_are_where_nobody_can_join(fleet: Fleet, tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text("applications: [{args: {replicas: 99, gpus_per_replica: 1}}]")
    done = fleet.command("up", "--config", str(path))
    assert done.returncode == 1
    assert "replicas is 99 and gpus_per_replica 1, but this machine has" in done.stderr
    assert "no other machine can join" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("taken", ["http_port", "ray_port"])
def test_a_port_that_is_taken(fleet: Fleet, taken: str) -> None:
    """Ray's proxies would share it, so that requests went to both."""
    with socket.create_server(("127.0.0.1", getattr(fleet, taken))) as server:
        server.listen()
        done = fleet.command("up", "--ray-port", str(fleet.ray_port))
    assert done.returncode == 1
    assert f"Port {getattr(fleet, taken)} on " in done.stderr
    assert "is taken by" in done.stderr


def test_two_that_start_one_fleet_at_the_same_time(tmp_path: Path) -> None:
    settings = Settings(runtime_dir=tmp_path)
    with (
        starting_alone(settings),
        pytest.raises(SetupError, match="is being started here already"),
        starting_alone(settings),
    ):
        pass
    with starting_alone(settings):
        pass


@pytest.mark.slow
def test_nothing_runs_that_could_end_or_answer(fleet: Fleet) -> None:
    for verb, said in (("down", "No fleet with HTTP port"), ("status", "No fleet answers at")):
        done = fleet.command(verb)
        assert (done.returncode, said in done.stderr) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "its answer is not JSON."),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", "is a single Greenroom, not a fleet."),
        (b'HTTP/1.1 200 OK\r\n\r\n{"models": {}}', "is a single Greenroom, not a fleet."),
        (b"HTTP/1.1 404 None\r\n\r\n", "answered 404: None."),
        (b"SSH-2.0\r\n", "No fleet answers at"),
    ],
)
def test_status_of_what_is_no_fleet(fleet: Fleet, answer: bytes, said: str) -> None:
    with (
        socket.create_server(("127.0.0.1", fleet.http_port)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(fleet.command, "status")
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)
        done = asked.result()
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.long
@pytest.mark.slow
def test_a_greenroom_that_does_not_start_says_why(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, api_keys=f"admin:{ADMIN}", model_repository="/nonexistent")
    done = fleet.command("up", "--ray-port", str(fleet.ray_port))
    assert done.returncode == 1
    assert done.stderr == (
        "greenroom: The fleet did not start: A replica's Greenroom does not start: "
        "The model repository /nonexistent is not a folder.\n"
    )
    assert not fleet.processes()
