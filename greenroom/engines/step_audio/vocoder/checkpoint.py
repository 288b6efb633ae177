"""``flow.pt`` and ``hift.pt``: read without running what is in them, and strictly."""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Size, Tensor, nn

from greenroom.engines.step_audio.vocoder.flow import Flow
from greenroom.engines.step_audio.vocoder.hift import Hift
from greenroom.engines.step_audio.vocoder.weight_norm import folded, stored_shapes
from greenroom.errors import SetupError

_NAMED_AT_ONCE = 3


def flow_state(path: Path, flow: Flow) -> dict[str, Tensor]:
    """Return the file's tensors, mapped from disk, checked against the module's."""
    state = _read(path)
    check_tensors(path.name, state, _shapes(flow))
    return state


def hift_state(path: Path, hift: Hift) -> dict[str, Tensor]:
    """Return the file's tensors with their weight norm folded, under the module's names."""
    state = _read(path)
    check_tensors(path.name, state, hift_file_shapes(hift))
    return folded(state)


def hift_file_shapes(hift: Hift) -> dict[str, Size]:
    """Return the tensors that ``hift.pt`` must have: most weights with weight norm."""
    plain = set(hift.source_downs)
    normed = (
        name
        for name, module in hift.named_modules()
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d) and module not in plain
    )
    return stored_shapes(_shapes(hift), normed)


def check_tensors(what: str, state: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> None:
    """Raise SetupError, naming the first few, for missing, extra or misshapen tensors."""
    misshapen = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(shape)}"
        for name, shape in shapes.items()
        if name in state and state[name].shape != shape
    ]
    for fault, names in (
        ("lacks", [name for name in shapes if name not in state]),
        ("has besides what belongs there", [name for name in state if name not in shapes]),
        ("has misshapen", misshapen),
    ):
        if names:
            raise SetupError(f"{what} {fault} {_some(names)}; it must match the model's config.")


def _shapes(module: nn.Module) -> dict[str, Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


def _some(names: Iterable[str]) -> str:
    first, *others = names
    shown = [first, *others[: _NAMED_AT_ONCE - 1]]
    more = len(others) + 1 - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError):
        raise SetupError(f"{path} is no state dict of plain tensors; it must be one.") from None
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise SetupError(f"{path} holds other things than tensors; it must be a state dict.")
    return state
