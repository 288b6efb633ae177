"""Run a program that gets a signal when its parent dies: ``tied.py PARENT SIGNAL PROGRAM ...``.

Linux keeps the parent-death signal across exec, so a program of its own can set it; doing it
between fork and exec of a process with threads is not safe. Imports nothing of Greenroom and
runs with ``python -IS``, so it costs a few milliseconds.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the program."""
    parent, signal, *program = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(parent):
        sys.exit("The parent has died before its child began.")
    try:
        os.execv(program[0], program)
    except OSError as error:
        sys.exit(f"{program[0]} could not be started: {error.strerror}.")


if __name__ == "__main__":
    main()
