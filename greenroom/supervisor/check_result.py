"""What one check of the machine found."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """Whether Greenroom can run with it."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class CheckResult:
    """One row of the doctor's table: what was looked at, what is so, what to do about it."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""

    @classmethod
    def ok(cls, check: str, found: str) -> Self:
        """As it should be."""
        return cls(check, Verdict.OK, found)

    @classmethod
    def warn(cls, check: str, found: str, remedy: str = "") -> Self:
        """Greenroom runs, but something works less well or not at all."""
        return cls(check, Verdict.WARN, found, remedy)

    @classmethod
    def fail(cls, check: str, found: str, remedy: str = "") -> Self:
        """Greenroom cannot run."""
        return cls(check, Verdict.FAIL, found, remedy)
