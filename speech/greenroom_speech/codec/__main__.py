"""The codec process: forks one process for each file that is to be read or written.

Each message on its standard input is a JSON object. To read, it is ``{"longest": seconds}`` with
two descriptors, the socket to the gateway and the open file; to write, ``{"kind": "mp3", "rate":
24000}`` with the socket. The end of the input, which is the gateway's end too, ends it, and
with it every process that it has forked.
"""

import gc
import json
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from greenroom_speech.codec import read_file, written_file
from greenroom_speech.codec.messages import BEGUN

_MOST_BYTES = 4096


def main() -> None:
    """Serve until the gateway closes the control socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's is for the supervisor
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forked
    with suppress(OSError):  # the kernel shall take this one first, not the gateway
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    control, myself = socket.socket(fileno=0), os.getpid()
    gc.freeze()  # what is there already stays shared with the forked
    while True:
        content, descriptors, _, _ = socket.recv_fds(control, _MOST_BYTES, 2)
        if not content:
            return
        if os.fork():
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            _become_one_file(control, json.loads(content), descriptors, myself)


def _become_one_file(
    control: socket.socket, asked: dict[str, Any], descriptors: list[int], parent: int
) -> None:
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for output in (1, 2):  # libsndfile's and FFmpeg's words about each bad byte
            os.dup2(nothing, output)
        control.close()
        channel, *files = descriptors
        job = socket.socket(fileno=channel)
        job.sendall(BEGUN)
        if files:
            read_file.serve(job, files[0], asked["longest"], parent)
        else:
            written_file.serve(job, asked["kind"], asked["rate"], parent)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
