"""Traces: columns known by name, gzip, the request log, and what is wrong with a row."""

import gzip
import io
import json
import os
from threading import Thread

import numpy as np
import pytest

from greenroom.errors import InvalidInput
from greenroom.simulate.trace_file import Columns, read_trace, write_trace

ALIBABA = (
    "gmt_create,predict_type,exec_time_seconds,checkpoint_model_version_id\n"
    "2024-11-15 16:57:50,T,32.0,M0\n2024-11-15 16:58:00,T,8.0,M1\n"
)
AZURE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:13.9799600,3180,8\n"
)
OWN = "time,model,seconds\n5,b,1\n-5,a,2\n"


def read(folder, text, columns=None, zipped=False):
    path = folder / "trace.csv"
    content = text.encode(errors="surrogateescape")
    path.write_bytes(gzip.compress(content) if zipped else content)
    return read_trace(path, columns or Columns())


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("text", "columns", "names", "seconds"),
    [
        (ALIBABA, Columns(scale=0.5), ["M0", "M1"], [16, 4]),
        (AZURE, Columns(given_seconds=3), ["model"], [3, 3]),
        (OWN, Columns(), ["a", "b"], [2, 1]),
        ("when,who,s\n0,a,1\n10,b,2\n", Columns("when", "who", "s"), ["a", "b"], [1, 2]),
    ],
)
def test_columns_are_known_by_name(tmp_path, text, columns, names, seconds, zipped):
    trace = read(tmp_path, text, columns, zipped)
    assert [trace.names[model] for model in trace.models] in (names, names * 2)
    assert trace.times.tolist() == [0, 10]
    assert trace.seconds.tolist() == seconds
    assert not trace.bad_rows


def test_without_seconds_nobody_knows_them(tmp_path):
    assert np.isnan(read(tmp_path, AZURE).seconds).all()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x,a,1", "time is 'x', neither seconds nor a date and time."),
        ("1,,1", "model is empty."),
        ("1,a,-1", "seconds is '-1'; it must be seconds from 0 to 1,000,000,000."),
        ("1,a,", "seconds is ''; it must be seconds from 0 to 1,000,000,000."),
        ("1,a,inf", "seconds is 'inf'; it must be seconds from 0 to 1,000,000,000."),
        ("1,a", "it has 2 of 3 columns."),
        ("1,  ,1", "model is empty."),
        ("1,a,2e9", "seconds is '2e9'; it must be seconds from 0 to 1,000,000,000."),
        ("1,a,nan", "seconds is 'nan'; it must be seconds from 0 to 1,000,000,000."),
        # Milliseconds since 1970, say.
        ("1700000000000,a,1", "time is '1700000000000'; seconds are at most 100,000,000,000."),
        ("1,\udcff,1", "it is not UTF-8."),
        (f"1,{'a' * 131_000},x", "seconds is 'x'; it must be seconds from 0 to 1,000,000,000."),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_left_out(tmp_path, row, said):
    trace = read(tmp_path, f"time,model,seconds\n0,a,1\n{row}\n2,a,1\n")
    assert len(trace) == 2
    assert trace.bad_rows == [f"{tmp_path / 'trace.csv'} line 3: {said}"]


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("a,b\n1,2\n", Columns(), "has no column of times among a, b; name it with --time-column"),
        (OWN, Columns(model="who"), "--model-column is 'who'; the columns of .* are time, model"),
        ("time,model\n", Columns(), "has no request"),
        ("time,model\nx,a\n", Columns(), "has no request; the first of its rows: .* line 2"),
        ("", Columns(), "has nothing in its first line; it must name the columns"),
        ("\n0,a,1\n", Columns(), "has nothing in its first line"),
        ("a\tb\n", Columns(), r"among 'a\\tb'; name it"),
        ("time,\udcff\n", Columns(), "line 1: it is not UTF-8"),
        ("x" * 200_000, Columns(), "line 1 has over 131,072 characters"),
        (OWN + "x" * 200_000, Columns(), "line 4 has over 131,072 characters"),
        (
            '{"model": "a"}',
            Columns(model="who"),
            "--model-column is 'who', but .* is a request log",
        ),
    ],
)
def test_a_file_that_is_no_trace_is_refused(tmp_path, text, columns, said):
    with pytest.raises(InvalidInput, match=said):
        read(tmp_path, text, columns)


ZIPPED = gzip.compress(OWN.encode(), mtime=0)  # in the names of tests, which every worker must find


@pytest.mark.parametrize("content", [ZIPPED[:20], ZIPPED[:12] + b"\xff" * 20, ZIPPED + b"more"])
def test_a_broken_gzip_file_is_refused(tmp_path, content):
    (tmp_path / "trace.csv.gz").write_bytes(content)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_trace(tmp_path / "trace.csv.gz", Columns())


@pytest.mark.parametrize("content", [OWN.encode(), ZIPPED])
def test_a_trace_may_come_through_a_pipe(tmp_path, content):
    os.mkfifo(tmp_path / "pipe")
    writer = Thread(target=(tmp_path / "pipe").write_bytes, args=[content])
    writer.start()
    assert len(read_trace(tmp_path / "pipe", Columns())) == 2
    writer.join()


def log_line(second, model="tts", **given):
    told = {
        "time": f"2026-11-01T10:00:{second:02}.500Z",
        "id": "x",
        "model": model,
        "start": "hot",
        "wait_seconds": 0.1,
        "run_seconds": 2.5,
        "outcome": "served",
    }
    return json.dumps(told | given)


def test_a_request_log_is_a_trace(tmp_path):
    lines = [
        log_line(1),
        log_line(3, "asr", run_seconds=1.0),
        log_line(4, None),
        log_line(5, run_seconds=0.0, outcome="refused"),
        "no JSON",
        "[]",
        log_line(6, run_seconds=10**400),
        '{"model": ' * 10_000,
    ]
    trace = read(tmp_path, "\n".join(lines) + "\n")
    assert [trace.names[model] for model in trace.models] == ["tts", "asr"]
    assert trace.times.tolist() == [0, 2]
    assert trace.seconds.tolist() == [2.5, 1.0]
    assert [sentence.split(": ")[0][-1] for sentence in trace.bad_rows] == ["5", "6", "7", "8"]


def test_seconds_that_nobody_knows_are_written_as_none(tmp_path):
    file = io.StringIO()
    write_trace(read(tmp_path, AZURE), file)
    assert file.getvalue() == "time,model,seconds\n0.0,model,\n10.0,model,\n"
    assert read(tmp_path, file.getvalue(), Columns(given_seconds=3)).seconds.tolist() == [3, 3]


def test_what_is_written_reads_back(tmp_path):
    trace, file = read(tmp_path, ALIBABA), io.StringIO()
    write_trace(trace, file)
    again = read(tmp_path, file.getvalue())
    assert again.names == trace.names
    assert again.times.tolist() == trace.times.tolist()
    assert again.seconds.tolist() == trace.seconds.tolist()
