"""Lets a fleet's requests finish: a process of its own, since Ray waits for a broken head for ever.

It says a word when it has reached the head, and ends when the replicas have.
"""

import sys
import time

import ray
from ray import serve

from greenroom.fleet.up import APP

_LOOK_EVERY = 0.2


def main(head: str) -> None:
    ray.init(head, log_to_driver=False, logging_level="ERROR", namespace="serve")
    print("reached", flush=True)
    serve.delete(APP, _blocking=False)
    while APP in serve.status().applications:
        time.sleep(_LOOK_EVERY)
    serve.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
