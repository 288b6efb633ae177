"""All parameters and buffers of some modules, movable as one."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from greenroom.errors import SetupError
from greenroom.managed.arena.cpu_range import CpuRange
from greenroom.managed.arena.device_range import DeviceRange
from greenroom.managed.arena.host_copy import HostCopy
from greenroom.managed.arena.layout import Layout, Place, aligned, bind, laid_out
from greenroom.managed.arena.reading import Filling, Rename, fill
from greenroom.managed.arena.weight_source import WeightSource
from greenroom.managed.engine import Memory
from greenroom.managed.host.early_reading import EarlyReading
from greenroom.managed.host.pages import Pages
from greenroom.managed.host.shared_memory import SharedMemory


class Arena:
    """One host copy, one device address range, and every tensor a view of the latter.

    Parameters and buffers of any dtype, ties, views and strides are kept; tensors with
    values are moved in, those on the meta device get theirs from ``read``. The modules' tensors
    have their addresses for the life of the process: references to them and captured CUDA
    graphs stay valid over ``offload`` and ``restore``. What a model writes into its buffers
    at run time is lost by an offload: they come back as they were read. While the arena is
    not hot, touching one of the tensors is a segmentation fault (CPU) or an illegal access
    (CUDA).

    Tensors that a module holds outside of its parameters and buffers are not moved.
    """

    def __init__(
        self,
        modules: nn.Module | Iterable[nn.Module],
        device: str | torch.device = "cpu",
        early: EarlyReading | None = None,
    ) -> None:
        """Take the modules in; the arena is warm then. SetupError for a tensor it can't hold.

        ``early`` is what is being read for them; ``read`` finds it there.
        """
        self._modules = [modules] if isinstance(modules, nn.Module) else list(modules)
        self.device = torch.device(device)
        if early is not None and isinstance(early.memory, Pages) == (self.device.type == "cpu"):
            # It was begun for the other kind of device; all is read again.
            early = None
        layout = laid_out(self._modules, early)
        self._weights = layout.size
        self._scratch_end = layout.size
        self._range, self._host = _memory(layout.size, self.device, early)
        self._filling = Filling(self._host, early, self._arrived)
        self._sent: list[tuple[int, int]] | None = None
        self.hot = False
        self._places: dict[int, Place] = {}
        self._tensors = self._move_in(layout)

    def read(self, module: nn.Module, *sources: WeightSource, rename: Rename | None = None) -> None:
        """Fill a module of this warm arena from checkpoints, straight into the host copy.

        A source is a safetensors file, its index.json, a folder with either, a ``.pt`` file
        with a state dict, or a state dict; all together must have exactly the module's
        tensors (of tied ones any; non-persistent buffers that have values may be absent).
        ``rename`` maps a checkpoint's name to the module's, or to None to leave it out.
        Values are converted to the module's dtype. SetupError says what does not fit; the
        host copy is undefined then.
        """
        if self.hot:
            raise SetupError("The arena is hot; a checkpoint can be read only into a warm one.")
        fill(module, self._places, self._filling, sources, rename)

    def expect(self) -> None:
        """Let what is read from now on go to the device as it arrives; restore sends the rest.

        OutOfMemory if it has no place there.
        """
        self._range.map(self._scratch_end)
        self._sent = []

    def restore(self) -> None:
        """Come to the device: one mapping, one copy. OutOfMemory leaves nothing there."""
        if self.hot:
            return
        try:
            self._check_known()
            self._range.map(self._scratch_end)
            for begin, end in _gaps(self._sent or (), self._weights):
                self._range.send(self._host.bytes, begin, end)
            self._range.wait()
        except BaseException:
            self.offload()
            raise
        self._sent = None
        self.hot = True

    def offload(self) -> None:
        """Leave the device; nothing is copied."""
        self._range.unmap()
        self._sent = None
        self.hot = False

    def scratch(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """A static buffer in the same range, without a host copy.

        It keeps its address; its content is undefined at first and after every restore.
        """
        size = torch.Size(shape).numel() * dtype.itemsize
        begin = aligned(self._scratch_end)
        if self.hot:
            self._range.map(begin + size)
        self._scratch_end = begin + size
        return self._range.bytes[begin : begin + size].view(dtype).view(tuple(shape))

    def memory(self) -> Memory:
        return Memory(
            device_bytes=self._range.resident_bytes(),
            device_overhead_bytes=self._range.overhead_bytes(),
            host_bytes=self._host.resident_bytes(),
        )

    def close(self) -> None:
        """Give all memory back; the modules can't be used any more."""
        self.offload()
        self._host.close()

    def _move_in(self, layout: Layout) -> list[Tensor]:
        """Bind every tensor once; the originals lose their memory one block after another."""
        bound: dict[int, Tensor] = {}
        for block in layout.blocks:
            source = block.source()
            if source is not None:
                self._host.bytes[block.offset :][: source.numel()].copy_(source)
            bound |= {id(tensor): self._bind(tensor, place) for tensor, place in block.places()}
        for module in self._modules:
            _replace(module, bound)
        return list(bound.values())

    def _arrived(self, begin: int, end: int) -> None:
        """Called by the threads that read."""
        if self._sent is not None:
            self._range.send(self._host.bytes, begin, end)
            self._sent.append((begin, end))

    def _check_known(self) -> None:
        unknown = sum(not place.known for place in self._places.values())
        if unknown:
            raise SetupError(
                f"{unknown} tensors of the arena were on the meta device and have not been read."
            )

    def _bind(self, tensor: Tensor, place: Place) -> Tensor:
        view = place.view(self._range.bytes)
        if not tensor.is_meta:
            tensor.data = view
            view = tensor
        elif isinstance(tensor, nn.Parameter):
            view = nn.Parameter(view, requires_grad=tensor.requires_grad)
            view.__dict__.update(tensor.__dict__)
        bind(view)
        self._places[id(view)] = place
        return view


def _replace(module: nn.Module, bound: dict[int, Tensor]) -> None:
    """Put new tensors in the place of those that were on the meta device."""
    for part in module.modules():
        for name, tensor in (*part._parameters.items(), *part._buffers.items()):
            if tensor is not None and tensor.is_meta:
                setattr(part, name, bound[id(tensor)])


def _gaps(sent: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """From and to of what was not sent."""
    at = 0
    for begin, end in sorted(sent):
        if begin > at:
            yield at, begin
        at = max(at, end)
    if at < size:
        yield at, size


def _memory(
    size: int, device: torch.device, early: EarlyReading | None
) -> tuple[DeviceRange, HostCopy]:
    begun = early.memory if early is not None else None
    if device.type == "cpu":
        memory = begun if isinstance(begun, SharedMemory) else SharedMemory()
        return CpuRange(size, memory), HostCopy(size, memory)
    if device.type == "cuda":
        from greenroom.managed.arena.cuda_range import CudaRange

        # The range first: it makes CUDA's context the thread's, which pinning needs.
        made = CudaRange(size, device)
        # CUDA pins page by page, so fewer are sooner done.
        pages = begun if isinstance(begun, Pages) else Pages(size, huge=True)
        return made, HostCopy(size, pages)
    raise SetupError(f"an arena's device is {device}; it must be cpu or cuda.")
