# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of its own that speaks with espeak-ng, fed through a pipe.

espeak-ng is under the GPL, version 3 or later, and so is this file alone; the rest of the
project runs it as a separate program and never loads the library. Source of espeak-ng:
https://github.com/espeak-ng/espeak-ng

Usage: ``espeak_worker.py LIBRARY DATA``. Each line of standard input is a JSON object
``{"voice": "cmn", "text": "...", "words_per_minute": 165}``; each answer on standard output is a
JSON line ``{"bytes": n, "rate": 22050}`` followed by n bytes of 16-bit PCM, or
``{"error": "..."}``. It ends when its input does, so it never outlives its parent.
"""

import ctypes
import json
import os
import signal
import sys

SYNCHRONOUS = 2
NO_EXIT = 0x8000
UTF8 = 1
SPEED_PARAMETER = 1
CHUNK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def main(library_path: str, data_path: str) -> int:
    """Answers lines until the input ends; 1 if espeak-ng does not start."""
    # A Ctrl-C is for the parent to act on: it closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    library = ctypes.CDLL(library_path)
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, data_path.encode(), NO_EXIT)
    if rate <= 0:
        sys.stderr.write(f"espeak-ng does not start with the data in {data_path}\n")
        return 1
    for line in sys.stdin.buffer:
        answer_in_child(library, rate, line)
    return 0


def answer_in_child(library: ctypes.CDLL, rate: int, line: bytes) -> None:
    """Speak in a fork: each text finds the library as it started, so it sounds the same.

    In one process the library's state moves on and every repetition differs. A crash takes
    the child alone; it has written nothing then, because it writes at the end.
    """
    child = os.fork()
    if child == 0:
        try:
            answer(library, rate, json.loads(line))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        send({"error": f"espeak-ng crashed with wait status {status}"}, b"")


def answer(library: ctypes.CDLL, rate: int, request: dict[str, str | int]) -> None:
    # At its start the library seeds its flutter with the time.
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    chunks: list[bytes] = []

    def take(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        if samples and count:
            chunks.append(ctypes.string_at(samples, count * 2))
        return 0

    callback = CHUNK(take)
    library.espeak_SetSynthCallback(callback)
    voice, words = str(request["voice"]), str(request["text"]).encode()
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        send({"error": f"espeak-ng has no voice {voice}"}, b"")
        return
    library.espeak_SetParameter(SPEED_PARAMETER, int(request["words_per_minute"]), 0)
    library.espeak_Synth(words, len(words) + 1, 0, 1, 0, UTF8, None, None)
    pcm = b"".join(chunks)
    send({"bytes": len(pcm), "rate": rate}, pcm)


def send(head: dict[str, str | int], pcm: bytes) -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + pcm)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
