"""docker-compose.yml: to its specification, configurable, and closed to whom it does not concern.

There is no Docker in the tests; `make containers` builds and runs it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from all_settings import ALL
from compose_file import COMPOSE, EXAMPLE, compose, compose_for_cpu, example, resolved, variables
from longest_stop import longest_stop

from greenroom.settings import PROJECT, Settings
from greenroom.settings.unread import renamed_settings

FIXED = {
    "GREENROOM_API_KEYS",
    "GREENROOM_API_KEYS_FILE",
    "GREENROOM_CACHE_DIR",
    "GREENROOM_ENSEMBLE_REPOSITORY",
    "GREENROOM_MODEL_REPOSITORY",
    "GREENROOM_RUNTIME_DIR",
    "GREENROOM_SECRETS_DIR",
    "GREENROOM_SHARED_DIR",
    "GREENROOM_TRITONSERVER",
    "GREENROOM_TRITON_GRPC_PORT",
    "GREENROOM_TRITON_HOST",
    "GREENROOM_TRITON_HTTP_PORT",
    "GREENROOM_TRITON_KEY",
    "GREENROOM_TRITON_LISTEN",
    "GREENROOM_TRITON_METRICS_HOST",
    "GREENROOM_TRITON_METRICS_PORT",
    "GREENROOM_UI",
    "GREENROOM_UI_GATEWAY",
    "GREENROOM_UI_KEY",
    "GREENROOM_UI_PASSWORD",
    "GREENROOM_VOICES_URL",
    "GREENROOM_WYOMING",
    "GREENROOM_WYOMING_GATEWAY",
    "GREENROOM_WYOMING_HOST",
    "GREENROOM_WYOMING_KEY",
    "GREENROOM_WYOMING_PORT",
    "GREENROOM_WYOMING_ZEROCONF",
}
"""Settings that the containers themselves, or scripts/keys, decide; Wyoming is in none of them."""
SERVICES = compose()["services"]
LASTING = {name for name, service in SERVICES.items() if "profiles" not in service}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("greenroom")}
FILES = pytest.mark.parametrize("file", [compose, compose_for_cpu], ids=["gpu", "cpu"])


@FILES
def test_it_is_what_the_specification_allows(file, tmp_path):
    instance = tmp_path / "compose.json"
    instance.write_text(json.dumps(file()))
    checker = Path(sys.executable).with_name("check-jsonschema")
    checked = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", instance],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_variable_is_in_the_example_and_every_example_is_used():
    assert [name for name, _, _ in example()] == list(dict.fromkeys(n for n, _, _ in example()))
    assert {name for name, _, _ in example()} == set(variables()) - set(renamed_settings())


def test_the_example_says_what_the_settings_say():
    for name, value, comment in example():
        defaults = variables()[name]
        if name in ALL and defaults == {""}:
            described = ALL[name].description
            assert comment.startswith(f"{described} (default: "), f"{name}: {described}"
            assert value == written(ALL[name].default), name
        else:
            assert defaults == {value}, name
            assert f"(default: {value}" in comment, name


def written(default):
    """Return a setting's default as .env has it."""
    if default is None or default in ({}, ()):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_can_be_set_or_is_decided_by_the_containers():
    assert set(ALL) - set(variables()) == FIXED


def test_containers_get_only_settings_that_there_are():
    for name in OURS:
        given = {key for key in SERVICES[name].get("environment", {}) if "GREENROOM" in key}
        assert given <= {*ALL, *renamed_settings(), "GREENROOM_URL"}, name
        targets = {one["target"] for one in SERVICES[name].get("secrets", []) if "target" in one}
        assert {target.upper() for target in targets} <= set(ALL), name


@FILES
def test_only_gateway_and_page_are_published_beyond_this_machine(file):
    published = {
        port: name
        for name, service in file()["services"].items()
        for port in service.get("ports", [])
    }
    beyond = {port: name for port, name in published.items() if not port.startswith("127.0.0.1:")}
    assert set(beyond.values()) == {"greenroom", "ui"}
    for port in beyond:
        assert resolved(port).startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_must(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    # The images of Prometheus and Grafana have users of their own.
    assert name not in OURS or not resolved(service["user"]).startswith("0")


def test_tritons_metrics_are_reached_by_containers_alone():
    ports = [port.rpartition(":")[2] for port in SERVICES["greenroom"]["ports"]]
    assert ports == ["8000", "8001"]
    assert SERVICES["prometheus"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", sorted(LASTING))
def test_what_lasts_is_watched_and_started_again(name):
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"]


@FILES
def test_images_are_pinned(file):
    for name, service in file()["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert any(figure.isdigit() for figure in tag), name


@FILES
def test_an_image_is_built_once_by_those_that_start_together(file):
    """Two builds of one name at the same time, as Compose does them, fail on a fresh machine."""
    lasting = [file()["services"][name] for name in LASTING & OURS]
    built = [service["image"] for service in lasting if "build" in service]
    assert sorted(built) == sorted({service["image"] for service in lasting})


@pytest.mark.parametrize("name", SERVICES)
def test_a_proxy_of_docker_is_asked_only_by_what_fetches_from_elsewhere(name):
    proxies = compose()["x-no-proxy"]
    given = SERVICES[name]["environment"]
    assert name == "pull" or given | proxies == given
    assert not any(proxies.values())


@pytest.mark.parametrize("name", SERVICES)
def test_logs_are_bounded(name):
    assert SERVICES[name]["logging"]["driver"] == "local"


def test_the_gpu_is_reserved_and_left_out_without_one():
    devices = SERVICES["greenroom"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["device_ids"] == ["${GREENROOM_GPU:-0}"]
    # Inside of the container the one GPU has the number 0.
    assert all("GREENROOM_GPU" not in SERVICES[name].get("environment", {}) for name in OURS)
    assert "deploy" not in compose_for_cpu()["services"]["greenroom"]


def test_what_ends_has_the_time_that_it_may_be_given():
    longest = {
        name: next(one.le for one in Settings.model_fields[name].metadata if hasattr(one, "le"))
        for name in ("drain_timeout", "triton_exit_timeout")
    }
    grace = int(SERVICES["greenroom"]["stop_grace_period"].removesuffix("s"))
    assert grace > longest_stop(Settings(**longest))


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_lives_in_the_namespaces_of_another(name):
    assert not {"pid", "ipc", "network_mode"} & set(SERVICES[name])


@FILES
@pytest.mark.parametrize("name", SERVICES)
def test_what_a_container_takes_is_bounded(file, name):
    service = file()["services"][name]
    assert resolved(service["mem_limit"]).endswith("gb")
    assert service["pids_limit"] > 0
    (temporary,) = (one for one in service["tmpfs"] if one.startswith("/tmp"))
    assert re.fullmatch(r"/tmp:size=\d+[mg]", temporary)


def test_what_is_named_is_declared_and_what_is_declared_is_named():
    file, secrets, volumes, networks = compose(), set(), set(), set()
    for service in file["services"].values():
        secrets |= (
            {one if isinstance(one, str) else one["source"] for one in service["secrets"]}
            if ("secrets" in service)
            else set()
        )
        volumes |= {resolved(one).split(":")[0] for one in service.get("volumes", [])}
        networks |= set(service["networks"])
    folders = {volume for volume in volumes if volume.startswith("./")}
    assert secrets == set(file["secrets"])
    assert volumes - folders == set(file["volumes"])
    assert networks == set(file["networks"])
    assert [folder for folder in folders if not (PROJECT / folder).is_dir()] == []


def test_prometheus_and_grafana_find_what_their_files_name():
    file = yaml.safe_load((PROJECT / "deploy/prometheus/prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in file["scrape_configs"]}
    assert jobs["greenroom"]["static_configs"] == [{"targets": ["greenroom:8000"]}]
    assert jobs["triton"]["static_configs"] == [{"targets": ["greenroom:8002"]}]
    key = jobs["greenroom"]["authorization"]["credentials_file"]
    (mounted,) = SERVICES["prometheus"]["secrets"]
    assert key == f"/run/secrets/{mounted['target']}"
    assert mounted["source"] == "inference_key"
    provided = PROJECT / "deploy/grafana/provisioning/dashboards/greenroom.yml"
    (provider,) = yaml.safe_load(provided.read_text())["providers"]
    dashboards = f"./deploy/grafana/dashboards:{provider['options']['path']}:ro"
    assert dashboards in SERVICES["grafana"]["volumes"]


def test_no_file_says_more_than_it_needs():
    assert "latest" not in COMPOSE.read_text()
    assert not any(line.endswith(" ") for line in EXAMPLE.read_text().splitlines())
