"""Calls of CUDA's driver, their failures as errors."""

from typing import Any

from cuda.bindings import driver

from greenroom.errors import GreenroomError, OutOfMemory


def call(name: str, *arguments: Any) -> Any:
    """The value, if the function has one. Raises OutOfMemory, GreenroomError."""
    status, *values = getattr(driver, name)(*arguments)
    if status == driver.CUresult.CUDA_SUCCESS:
        return values[0] if values else None
    if status == driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
        raise OutOfMemory(f"{name}{_sizes(arguments)} did not find enough memory.")
    raise GreenroomError(f"{name}{_sizes(arguments)} failed with {status.name}.")


def _sizes(arguments: tuple[Any, ...]) -> str:
    return f"({', '.join(str(each) for each in arguments if isinstance(each, int))})"
