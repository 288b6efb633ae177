"""The network in CTranslate2: where it computes, what it holds, how it comes and goes."""

import ctypes
import importlib.util
import os
import time
from pathlib import Path

import ctranslate2
from faster_whisper import WhisperModel

from greenroom.errors import SetupError
from greenroom_speech.engines.heap import allocated, give_back

THREADS = 4
"""Of a processor; more gain little."""
_LEAVING_SECONDS, _ASKED_EVERY = 5.0, 0.001
"""A worker of CTranslate2 counts as busy for a moment after its answer is there, and a model whose
worker is busy is not unloaded, without a word."""
_CUBLAS = "libcublas.so.12"


class CTranslate2Model:
    """One model, which can leave its device and come back. On a processor it leaves memory."""

    def __init__(self, folder: Path, device: str, compute_type: str) -> None:
        """Raises SetupError for a device that there is not, or a folder that is no model."""
        self._gpu = device_of(device) == "cuda"
        before = self._used()
        try:
            self.model = WhisperModel(
                str(folder),
                device="cuda" if self._gpu else "cpu",
                compute_type=compute_type,
                cpu_threads=min(THREADS, len(os.sched_getaffinity(0))),
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise SetupError(f"{folder} cannot be loaded as {compute_type}: {error}.") from error
        self.device_bytes = max(self._used() - before, 0)
        """Measured: of a GPU what became less free, of a processor what was taken from the heap.

        The first number has the tokenizer in it; what is freed when it leaves corrects it.
        """
        self._size = self.device_bytes

    @property
    def host_bytes(self) -> int:
        """The copy that waits in host memory while a GPU is free of it."""
        return self._size if self._gpu and not self.device_bytes else 0

    def leave(self) -> None:
        """Free the device. Whether it is free, CTranslate2 says; all or nothing leaves it."""
        network, full = self.model.model, self._used()
        until = time.monotonic() + _LEAVING_SECONDS
        network.unload_model(to_cpu=self._gpu)
        while network.model_is_loaded and time.monotonic() < until:
            time.sleep(_ASKED_EVERY)
            network.unload_model(to_cpu=self._gpu)
        give_back()
        if network.model_is_loaded:
            return
        if self.device_bytes:
            self._size = max(full - self._used(), 0)
        self.device_bytes = 0

    def come_back(self) -> None:
        """Nothing happens where it is."""
        self.model.model.load_model()
        self.device_bytes = self._size

    def _used(self) -> int:
        return _gpu_used() if self._gpu else allocated()


def device_of(setting: str) -> str:
    """Where a setting says that it computes. Raises SetupError for a GPU that cannot be used.

    The wheel of CTranslate2 wants cuBLAS of CUDA 12, whichever torch has.
    """
    gpus = ctranslate2.get_cuda_device_count()
    if setting == "cpu" or (setting == "auto" and not (gpus and _has_cublas())):
        return "cpu"
    if not gpus:
        raise SetupError("GREENROOM_ASR_DEVICE is cuda, but CTranslate2 finds no GPU.")
    if not _has_cublas():
        raise SetupError(
            f"GREENROOM_ASR_DEVICE is cuda, but {_CUBLAS} is missing, which CTranslate2 needs; "
            "nvidia-cublas-cu12 has it."
        )
    return "cuda"


def _has_cublas() -> bool:
    """Load it from the system or from its package; CTranslate2 then finds it by its name."""
    for place in (_CUBLAS, *_packaged(_CUBLAS)):
        try:
            ctypes.CDLL(place, ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    return False


def _packaged(library: str) -> list[str]:
    """Where nvidia-cublas-cu12 has put it, out of the loader's sight."""
    try:
        found = importlib.util.find_spec("nvidia.cublas")
    except ModuleNotFoundError:
        return []
    folders = found.submodule_search_locations if found else None
    return [f"{folder}/lib/{library}" for folder in folders or ()]


def _gpu_used() -> int:
    import pynvml

    pynvml.nvmlInit()
    try:
        # Triton sees one GPU alone, which NVML does not know.
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        if visible.isdigit():
            card = pynvml.nvmlDeviceGetHandleByIndex(int(visible))
        else:
            card = pynvml.nvmlDeviceGetHandleByUUID(visible)
        return int(pynvml.nvmlDeviceGetMemoryInfo(card).used)
    finally:
        pynvml.nvmlShutdown()
