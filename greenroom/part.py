"""The parts of a service, which can run together or each by itself."""

from enum import StrEnum


class Part(StrEnum):
    """What a supervisor starts and keeps alive, in the order of the start."""

    TRITON = "triton"
    CONTROLLER = "controller"
    UI = "ui"
