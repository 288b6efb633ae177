"""The wheels of greenroom and its client in a fresh environment: without speech, with a plug-in."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.grpc.aio as triton_grpc_aio
from own_ports import own_port, own_ports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from greenroom.settings import PROJECT

FOREIGN = PROJECT / "tests" / "foreign"
PLUGIN = Path(__file__).parent / "letters_plugin"
PAGE = PROJECT / "docs" / "plugins.md"
NOT_NEEDED = {"torch", "soundfile", "fastapi", "gradio", "greenroom-speech"}
OF_SPEECH = re.compile(r"audio|speech|voice|whisper|\btts\b|\basr\b|tokenizer", re.IGNORECASE)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Return the folder of the programs of an environment with greenroom[triton] alone."""
    folder = tmp_path_factory.mktemp("alone")
    for name, package in ((".", "greenroom"), ("client", "greenroom_client")):
        copied = folder / package
        shutil.copytree(PROJECT / name / package, copied / package)
        for file in ("pyproject.toml", "README.md", "LICENSE"):
            if (PROJECT / name / file).exists():
                shutil.copy(PROJECT / name / file, copied)
        pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist", copied)
    (client,) = (folder / "dist").glob("greenroom_client-*.whl")
    (greenroom,) = (folder / "dist").glob("greenroom-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    programs = folder / "venv" / "bin"
    (packages,) = (programs.parent / "lib").glob("python3*/site-packages")
    for distribution in needed("greenroom[triton]", set()):
        link(distribution, packages)
    pip("--python", programs / "python", "install", "--no-deps", client, greenroom)
    pip("--python", programs / "python", "check")
    return programs


def needed(requirement, asked):
    """Yield what pip would install for it, without our own distributions, from this environment."""
    wanted = Requirement(str(requirement))
    name = canonicalize_name(wanted.name)
    asked.add(str(wanted))
    distribution = metadata.distribution(name)
    if not name.startswith("greenroom"):
        yield distribution
    for more in map(Requirement, distribution.requires or ()):
        extras = [{"extra": extra} for extra in {"", *wanted.extras}]
        holds = more.marker is None or any(map(more.marker.evaluate, extras))
        if holds and str(more) not in asked:
            yield from needed(more, asked)


def link(distribution, packages):
    """Put its files into another environment, as copies that take no time."""
    for file in distribution.files:
        if ".." in file.parts or "__pycache__" in file.parts:
            continue  # programs, which no test calls
        target = packages / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            try:
                os.link(file.locate(), target)
            except OSError:  # another file system
                shutil.copy(file.locate(), target)


def place(folder):
    """Return the settings of a service beside others: ports and folders of its own."""
    own = {f"GREENROOM_{name.upper()}": str(port) for name, port in own_ports().items()}
    return {
        **own,
        "GREENROOM_RUNTIME_DIR": str(folder / "runtime"),
        "GREENROOM_URL": f"http://127.0.0.1:{own['GREENROOM_HTTP_PORT']}",
        "GREENROOM_FILES_PORT": str(own_port()),
    }


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(PROJECT / "examples" / "models" / "counter", folder / "models" / "counter")
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return {
        **kept,
        **place(folder),
        "PATH": "/usr/bin:/bin",
        "COLUMNS": "200",
        "GREENROOM_POLICY": '{"double": {"unload_after": 0}}',
        "REPOSITORIES": f"{folder / 'models'}:{FOREIGN}",
    }


def options(environment):
    for folder in environment["REPOSITORIES"].split(":"):
        yield from ("--model-repository", folder)


def ran(programs, environment, *arguments):
    return subprocess.run(
        [programs / "greenroom", *arguments],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def serving(programs, environment):
    """Run the service, and yield a client of its gateway."""
    command = [programs / "greenroom", "up", *options(environment)]
    service = subprocess.Popen(
        command, env=environment, cwd=environment["HOME"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert "Greenroom is ready" in service.stdout.readline()
        with httpx.Client(base_url=environment["GREENROOM_URL"], timeout=120) as web:
            yield web
    finally:
        service.terminate()
        service.communicate()


@pytest.fixture(scope="module")
def web(programs, environment):
    with serving(programs, environment) as web:
        yield web


@pytest.fixture(scope="module")
def plugged(programs, environment, tmp_path_factory):
    """Return the settings of another service, with the plug-in of docs/plugins.md installed."""
    folder = tmp_path_factory.mktemp("plugged")
    source = shutil.copytree(PLUGIN, folder / "source")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    pip("--python", programs / "python", "install", "--no-deps", *folder.glob("*.whl"))
    (folder / "files").mkdir()
    (folder / "files" / "hello").write_text("hello")
    return {
        **environment,
        **place(folder),
        "GREENROOM_FILES_DIR": str(folder / "files"),
        "GREENROOM_COUNTER_ENGINE": "letters",
    }


def test_its_environment_has_nothing_of_speech(programs):
    listed = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    output = subprocess.run([programs / "python", "-c", listed], capture_output=True, check=True)
    packages = set(output.stdout.decode().split())
    assert {"greenroom", "greenroom-client", "nvidia-pytriton"} <= packages
    assert not packages & NOT_NEEDED


def test_its_source_knows_no_model(programs):
    (package,) = (programs.parent / "lib").glob("python3*/site-packages/greenroom")
    found = [
        f"{path.relative_to(package)}:{number}: {line}"
        for path in package.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OF_SPEECH.search(line)
    ]
    assert not found


def counted(web, text):
    tensor = {"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": [text]}
    answer = web.post("/v2/models/counter/infer", json={"inputs": [tensor]})
    (number,) = answer.json()["outputs"][0]["data"]
    return number


def test_a_managed_model_without_torch(web, programs, environment):
    assert counted(web, "one two three") == 3
    for verb, residency in (("offload", "warm"), ("restore", "hot")):
        shown = (web.post(f"/residency/counter/{verb}")).json()
        assert shown["residency"] == residency
    status = ran(programs, environment, "status")
    assert status.returncode == 0
    assert re.search(r"counter\s+hot", status.stdout)


@pytest.mark.parametrize(("model", "factor"), [("double", 2), ("unwritten", 2), ("quadruple", 4)])
def test_a_foreign_model_is_loaded_on_demand(web, model, factor):
    tensor = {"name": "INPUT", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    answer = web.post(f"/v2/models/{model}/infer", json={"inputs": [tensor]})
    assert answer.json()["outputs"][0]["data"] == [factor, 2 * factor]
    metrics = (web.get("/metrics")).text
    assert f'requests_total{{model="{model}",outcome="served",protocol="http"}}' in metrics


def test_an_idle_model_is_unloaded(web):
    tensor = {"name": "INPUT", "datatype": "FP32", "shape": [1, 1], "data": [1]}
    with web.stream("GET", "/residency/events") as events:
        web.post("/v2/models/double/infer", json={"inputs": [tensor]})
        for line in events.iter_lines():
            # One that is told may be of the time before the request.
            if '"double"' in line and '"unload"' in line and residency_of(web, "double") == "cold":
                break


def residency_of(web, model):
    return web.get("/residency").json()["models"][model]["residency"]


async def test_a_decoupled_model_streams(web, environment):
    count = triton_grpc.InferInput("COUNT", [1], "INT32")
    count.set_data_from_numpy(np.array([3], np.int32))

    async def requests():
        yield {"model_name": "drip", "inputs": [count]}

    port = environment["GREENROOM_GRPC_PORT"]
    numbers = []
    async with triton_grpc_aio.InferenceServerClient(f"127.0.0.1:{port}") as client:
        async for result, error in client.stream_infer(requests()):
            assert error is None
            numbers.append(result.as_numpy("NUMBER").item())
            if len(numbers) == 3:
                break
    assert numbers == [0, 1, 2]


def test_the_doctor_finds_all_that_is_needed(programs, environment):
    doctor = ran(programs, environment, "doctor", *options(environment))
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "double, drip, quadruple, unwritten" in doctor.stdout
    assert "trial run" in doctor.stdout


def test_without_a_repository_it_says_what_to_give(programs, environment, tmp_path):
    given = {**environment, **place(tmp_path)}
    del given["GREENROOM_FILES_PORT"]  # of a plug-in that is not installed here
    up = ran(programs, given, "up")
    assert (up.returncode, up.stderr.count("\n")) == (1, 1), up.stderr
    assert "name one with --model-repository" in up.stderr


@pytest.mark.parametrize("verb", ["up", "doctor"])
def test_a_repository_behind_a_url_is_refused(programs, environment, verb):
    refused = ran(programs, environment, verb, "--model-repository", "s3://bucket/models")
    assert refused.returncode == 2
    assert "s3://bucket/models" in refused.stderr
    assert "a model repository must be a folder" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_commands_of_speech_are_not_there(programs, environment):
    listed = ran(programs, environment, "--help").stdout
    assert all(verb in listed for verb in ("up", "doctor", "status", "load"))
    assert not re.search(r"\b(clone|edit|transcribe|voices|pull)\b", listed)


def test_the_wheel_has_its_license(programs):
    found = list(Path(programs.parent, "lib").glob("python3*/site-packages/greenroom-*/**/LICENSE"))
    assert found


def test_a_plugin_adds_an_engine_and_a_process(programs, plugged):
    with serving(programs, plugged) as web:
        assert counted(web, "one two three") == 13
        url = f"http://127.0.0.1:{plugged['GREENROOM_FILES_PORT']}/hello"
        while True:  # nothing waits for a plug-in's process
            with suppress(httpx.TransportError):
                assert (web.get(url)).text == "hello"
                break


def test_a_plugin_adds_a_command_and_a_check(programs, plugged):
    assert ran(programs, plugged, "letters", "abc").stdout == "3\n"
    assert "free disk" in ran(programs, plugged, "doctor", *options(plugged)).stdout


def test_the_page_shows_the_plugin_that_is_tested():
    page = PAGE.read_text(encoding="utf-8")
    for file in ("letters_engine.py", "letters_plugin.py"):
        code = (PLUGIN / file).read_text(encoding="utf-8")
        assert code in page
        assert len(code.splitlines()) <= 30
    declared = (PLUGIN / "pyproject.toml").read_text(encoding="utf-8")
    begin, end = declared.index("[project.entry-points"), declared.index("[tool.setuptools]")
    assert declared[begin:end].strip() in page
