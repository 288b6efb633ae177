"""Starts the controller process."""

import gc
import sys


def main() -> int:
    # What is imported is no garbage, now and later; to look for it takes a fifth of the start.
    gc.disable()
    from greenroom.gateway import controller_process

    return controller_process.main()


if __name__ == "__main__":
    sys.exit(main())
