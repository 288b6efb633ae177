"""What --config, --policy and their kin say of the models, as a world to simulate.

The file is TOML. ``repositories`` are model repositories, whose config.pbtxt tell of policies
and ensembles as they do to the service; a table ``[models.NAME]`` has costs and fields of a
policy::

    repositories = ["model_repository", "ensemble"]

    [models.NAME]
    load = 12.5
    restore = 0.35
    bytes = "7GB"
    unload_after = 600
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from greenroom.errors import InvalidInput
from greenroom.residency.policy import Policy
from greenroom.simulate.costs import Costs, checked_costs
from greenroom.simulate.world import SimulatedModel
from greenroom.triton.repository import Repository

EVERY_MODEL = "*"
"""In a policy that is given for all models."""


@dataclass
class Configuration:
    """Models by name, and what the others are like."""

    costs: Costs = field(default_factory=Costs)
    policy: dict[str, Any] = field(default_factory=dict)
    """Fields of the policy of each model that has none of its own."""
    models: dict[str, SimulatedModel] = field(default_factory=dict)
    _tables: dict[str, str] = field(default_factory=dict)
    """Who named a model that nothing tells of yet."""

    def other(self, name: str) -> SimulatedModel:
        """A model that the configuration does not name."""
        return SimulatedModel(name, Policy(**self.policy), self.costs)

    def named(self, name: str) -> SimulatedModel:
        return self.models.get(name) or self.other(name)

    # -- what adds to it --------------------------------------------------------------------

    def read(self, path: Path) -> None:
        """Take up a file. Raises InvalidInput with the model, field, value and rule."""
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"--config {path} cannot be read: {error}.") from error
        if unknown := set(given) - {"models", "repositories"}:
            raise InvalidInput(
                f"--config {path}: {', '.join(sorted(unknown))} is unknown; "
                "it may have repositories and models."
            )
        self._add_repositories(path, given.get("repositories", []))
        models = given.get("models", {})
        if not isinstance(models, dict) or not all(isinstance(m, dict) for m in models.values()):
            raise InvalidInput(f"--config {path}: models must be tables such as [models.NAME].")
        for name, fields in models.items():
            self._take_note(name, f"--config {path}")
            self.change(name, fields, f"--config {path}, model {name}")

    def change(self, name: str, fields: Mapping[str, Any], whose: str) -> None:
        """Set costs and fields of the policy of one model."""
        model = self.named(name)
        policy = {key: value for key, value in fields.items() if key in Policy.model_fields}
        costs = {key: value for key, value in fields.items() if key not in policy}
        self.models[name] = replace(
            model,
            policy=checked_policy(policy, whose, model.policy),
            costs=checked_costs(costs, whose, model.costs),
        )

    def shape(self, name: str, *, controllable: bool, steps: Iterable[str] = ()) -> None:
        """Set whether a model can leave the device by itself, and what an ensemble needs."""
        model = self.named(name)
        self.models[name] = replace(model, controllable=controllable, steps=tuple(steps))

    def change_policies(self, given: str) -> None:
        """Take JSON as GREENROOM_POLICY is; under `*` for all models."""
        try:
            policies = json.loads(given)
        except ValueError as error:
            raise InvalidInput(f"--policy is not JSON: {error}.") from None
        if not isinstance(policies, dict) or not all(
            isinstance(p, dict) for p in policies.values()
        ):
            raise InvalidInput('--policy must look like {"NAME": {"unload_after": 600}}.')
        self.change_all(policies.pop(EVERY_MODEL, {}), "--policy")
        for name, fields in policies.items():
            self._take_note(name, "--policy")
            model = self.named(name)
            policy = checked_policy(fields, f"--policy, model {name}", model.policy)
            self.models[name] = replace(model, policy=policy)

    def change_all(self, fields: Mapping[str, Any], whose: str) -> None:
        """Set fields of the policies of all models, those that are not named too."""
        checked_policy(fields, whose, Policy())
        self.policy |= fields
        for name, model in self.models.items():
            policy = checked_policy(fields, whose, model.policy)
            self.models[name] = replace(model, policy=policy)

    def unknown(self, asked: Iterable[str]) -> list[str]:
        """A sentence for each model that is configured though nothing else tells of it."""
        known = set(asked)
        return [
            f"{whose}: no request is for model {name}; a name must be that of a model of the "
            "trace, of repositories or of --from."
            for name, whose in self._tables.items()
            if name not in known
        ]

    def _take_note(self, name: str, whose: str) -> None:
        if name not in self.models:
            self._tables[name] = whose

    def _add_repositories(self, path: Path, folders: Any) -> None:
        if not isinstance(folders, list) or not all(isinstance(one, str) for one in folders):
            raise InvalidInput(f"--config {path}: repositories must be a list of folders.")
        found = [path.parent / folder for folder in folders]
        for folder in found:
            if not folder.is_dir():
                raise InvalidInput(f"--config {path}: repository {folder} is not a folder.")
        read = Repository(*found).models
        for folder in found:
            if not any(spec.folder.parent == folder for spec in read.values()):
                raise InvalidInput(f"--config {path}: repository {folder} has no model.")
        for name, spec in read.items():
            own = spec.policy.model_dump(exclude_unset=True)
            policy = checked_policy(self.policy | own, name, Policy())
            self.models[name] = SimulatedModel(
                name, policy, self.costs, spec.controllable, spec.steps
            )


def checked_policy(given: Mapping[str, Any], whose: str, base: Policy) -> Policy:
    """`base` with the fields in `given`. Raises InvalidInput with the field, value and rule."""
    try:
        return Policy.model_validate(base.model_dump() | dict(given))
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            known = ", ".join(Policy.model_fields)
            rule = f"{name} is not a field of a policy; the fields are {known}."
            raise InvalidInput(f"{whose}: {rule}") from None
        raise InvalidInput(f"{whose}: {name} is {fault['input']!r}: {fault['msg']}.") from None
