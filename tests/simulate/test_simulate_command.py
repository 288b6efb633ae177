"""The verbs simulate and export-trace: what they print, save and refuse."""

import json

import pytest
import typer
from typer.testing import CliRunner

from greenroom.simulate.commands import register
from greenroom.simulate.synthetic import zipf_trace
from greenroom.simulate.trace_file import write_trace

KEYS = {"requests", "hot", "warm", "cold", "refused", "evictions", "device_byte_seconds"}


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "zipf.csv"
    with path.open("w") as file:
        write_trace(zipf_trace(300, models=8, days=1), file)
    return path


def invoke(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def simulate(trace, *options):
    """Run it; the saved numbers."""
    path = trace.with_suffix(".json")
    result = invoke("simulate", trace, "--json", path, *options)
    assert result.exit_code == 0, result.output
    return json.loads(path.read_text()), result.output


def test_the_numbers_are_printed_and_saved(trace):
    found, printed = simulate(trace, "--memory", "3GB", "--default-model", "load=5,bytes=1GB")
    assert found.keys() >= KEYS
    assert found["wait_seconds"].keys() >= {"p50", "p95", "p99"}
    assert found["requests"] == 300 == sum(found[k] for k in ("hot", "warm", "cold", "refused"))
    assert found["gpu_seconds"]["held"] + found["gpu_seconds"]["freed"] == found["seconds"]
    assert "p95" in printed
    assert "evictions" in printed


def test_compare_plays_all_orders(trace):
    found, printed = simulate(trace, "--memory", "3GB", "--offload-after", "-1", "--compare")
    assert list(found["orders"]) == ["lru", "gdsf", "belady"]
    assert found["orders"]["belady"]["evictions"] <= found["orders"]["lru"]["evictions"]
    assert "belady" in printed


def test_options_change_what_happens(trace):
    warm, _ = simulate(trace, "--offload-after", "0", "--unload-after", "-1")
    hot, _ = simulate(trace, "--offload-after", "-1", "--unload-after", "-1")
    assert hot["warm"] == 0 < warm["warm"]
    own, _ = simulate(trace, "--policy", '{"*": {"offload_after": -1, "unload_after": -1}}')
    assert own["warm"] == 0


def test_the_configuration_names_models(trace, tmp_path):
    config = tmp_path / "costs.toml"
    config.write_text('[models.model-0001]\nload = 0\nrestore = 0\npinned = true\nbytes = "2GB"\n')
    found, _ = simulate(trace, "--config", config, "--unload-after", "-1")
    assert found["cold"] >= 7  # the others, once each


def test_a_repository_tells_of_policies_and_ensembles(tmp_path):
    from model_folders import write_ensemble, write_model

    write_model(tmp_path / "models", "asr")
    write_model(tmp_path / "models", "tts")
    write_ensemble(tmp_path / "models", "speech", "asr", "tts")
    (tmp_path / "c.toml").write_text('repositories = ["models"]\n[models.tts]\nload = 7\n')
    (tmp_path / "t.csv").write_text("time,model,seconds\n0,speech,1\n")
    found, _ = simulate(tmp_path / "t.csv", "--config", tmp_path / "c.toml")
    assert found["transitions"]["load"] == 3
    assert found["wait_seconds"]["total"] == 20


@pytest.mark.slow
def test_fleets_sweeps_and_advice(trace):
    found, printed = simulate(
        trace, "--memory", "3GB", "--sweep", "unload_after", "--machines", "1..2"
    )
    assert {row["machines"] for row in found["machines"]} == {1, 2}
    one, two = (row["trace_seconds"] for row in found["machines"][::4])
    assert one == pytest.approx(2 * two)
    assert found["sweep"]["knee"] in [point["unload_after"] for point in found["sweep"]["points"]]
    assert "knee" in printed
    found, printed = simulate(trace, "--memory", "3GB", "--advise")
    assert found["advice"]["settings"].keys() == {"eviction", "offload_after", "unload_after"}
    assert "GREENROOM_EVICTION=" in printed
    assert "by default" in printed


@pytest.mark.parametrize(("suffix", "begins"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_a_figure_is_drawn(trace, suffix, begins):
    figure = trace.with_suffix(suffix)
    simulate(trace, "--plot", figure, "--memory", "3GB", "--compare")
    assert figure.read_bytes().startswith(begins)


def test_a_pinned_model_is_there_when_it_is_first_asked_for(tmp_path):
    (tmp_path / "c.toml").write_text("[models.p]\nload = 20\npinned = true\n")
    (tmp_path / "t.csv").write_text("time,model,seconds\n0,other,1\n100,p,1\n")
    found, _ = simulate(tmp_path / "t.csv", "--config", tmp_path / "c.toml")
    assert (found["hot"], found["cold"]) == (1, 1)


def test_bad_rows_are_named(trace):
    trace.write_text('time,model,seconds\n0,a,1\n1,a,x\n"2,a,1\n3,a,1\n')
    found, _ = simulate(trace)
    assert found["requests"] == 2
    assert found["bad_rows"] == [
        f"{trace} line 3: seconds is 'x'; it must be seconds from 0 to 1,000,000,000.",
        f"{trace} line 4: it has 1 of 3 columns.",
    ]


def test_the_advice_is_no_worse_than_what_there_is(tmp_path):
    path = tmp_path / "two.csv"
    rows = "".join(f"{at},{'ab'[at // 400 % 2]},1\n" for at in range(0, 20_000, 400))
    path.write_text(f"time,model,seconds\n{rows}")
    costs = ("--default-model", "load=20,restore=0.35,bytes=7GB")
    advice = simulate(path, "--memory", "8GB", *costs, "--advise")[0]["advice"]
    new, old = advice["advised"], advice["default"]
    worse = [
        new[key]["total"] > old[key]["total"] if key == "wait_seconds" else new[key] > old[key]
        for key in ("wait_seconds", "device_byte_seconds")
    ]
    assert not all(worse)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--memory", "lots"], "--memory is 'lots'; it should be a number of bytes"),
        (["--default-model", "load=x"], "--default-model: load is 'x': Input should be a valid"),
        (["--default-model", "size=1"], "--default-model: size is not a cost; the costs are load"),
        (["--default-model", "load=1,load=2"], "--default-model: load is given twice"),
        (["--default-model", "load=1e10"], "--default-model: load is '1e10': Input should be less"),
        (["--memory", "9999999TB"], "--memory is '9999999TB'; it must be at most 1e+18 bytes"),
        (["--policy", ""], "--policy is not JSON"),
        (["--policy", '{"a": {"x": 5}}'], "--policy, model a: x is not a field of a policy; the"),
        (["--machines", ""], "--machines is ''; it must be A..B"),
        (["--from", ""], "--from is ''; the URL of a service begins with http://"),
        (["--from", "http://a b"], "--from is 'http://a b'; the URL of a service begins with"),
        (["--from", "http://a:b"], "--from http://a:b is not a URL: nonnumeric port: 'b'"),
        (["--from", "http://a", "--api-key", "my key"], "--api-key has a space"),
        (["--policy", "{"], "--policy is not JSON"),
        (["--policy", '{"a": {"unload_after": -3}}'], "--policy, model a: unload_after is -3"),
        (["--machines", "0..5"], "--machines is '0..5'; it must be A..B"),
        (["--unload-after", "-0.5"], "--unload-after: unload_after is -0.5"),
        (["--from", "ftp://x"], "--from is 'ftp://x'; the URL of a service begins with http://"),
        (["--from", "http://127.0.0.1:1"], "--from http://127.0.0.1:1 does not answer"),
        (["--gpus", "2", "--advise"], "for one GPU; leave --gpus out"),
        (["--plot", "x.gif"], "--plot is x.gif; it must end in .svg or .png"),
        (["--time-column", "when"], "--time-column is 'when'; the columns of"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(trace, options, said):
    result = invoke("simulate", trace, *options)
    assert result.exit_code == 1
    assert said in result.output.replace("\n", " ")
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("outputs", "code", "said"),
    [
        (["--json", "no/folder.json"], 2, "no does not exist"),
        (["--json", "folder"], 2, "folder is a folder; give a file"),
        (["--plot", "folder"], 2, "folder is a folder; give a file"),
        (["--json", "zipf.csv"], 1, "--json is zipf.csv, which is TRACE too; give another file"),
        (["--json", "a.svg", "--plot", "a.svg"], 1, "--plot is a.svg, which is --json too"),
        (["--json", "/dev/full"], 1, "--json is /dev/full, which cannot be written: No space"),
    ],
)
def test_what_cannot_be_written_is_said_and_no_input_is_lost(
    trace, outputs, code, said, monkeypatch
):
    monkeypatch.chdir(trace.parent)
    (trace.parent / "folder").mkdir()
    before = trace.read_text()
    result = invoke("simulate", trace.name, *outputs)
    assert result.exit_code == code
    assert said in " ".join(result.output.split())
    assert trace.read_text() == before


def test_a_log_is_not_replaced_by_its_trace(trace):
    before = trace.read_text()
    result = invoke("export-trace", trace, "-o", trace)
    assert result.exit_code == 1
    assert "which is LOG 1 too; give another file" in result.output.replace("\n", "")
    assert trace.read_text() == before


def test_why_requests_were_refused_is_printed(trace):
    _, printed = simulate(trace, "--memory", "1GB", "--default-model", "bytes=2GB")
    assert "100.0%; 300 does not fit" in printed


def test_a_model_that_nothing_else_tells_of_is_named(trace):
    config = trace.with_suffix(".toml")
    config.write_text("[models.model-0001]\nload = 7\n[models.zzz]\nload = 7\n")
    found, printed = simulate(trace, "--config", config, "--policy", '{"tts": {"pinned": false}}')
    rule = "a name must be that of a model of the trace, of repositories or of --from."
    assert found["unknown_models"] == [
        f"--config {config}: no request is for model zzz; {rule}",
        f"--policy: no request is for model tts; {rule}",
    ]
    assert "no request is for model zzz" in printed


def test_a_trace_without_seconds_needs_them(trace):
    trace.write_text("time,model\n0,a\n1,a\n")
    result = invoke("simulate", trace)
    assert "no seconds of work for model a; give --seconds" in result.output
    found, _ = simulate(trace, "--seconds", "2")
    assert found["requests"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "x = [",
        "[model.a]\nload = 1",
        "[models.a]\nlode = 1",
        "[models.a]\nload = true",
        "models = 3",
        'repositories = ["."]',
    ],
)
def test_a_bad_configuration_names_the_file(trace, text):
    config = trace.with_suffix(".toml")
    config.write_text(text)
    result = invoke("simulate", trace, "--config", config)
    assert result.exit_code == 1
    assert f"--config {config}" in result.output.replace("\n", "")


def test_a_request_log_becomes_a_trace(tmp_path):
    logs = [tmp_path / "requests.log.1", tmp_path / "requests.log"]
    for minute, log in enumerate(logs):
        told = {"time": f"2026-11-01T10:0{minute}:00Z", "model": "tts", "run_seconds": 1.5}
        log.write_text(json.dumps(told) + "\n")
    output = tmp_path / "trace.csv"
    result = invoke("export-trace", *reversed(logs), "-o", output)
    assert result.exit_code == 0, result.output
    assert output.read_text() == "time,model,seconds\n0.0,tts,1.5\n60.0,tts,1.5\n"
    assert invoke("export-trace", logs[0]).output == "time,model,seconds\n0.0,tts,1.5\n"
    assert simulate(output)[0]["requests"] == 2
