"""What came of one check."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from greenroom_client.errors import GreenroomClientError


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class NotChecked(GreenroomClientError):
    """What a check needs first could not be reached."""


@dataclass(frozen=True)
class Measured:
    """What a check saw. `faults`: sentences about what is not as expected."""

    text: str
    seconds: float | None = None
    """Of the transition that was checked, as the server measured it."""
    device_bytes: int | None = None
    """Of the model, after it."""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class VerifyResult:
    """One row: what was checked, what was expected, what was measured."""

    check: str
    outcome: Outcome
    expected: str
    measured: str
    seconds: float | None = None
    device_bytes: int | None = None
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, check: str, expected: str, measured: Measured) -> "VerifyResult":
        return cls(
            check,
            Outcome.FAILED if measured.faults else Outcome.PASSED,
            expected,
            measured.text,
            measured.seconds,
            measured.device_bytes,
            tuple(measured.faults),
        )

    def as_json(self) -> dict[str, Any]:
        """The row for machines."""
        return asdict(self)
