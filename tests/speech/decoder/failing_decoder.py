"""The decoder process, but for files that say how reading them fails."""

import ctypes
import os
import signal

import greenroom_speech.decoder.one_file as one_file
from greenroom_speech.decoder.__main__ import main

true_source = one_file.source


def source(descriptor, size):
    match os.pread(descriptor, 20, 0):
        case b"crash":
            ctypes.string_at(0)
        case b"grow":
            return [bytearray(2**20) for _ in range(2**20)]
        case b"compute":
            while True:
                pass
        case b"stop":
            os.kill(os.getppid(), signal.SIGSTOP)
            signal.pause()
        case b"bug":
            raise KeyError("a secret")
    return true_source(descriptor, size)


one_file.source = source
one_file.CPU_SECONDS = 1
main()
