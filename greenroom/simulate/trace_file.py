"""Reads a trace: CSV, plain or gzip, with columns known by name, or Greenroom's request log."""

import csv
import gzip
import json
import math
import reprlib
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import chain, count
from pathlib import Path
from typing import IO, TextIO, cast

import numpy as np

from greenroom.errors import InvalidInput
from greenroom.simulate.trace import Trace

TIME_COLUMNS = ("time", "timestamp", "gmt_create")
MODEL_COLUMNS = ("model", "checkpoint_model_version_id")
SECONDS_COLUMNS = ("seconds", "run_seconds", "exec_time_seconds")
"""Of any trace, of the request log, and of Alibaba's GenAI trace of 2026; that of Azure's LLM
services of 2023 has a TIMESTAMP and no seconds."""
ONE_MODEL = "model"
"""The name of the only model of a trace that names none."""
_GZIP = b"\x1f\x8b"
_TELL_EVERY = 10_000
_LONGEST_LINE = 2**17
_SHOWN_COLUMNS = 20
LATEST = 1e11
"""Seconds on the clock of a trace, until the year 5138: more is another unit."""
MOST_WORK = 1e9
"""Seconds, 32 years."""

Progress = Callable[[int], None]
"""Called now and then with the number of rows that were read."""


@dataclass(frozen=True)
class Columns:
    """Names of columns where they are not the known ones, and what no column says.

    ``scale`` multiplies the seconds of work of the file; ``given_seconds`` are those of each
    request where the file has none.
    """

    time: str | None = None
    model: str | None = None
    seconds: str | None = None
    scale: float = 1.0
    given_seconds: float | None = None


_Row = tuple[float, str, float]
_Read = Callable[[Sequence[str]], _Row]


def read_trace(path: Path, columns: Columns, progress: Progress | None = None) -> Trace:
    """Raises InvalidInput for a file that is no trace; rows that are none are in `bad_rows`."""
    times, models, seconds = array("d"), array("i"), array("d")
    names: dict[str, int] = {}
    bad: list[str] = []
    with _opened(path) as file:
        for line, row in _rows(path, file, columns):
            if isinstance(row, str):
                bad.append(f"{path} line {line}: {row}")
                continue
            at, model, work = row
            times.append(at)
            models.append(names.setdefault(model, len(names)))
            seconds.append(work)
            if progress and len(times) % _TELL_EVERY == 0:
                progress(len(times))
    if not times:
        why = f"; the first of its rows: {bad[0]}" if bad else "."
        raise InvalidInput(f"{path} has no request{why}")
    found = np.array(times)
    order = np.argsort(found, kind="stable")
    return Trace(
        list(names),
        (found - found[order[0]])[order],
        np.array(models, dtype=np.int32)[order],
        np.array(seconds)[order],
        bad,
        float(found[order[0]]),
    )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    # Opened once and never sought in: it may be a pipe. What is no UTF-8 is found line by line.
    try:
        with path.open("rb") as file:
            zipped = file.peek(2).startswith(_GZIP)
            content = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if zipped else file
            yield TextIOWrapper(content, "utf-8-sig", "surrogateescape", newline="")
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InvalidInput(f"{path} cannot be read: {why}.") from error


def _rows(path: Path, file: TextIO, columns: Columns) -> Iterator[tuple[int, _Row | str]]:
    """Each line with its request, or with what is wrong with it."""
    lines = _lines(path, file)
    _, first = next(lines, (1, ""))
    if first.lstrip().startswith("{"):
        yield from _logged(path, chain([(1, first)], lines), columns)
        return
    if not first.strip():
        raise InvalidInput(f"{path} has nothing in its first line; it must name the columns.")
    try:
        header = _fields(first)
    except ValueError as error:
        raise InvalidInput(f"{path} line 1: {error}") from None
    read = _reader(path, header, columns)
    for number, line in lines:
        try:
            if row := _fields(line):
                yield number, read(row)
        except (ValueError, OverflowError) as error:
            yield number, str(error)


def _lines(path: Path, file: TextIO) -> Iterator[tuple[int, str]]:
    """Each with its number. Raises InvalidInput for an endless one."""
    for number in count(1):
        line = file.readline(_LONGEST_LINE)
        if not line:
            return
        if len(line) == _LONGEST_LINE:
            raise InvalidInput(
                f"{path} line {number} has over {_LONGEST_LINE:,} characters; "
                "a trace has one request in a line."
            )
        yield number, line


def _fields(line: str) -> list[str]:
    """Of this line alone: a stray quote would take the rows after it. Raises ValueError."""
    try:
        line.encode()
        return next(csv.reader([line]), [])
    except UnicodeEncodeError:
        raise ValueError("it is not UTF-8.") from None
    except csv.Error as error:
        raise ValueError(f"{error}.") from None


def _reader(path: Path, header: Sequence[str], columns: Columns) -> _Read:
    time = _column(path, header, "--time-column", columns.time, TIME_COLUMNS)
    model = _column(path, header, "--model-column", columns.model, MODEL_COLUMNS)
    work = _column(path, header, "--seconds-column", columns.seconds, SECONDS_COLUMNS)
    if time is None:
        raise InvalidInput(
            f"{path} has no column of times among {_listed(header)}; name it with --time-column."
        )
    given = math.nan if columns.given_seconds is None else columns.given_seconds
    needed = max(place for place in (time, model, work) if place is not None) + 1

    def read(row: Sequence[str]) -> _Row:
        if len(row) < needed:
            raise ValueError(f"it has {len(row)} of {len(header)} columns.")
        name = ONE_MODEL if model is None else row[model].strip()
        if not name:
            raise ValueError(f"{header[model or 0]} is empty.")
        seconds = given
        if work is not None and (row[work] or columns.given_seconds is None):
            seconds = _work(header[work], row[work], columns.scale)
        return _moment(header[time], row[time]), name, seconds

    return read


def _column(
    path: Path, header: Sequence[str], option: str, given: str | None, known: Iterable[str]
) -> int | None:
    if given is not None:
        if given not in header:
            listed = _listed(header)
            raise InvalidInput(f"{option} is {given!r}; the columns of {path} are {listed}.")
        return header.index(given)
    lowered = [name.strip().lower() for name in header]
    return next((lowered.index(name) for name in known if name in lowered), None)


def _moment(name: str, text: str) -> float:
    """Seconds, of a number of them or of a date and time; UTC if it names no zone."""
    try:
        seconds = _finite(float(text))
    except ValueError:
        pass
    else:
        if abs(seconds) <= LATEST:
            return seconds
        raise ValueError(f"{name} is {_quoted(text)}; seconds are at most {LATEST:,.0f}.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{name} is {_quoted(text)}, neither seconds nor a date and time."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _work(name: str, text: str, scale: float) -> float:
    try:
        seconds = _finite(float(text) * scale)
    except (ValueError, OverflowError):
        seconds = -1.0
    if not 0 <= seconds <= MOST_WORK:
        by = "" if scale == 1 else f" times {scale:g}"
        raise ValueError(
            f"{name} is {_quoted(text)}{by}; it must be seconds from 0 to {MOST_WORK:,.0f}."
        )
    return seconds


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} is not finite")
    return number


def _quoted(text: object) -> str:
    return _SHORT.repr(text)


_SHORT = reprlib.Repr()
_SHORT.maxstring = 80


def _listed(header: Sequence[str]) -> str:
    shown = [name if name.isprintable() and len(name) < 80 else _quoted(name) for name in header]
    more = ["..."] if len(shown) > _SHOWN_COLUMNS else []
    return ", ".join(shown[:_SHOWN_COLUMNS] + more)


def _logged(
    path: Path, lines: Iterable[tuple[int, str]], columns: Columns
) -> Iterator[tuple[int, _Row | str]]:
    """Lines of a request log; a request that had no lease did no work and is left out."""
    for option, given in (
        ("--time-column", columns.time),
        ("--model-column", columns.model),
        ("--seconds-column", columns.seconds),
    ):
        if given is not None:
            raise InvalidInput(f"{option} is {given!r}, but {path} is a request log: leave it out.")
    for line, text in lines:
        try:
            text.encode()
            told = json.loads(text)
            if told.get("model") is None or not told["run_seconds"]:
                continue
            at = _moment("time", str(told["time"]))
            work = _work("run_seconds", told["run_seconds"], columns.scale)
            yield line, (at, str(told["model"]), work)
        except UnicodeEncodeError:
            yield line, "it is not UTF-8."
        except json.JSONDecodeError as error:
            yield line, f"it is not JSON: {error}."
        except (KeyError, TypeError, AttributeError, RecursionError):
            yield line, "it is not a line of a request log."
        except ValueError as error:
            yield line, str(error)


def write_trace(trace: Trace, file: TextIO) -> None:
    """As CSV of time in seconds, model and seconds of work."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("time", "model", "seconds"))
    for at, model, seconds in zip(trace.times, trace.models, trace.seconds, strict=True):
        work = "" if math.isnan(seconds) else round(float(seconds), 4)
        writer.writerow((round(float(at), 3), trace.names[model], work))
