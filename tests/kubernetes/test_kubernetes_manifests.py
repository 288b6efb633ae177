"""The manifests are what Kubernetes, the Prometheus operator, KEDA and Greenroom read."""

import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml
from all_settings import ALL as SETTINGS
from command_forms import fault
from longest_stop import longest_stop
from prometheus_client import generate_latest

from greenroom.controller.metrics import Metrics
from greenroom.errors import SetupError
from greenroom.gateway.api_keys import api_keys
from greenroom.settings import PROJECT, Settings

FOLDER = PROJECT / "deploy" / "kubernetes"
OLDEST, NEWEST = "1.29", "1.37"
NOT_OF_KUBERNETES = {"Kustomization", "PodMonitor", "ScaledObject"}


def documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


ALL = [(path.name, one) for path in sorted(FOLDER.glob("*.yaml")) for one in documents(path.name)]
OF_KUBERNETES = [(name, one) for name, one in ALL if one["kind"] not in NOT_OF_KUBERNETES]


def pod_spec(document):
    return document.get("spec", {}).get("template", {}).get("spec", {})


def containers(document):
    spec = pod_spec(document)
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


RUN = [one for _, one in ALL if containers(one)]
SERVER = next(one for one in RUN if one["metadata"]["name"] == "greenroom")
EVERY = [(one, container) for one in RUN for container in containers(one)]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(("name", "document"), OF_KUBERNETES)
def test_kubernetes_reads_it(name, document, version):
    kubernetes_validate.validate(document, version, strict=True)


def test_no_variable_of_a_service_is_taken_for_a_setting():
    assert all(pod_spec(document)["enableServiceLinks"] is False for document in RUN)


def test_what_kubernetes_does_not_know_is_found():
    wrong = yaml.safe_load(yaml.safe_dump(SERVER))
    wrong["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["prestop"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_the_operator_of_prometheus_reads_the_pod_monitor():
    """Fields: monitoring.coreos.com_podmonitors.yaml of prometheus-operator v0.80, by hand."""
    (monitor,) = documents("pod-monitor.yaml")
    assert (monitor["apiVersion"], monitor["kind"]) == ("monitoring.coreos.com/v1", "PodMonitor")
    spec = monitor["spec"]
    assert set(spec) <= {"selector", "podMetricsEndpoints", "namespaceSelector", "jobLabel"}
    assert {"selector", "podMetricsEndpoints"} <= set(spec)
    labels = SERVER["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    ports = {port["name"] for one in containers(SERVER) for port in one["ports"]}
    known = {"port", "path", "interval", "scrapeTimeout", "authorization", "relabelings"}
    for endpoint in spec["podMetricsEndpoints"]:
        assert set(endpoint) <= known
        assert endpoint["port"] in ports
    credentials = spec["podMetricsEndpoints"][0]["authorization"]["credentials"]
    assert credentials["key"] in documents("secret.example.yaml")[0]["stringData"]


def test_its_jobs_have_the_names_that_the_rules_want():
    (monitor,) = documents("pod-monitor.yaml")
    jobs = {
        one["replacement"]
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
        for one in endpoint["relabelings"]
        if one["targetLabel"] == "job"
    }
    configured = yaml.safe_load((PROJECT / "deploy/prometheus/prometheus.yml").read_text())
    assert jobs == {one["job_name"] for one in configured["scrape_configs"]}


def test_keda_reads_the_scaled_object_and_its_metrics_exist():
    """Fields: keda.sh_scaledobjects.yaml of KEDA v2.16 and its scaler `prometheus`, by hand."""
    (scaled,) = documents("scaled-object.yaml")
    assert (scaled["apiVersion"], scaled["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
    spec = scaled["spec"]
    assert set(spec) <= {
        "scaleTargetRef",
        "minReplicaCount",
        "maxReplicaCount",
        "pollingInterval",
        "cooldownPeriod",
        "triggers",
    }
    assert spec["scaleTargetRef"]["name"] == SERVER["metadata"]["name"]
    assert spec["minReplicaCount"] >= 1
    exported = generate_latest(Metrics().registry).decode()
    for trigger in spec["triggers"]:
        assert trigger["type"] == "prometheus"
        assert set(trigger["metadata"]) == {"serverAddress", "query", "threshold"}
        assert all(isinstance(value, str) for value in trigger["metadata"].values())
        for metric in re.findall(r"greenroom_\w+", trigger["metadata"]["query"]):
            assert f"# TYPE {metric} " in exported


def test_all_that_kustomize_names_is_there():
    (kustomization,) = documents("kustomization.yaml")
    kept_apart = {
        "kustomization.yaml",
        "pod-monitor.yaml",
        "scaled-object.yaml",
        "secret.example.yaml",
    }
    assert set(kustomization["resources"]) | kept_apart == {name for name, _ in ALL}


@pytest.mark.parametrize(("document", "container"), EVERY, ids=lambda one: one.get("name"))
def test_every_container_runs_a_command_of_greenroom_locked_down(document, container):
    assert fault(container["args"]) is None
    for variable in container.get("env", []):
        assert variable["name"] in SETTINGS
    secure = container["securityContext"]
    assert secure["readOnlyRootFilesystem"]
    assert not secure["allowPrivilegeEscalation"]
    assert secure["capabilities"] == {"drop": ["ALL"]}
    assert pod_spec(document)["securityContext"]["runAsNonRoot"]
    volumes = {volume["name"] for volume in pod_spec(document)["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_secrets_are_files_that_are_settings():
    given = set(documents("secret.example.yaml")[0]["stringData"])
    for document in RUN:
        for volume in pod_spec(document)["volumes"]:
            for item in volume.get("secret", {}).get("items", []):
                assert item["key"] in given
                assert item["path"].upper() in SETTINGS


def test_the_secret_has_what_scripts_keys_draws(tmp_path):
    (tmp_path / "scripts").mkdir()
    subprocess.run([shutil.copy(PROJECT / "scripts" / "keys", tmp_path / "scripts")], check=True)
    drawn = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    (example,) = documents("secret.example.yaml")
    assert set(example["stringData"]) <= set(drawn)
    # Nobody takes a line end off a value that Prometheus sends.
    assert not any(key.endswith("\n") for name, key in drawn.items() if name != "api_keys")


def test_the_example_of_a_secret_opens_nothing():
    (secret,) = documents("secret.example.yaml")
    settings = Settings(api_keys=secret["stringData"]["api_keys"])
    with pytest.raises(SetupError, match="Line 1 of GREENROOM_API_KEYS is not an API key"):
        api_keys(settings)


def test_the_pod_ends_in_its_time():
    """preStop, then the drain and what the supervisor takes, then Triton."""
    spec = pod_spec(SERVER)
    (service,) = spec["containers"]
    given = {variable["name"]: variable.get("value") for variable in service["env"]}
    command = service["lifecycle"]["preStop"]["exec"]["command"]
    settings = Settings(drain_timeout=given["GREENROOM_DRAIN_TIMEOUT"])
    assert command[0] == "sleep"
    assert spec["terminationGracePeriodSeconds"] > int(command[1]) + longest_stop(settings)


def test_one_container_has_the_card_and_all_that_the_service_needs():
    (service,) = containers(SERVER)
    assert service["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "shareProcessNamespace" not in pod_spec(SERVER)
    mounted = {mount["mountPath"] for mount in service["volumeMounts"]}
    assert {"/dev/shm", "/var/lib/greenroom/runtime", "/var/lib/greenroom/models"} < mounted
