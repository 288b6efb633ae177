"""What clients send reaches the log neither raw nor for each garbage anew; root is told once."""

import asyncio
import logging

from greenroom.log_lines import OneLine, log_to_stderr, printable
from greenroom.supervisor.machine_checks import user


def test_control_characters_are_written_out():
    assert printable("a\x1b[2J\r\n\0\x7f\x9b\tb ü") == "a\\x1b[2J\\x0d\\x0a\\x00\\x7f\\x9b\tb ü"
    record = logging.LogRecord("n", logging.INFO, "", 0, "model %s", ("x\nERROR forged",), None)
    assert OneLine("%(message)s").format(record) == "model x\\x0aERROR forged"


def test_an_exception_that_is_handed_on_is_logged_once(capsys, monkeypatch):
    logger = logging.getLogger("apart")
    monkeypatch.setattr(logging, "root", logging.RootLogger(logging.INFO))
    monkeypatch.setattr(logger, "parent", logging.root)
    log_to_stderr("INFO")
    for error in (ValueError("one"), ValueError("two")):
        for who in ("who finds it", "who hands it on"):
            logger.error("%s", who, exc_info=error)
    said = capsys.readouterr().err
    assert (said.count("who finds it"), said.count("ValueError:")) == (2, 2)
    assert "who hands it on" not in said


async def test_garbage_and_upgrades_leave_no_lines(start):
    running = await start()
    before = len(running.lines)
    upgrade = {"connection": "upgrade", "upgrade": "websocket"}
    for _ in range(5):
        await running.web.get("/healthz", headers=upgrade)
        reader, writer = await asyncio.open_connection("127.0.0.1", running.settings.http_port)
        writer.write(b"\x16\x03\x01garbage\r\n\r\n")
        await reader.read()
        writer.close()
    answer = await running.web.post("/v2/repository/models/a%1B%5B2J%0Ab/load")
    assert answer.status_code == 404
    said = "\n".join(running.lines[before:])
    assert "pip install" not in said
    assert "nvalid HTTP request" not in said
    assert "\x1b[2J" not in said


def test_root_is_warned():
    assert user(1000).verdict == "ok"
    assert (user(0).verdict, "user of its own" in user(0).remedy) == ("warn", True)
