"""Building torch modules whose values come from a checkpoint."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode


@contextmanager
def unfilled() -> Iterator[None]:
    """Modules made within have shapes without values: parameters on the meta device.

    Buffers are real, and parameters are not initialised. Within ``torch.device("meta")``
    buffers would have no values, and random draws and arithmetic make torch import its
    compiler there, which takes seconds.
    """
    hook = register_module_parameter_registration_hook(_without_values)  # type: ignore[arg-type]
    try:
        with _Uninitialised():
            yield
    finally:
        hook.remove()


def _without_values(
    module: nn.Module, name: str, parameter: nn.Parameter | None
) -> nn.Parameter | None:
    # A tied parameter comes here again and must stay the same object.
    if parameter is None or parameter.is_meta:
        return parameter
    shape = torch.empty_like(parameter, device="meta")
    return nn.Parameter(shape, requires_grad=parameter.requires_grad)


class _Uninitialised(TorchFunctionMode):
    """The functions of torch.nn.init do nothing, so that memory is never touched."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)
