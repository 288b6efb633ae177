"""An engine whose weights are in an arena: the base class of those with a torch model."""

from collections.abc import Iterable

import torch
from torch import nn

from greenroom.managed.arena.arena import Arena
from greenroom.managed.engine import Memory, OneByOne
from greenroom.managed.host.early_reading import EarlyReading


def best_device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class ArenaEngine(OneByOne):
    """Answers one request at a time with modules that an arena moves.

    A subclass makes its modules and calls ``super().__init__(modules)``; then it is hot::

        class MyEngine(ArenaEngine):
            name = "mine"

            def __init__(self, settings):
                self.model = MyModel.from_pretrained(FOLDER)
                super().__init__(self.model)

            def answer(self, request):
                x = torch.from_numpy(request["X"]).to(self.arena.device)
                return {"Y": self.model(x).cpu().numpy()}

            def prime(self):
                self.answer({"X": EXAMPLE})

    To read a checkpoint into modules on the meta device, without a second host copy, override
    ``load``. Modules, weights and static buffers belong in the arena; what else a run leaves on
    a GPU, torch's own cache, is given back by ``offload``.
    """

    def __init__(
        self,
        modules: nn.Module | Iterable[nn.Module],
        device: str | torch.device | None = None,
        early: EarlyReading | None = None,
    ) -> None:
        """Take the modules in, load and restore; `device` None: the GPU if there is one.

        ``early`` is what of their checkpoints is being read already.
        """
        self.arena = Arena(modules, best_device() if device is None else device, early)
        try:
            self.arena.expect()
            self.load()
            self.arena.restore()
        except BaseException:
            self.arena.offload()
            raise

    def load(self) -> None:
        """Read checkpoints with ``self.arena.read``; the arena is warm. Nothing by default."""

    def offload(self) -> None:
        self.arena.offload()

    def restore(self) -> None:
        self.arena.restore()

    def memory(self) -> Memory:
        """Measure what the arena holds; on the CPU of a machine with a GPU all of it is host's.

        Without any GPU the CPU's range stands for the device, so that everything can be tried.
        """
        held = self.arena.memory()
        if self.arena.device.type == "cpu" and torch.cuda.is_available():
            # Hot, the range has the same pages, and static buffers.
            return Memory(host_bytes=max(held.host_bytes, held.device_bytes))
        return held

    def close(self) -> None:
        self.arena.close()
