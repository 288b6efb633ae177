"""``flow.pt`` and ``hift.pt`` into an arena, strictly."""

from collections.abc import Mapping
from pathlib import Path

from torch import Size, Tensor, nn

from greenroom.errors import SetupError
from greenroom.managed.arena.weight_source import opened
from greenroom_speech.engines.step_audio.vocoder.hift import Hift
from greenroom_speech.engines.step_audio.vocoder.weight_norm import folded, stored_shapes

_NAMED = 3


def hift_state(path: Path, hift: Hift) -> dict[str, Tensor]:
    """The file's tensors with their weight norm folded, under the module's names.

    SetupError where the file cannot be read, and for a missing, extra or misshapen tensor.
    """
    with opened((path,)) as found:
        state = {
            name: stored.values(0, stored.shape.numel()).view(stored.shape)
            for _, name, stored in found
        }
        check_tensors(str(path), state, hift_file_shapes(hift))
        return folded(state)


def hift_file_shapes(hift: Hift) -> dict[str, Size]:
    """The tensors that ``hift.pt`` must have: most weights with weight norm."""
    plain = set(hift.source_downs)
    normed = (
        name
        for name, module in hift.named_modules()
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d) and module not in plain
    )
    shapes = {name: tensor.shape for name, tensor in hift.state_dict().items()}
    return stored_shapes(shapes, normed)


def check_tensors(where: str, state: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> None:
    """Raise SetupError, naming the first few, for missing, extra or misshapen tensors."""
    misshapen = [
        f"{name} of shape {list(state[name].shape)} instead of {list(shape)}"
        for name, shape in shapes.items()
        if name in state and state[name].shape != shape
    ]
    for fault, names in (
        ("lacks", [name for name in shapes if name not in state]),
        ("has", misshapen),
        ("must not have", [name for name in state if name not in shapes]),
    ):
        if names:
            raise SetupError(f"{where} {fault} {_first(names)}; the vocoder needs all as released.")


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
