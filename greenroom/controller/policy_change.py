"""A change of a model's policy, as somebody asks for it while the service runs."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from greenroom.errors import InvalidInput
from greenroom.residency.policy import Policy


def changed_policy(policy: Policy, given: Mapping[str, Any]) -> Policy:
    """InvalidInput names field, value and rule."""
    for name in given:
        if name not in Policy.model_fields:
            fields = ", ".join(Policy.model_fields)
            raise InvalidInput(f"The policy has no field {name!r}; its fields are {fields}.")
    try:
        return Policy.model_validate({**policy.model_dump(), **given}, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        rule = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        raise InvalidInput(
            f"Field {first['loc'][0]!r} of the policy is {first['input']!r}; it must be {rule}."
        ) from None
