"""Weights that leave the device and come back, for any list of torch modules.

::

    model = MyModel()                       # or built on the meta device, then arena.read
    arena = Arena([model], device="cuda")
    arena.restore()                         # hot: the model runs as ever
    arena.offload()                         # warm: nothing on the device, the host copy stays

``ArenaEngine`` makes an engine of that, so that any Triton Python model becomes managed.
Needs torch: the extra ``arena``.
"""

from greenroom.managed.arena.arena import Arena
from greenroom.managed.arena.arena_engine import ArenaEngine, best_device

__all__ = ["Arena", "ArenaEngine", "best_device"]
