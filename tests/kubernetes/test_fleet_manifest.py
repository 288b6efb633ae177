"""The fleet's manifest is what KubeRay, Kubernetes and `greenroom fleet config` say."""

import kubernetes_validate
import pytest
import yaml

from greenroom.settings import PROJECT, Settings

PATH = PROJECT / "deploy" / "kubernetes" / "fleet" / "ray-service.yaml"
SERVICE, *REST = yaml.safe_load_all(PATH.read_text(encoding="utf-8"))
CLUSTER = SERVICE["spec"]["rayClusterConfig"]
GROUPS = [CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]]
VERSIONS = ("1.29", "1.37")

OF_A_CLUSTER = {
    "authOptions",
    "autoscalerOptions",
    "enableInTreeAutoscaling",
    "gcsFaultToleranceOptions",
    "headGroupSpec",
    "headServiceAnnotations",
    "rayVersion",
    "suspend",
    "workerGroupSpecs",
}
OF_A_GROUP = {
    "groupName",
    "maxReplicas",
    "minReplicas",
    "rayStartParams",
    "replicas",
    "serviceType",
    "template",
}
"""Fields of ray.io/v1, by hand from the API reference of KubeRay 1.6."""


def test_kuberay_reads_it():
    assert (SERVICE["apiVersion"], SERVICE["kind"]) == ("ray.io/v1", "RayService")
    assert set(SERVICE["spec"]) <= {"serveConfigV2", "rayClusterConfig"}
    assert set(CLUSTER) <= OF_A_CLUSTER
    assert CLUSTER["authOptions"] == {"mode": "token"}
    for group in GROUPS:
        assert set(group) <= OF_A_GROUP
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("group", GROUPS, ids=["head", "worker"])
def test_kubernetes_reads_its_pods(group, version):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group["template"]}
    kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", REST, ids=lambda one: one["kind"])
def test_kubernetes_reads_what_lies_beside_it(document, version):
    kubernetes_validate.validate(document, version, strict=True)


def test_its_serve_config_is_the_one_that_the_command_prints():
    pytest.importorskip("ray", reason="the extra fleet is not installed")
    from greenroom.fleet.arguments import FleetArguments
    from greenroom.fleet.serve_config import serve_config

    given = FleetArguments(replicas=3, min_replicas=1)
    printed = serve_config(given, Settings(host="0.0.0.0"), keys=True)
    assert yaml.safe_load(SERVICE["spec"]["serveConfigV2"]) == printed


def test_only_replicas_have_a_card():
    limits = [g["template"]["spec"]["containers"][0]["resources"]["limits"] for g in GROUPS]
    assert ["nvidia.com/gpu" in one for one in limits] == [False, True]
