"""constraints.txt fits what the distributions and the registry's wheel of torch need.

tests/packaging/torch/METADATA is what the registry has for torch's Linux wheels; `make lock` writes
it, `make lock-check` compares it and resolves every extra against the registry.
"""

import hashlib
import tomllib
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from greenroom.settings import PROJECT

TORCH = Path(__file__).parent / "torch" / "METADATA"
OURS = {"client", ".", "speech"}
LINUX = {
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}


@pytest.fixture(scope="module", params=["3.11", "3.12"])
def machine(request):
    """Return what markers ask of a machine with Linux and this Python."""
    full = {"python_version": request.param, "python_full_version": f"{request.param}.7"}
    return {**LINUX, **full, "extra": ""}


@pytest.fixture(scope="module")
def pins(machine):
    """Return the one version of each package that this machine is given."""
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if not line.startswith("#")]
    taken = [one for one in pinned if not one.marker or one.marker.evaluate(machine)]
    versions = {canonicalize_name(one.name): the_version(one) for one in taken}
    assert len(versions) == len(taken)
    return versions


def the_version(pin):
    (specifier,) = pin.specifier
    version = Version(specifier.version)
    assert specifier.operator == "=="
    assert not version.local, f"{pin} is a build that no registry has"
    return version


def unmet(requirements, pins, machine):
    """Return those of these lines that are for this machine and that no pin satisfies."""
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate(machine):
            continue
        version = pins.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement}: {version}"


def test_the_pins_fit_the_wheel_of_torch(pins, machine):
    metadata = message_from_bytes(TORCH.read_bytes())
    assert pins["torch"] == Version(metadata["Version"])
    assert not list(unmet(metadata.get_all("Requires-Dist"), pins, machine))


def test_the_metadata_of_torch_is_as_the_registry_gave_it():
    digest = hashlib.sha256(TORCH.read_bytes()).hexdigest()
    assert TORCH.with_suffix(".sha256").read_text() == f"{digest}  METADATA\n"


@pytest.mark.parametrize("folder", sorted(OURS))
def test_the_pins_fit_our_distributions(pins, machine, folder):
    declared = (PROJECT / folder / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(declared)["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    lines = [line for group in groups for line in group if not line.startswith("greenroom")]
    assert not list(unmet(lines, pins, machine))
