"""What this process holds of its heap, by glibc."""

import ctypes
import gc


class _MallInfo(ctypes.Structure):
    """What glibc's mallinfo2 tells, over all arenas."""

    _fields_ = (
        *((f"free_{number}", ctypes.c_size_t) for number in range(4)),
        ("mapped", ctypes.c_size_t),
        *((f"freed_{number}", ctypes.c_size_t) for number in range(2)),
        ("used", ctypes.c_size_t),
        *((f"left_{number}", ctypes.c_size_t) for number in range(2)),
    )


def allocated() -> int:
    """Bytes that this process has taken from its heap and not given back to that."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _MallInfo
    found = ask()
    return int(found.used + found.mapped)


def give_back() -> None:
    """Let the system have what is free in the heap."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
