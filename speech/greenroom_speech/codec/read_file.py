"""The process of one file that is read: hands over windows as they are asked for."""

import os
import socket
import traceback
from contextlib import suppress

import av
import numpy as np
import soundfile

from greenroom_speech.codec.bounds import allow_processor_time, limit
from greenroom_speech.codec.limits import (
    HIGHEST_RATE,
    MEMORY_BYTES,
    WINDOW_SECONDS,
)
from greenroom_speech.codec.messages import NEXT, Head
from greenroom_speech.codec.sources import NoSound, source
from greenroom_speech.codec.windows import windows

_UNSURE_SECONDS = 0.1
"""Containers count what a decoder leaves out at the beginning; more is refused unread."""


class _TooLong(Exception):
    """The file lasts longer than it may; the message goes on after the file's name."""


def serve(job: socket.socket, descriptor: int, longest: float, parent: int) -> None:
    """Read one open file for the gateway at the other end of `job`; `longest` in seconds."""
    size = os.fstat(descriptor).st_size
    limit(size, parent)
    with suppress(ConnectionError):  # the gateway wants no more
        try:
            _hand_over(job, descriptor, size, longest)
        except _TooLong as error:
            _refuse(job, Head.TOO_LONG, str(error))
        except NoSound as error:
            _refuse(job, Head.NO_SOUND, str(error))
        except MemoryError:
            needs = MEMORY_BYTES // 2**20
            _refuse(job, Head.NO_SOUND, f"needs more than {needs} MiB of memory to be read.")
        except (soundfile.SoundFileError, av.FFmpegError):
            damaged = f"({size} bytes) is damaged: it cannot be read to its end."
            _refuse(job, Head.NO_SOUND, damaged)
        except ConnectionError:
            raise
        except Exception:
            _refuse(job, Head.BROKEN, traceback.format_exc())


def _hand_over(job: socket.socket, descriptor: int, size: int, longest: float) -> None:
    opened = source(descriptor, size)
    if opened.seconds is not None and opened.seconds > longest + _UNSURE_SECONDS:
        raise _TooLong(f"lasts {opened.seconds:.1f} s; it may last at most {longest:g} s.")
    rate = min(opened.rate, HIGHEST_RATE)
    made = windows(opened.blocks, rate, WINDOW_SECONDS * rate)
    handed = 0
    job.sendall(Head(Head.OPENED, rate, round((opened.seconds or 0) * rate)).packed())
    while job.recv(1) == NEXT:
        allow_processor_time()
        window = next(made, None)
        if window is None and not handed:
            raise NoSound("has no samples; it must have at least one.")
        size = 0 if window is None else len(window)
        handed += size
        if handed > longest * rate:
            raise _TooLong(f"lasts more than {longest:g} s, the most that is allowed.")
        job.sendall(Head(Head.WINDOW, rate, size).packed())
        if window is None:
            return
        job.sendall(window.view(np.uint8).data)


def _refuse(job: socket.socket, kind: int, sentence: str) -> None:
    content = sentence.encode()
    job.sendall(Head(kind, 0, len(content)).packed() + content)
