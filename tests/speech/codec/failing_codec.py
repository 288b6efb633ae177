"""The codec process, but for files that say how reading them fails."""

import ctypes
import os
import signal

import greenroom_speech.codec.bounds as bounds
import greenroom_speech.codec.read_file as read_file
from greenroom_speech.codec.__main__ import main

true_source = read_file.source


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


read_file.source = source
bounds.CPU_SECONDS = 1
main()
