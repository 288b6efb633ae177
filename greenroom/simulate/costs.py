"""What a model costs: the seconds of its transitions, its bytes, its work."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from greenroom.errors import InvalidInput
from greenroom.residency.states import Action

_SIZE = re.compile(r"(\d+(?:\.\d+)?) *(?:([KMGT])(i?))?B?", re.IGNORECASE)
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}


def size(given: object) -> object:
    """Bytes of a text such as 80GB, 512MiB or 1000; anything else is left to the validation."""
    if not isinstance(given, str):
        return given
    found = _SIZE.fullmatch(given.strip())
    if found is None:
        raise ValueError("should be a number of bytes such as 80GB, 512MiB or 1000")
    number, unit, binary = found.groups()
    base = 1024 if binary else 1000
    return round(float(number) * base ** _POWERS.get((unit or "").upper(), 0))


MOST_BYTES = 10**18
Bytes = Annotated[int, BeforeValidator(size), Field(ge=0, le=MOST_BYTES)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]


class Costs(BaseModel):
    """Measured once on the machine that is to be foreseen."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    load: Seconds = Field(20.0, description="Seconds of a load.")
    restore: Seconds = Field(0.35, description="Seconds of a restore.")
    offload: Seconds = Field(0.05, description="Seconds of an offload.")
    unload: Seconds = Field(1.0, description="Seconds of an unload.")
    bytes: Bytes = Field(10**9, description="Bytes of the weights on the GPU.")
    overhead: Bytes = Field(
        0, description="Bytes that the process holds on the GPU beyond them, also while warm."
    )
    run: Seconds | None = Field(
        None, description="Seconds of work of one request, where the trace does not say."
    )
    at_once: int = Field(
        8, ge=1, description="Requests that the model works on at one time; more wait in Triton."
    )

    def seconds(self, action: Action) -> float:
        match action:
            case Action.LOAD:
                return self.load
            case Action.RESTORE:
                return self.restore
            case Action.OFFLOAD:
                return self.offload
            case Action.UNLOAD:
                return self.unload


DEFAULT = Costs()


def checked_costs(given: Mapping[str, Any], whose: str, base: Costs = DEFAULT) -> Costs:
    """`base` with the fields in `given`. Raises InvalidInput with the field, value and rule."""
    for name, value in given.items():
        if isinstance(value, bool):
            raise InvalidInput(f"{whose}: {name} is {str(value).lower()}; it must be a number.")
    try:
        return Costs.model_validate(base.model_dump() | dict(given))
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = ", ".join(Costs.model_fields)
            raise InvalidInput(f"{whose}: {field} is not a cost; the costs are {known}.") from None
        raise InvalidInput(f"{whose}: {field} is {fault['input']!r}: {fault['msg']}.") from None


def default_model(given: str) -> Costs:
    """Of a text such as ``load=20,restore=0.35,offload=0.05,bytes=1GB``."""
    parts: dict[str, str] = {}
    for part in filter(None, map(str.strip, given.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise InvalidInput(f"--default-model: {part!r} has no value; write NAME=VALUE.")
        if name.strip() in parts:
            raise InvalidInput(f"--default-model: {name.strip()} is given twice; give it once.")
        parts[name.strip()] = value.strip()
    return checked_costs(parts, "--default-model")
