#!/usr/bin/env python3
"""What a simulation costs: a million requests for 1,000 models, a third of which need a transition.

Prints seconds of CPU and peak memory; exits with 1 beyond 120 s or 1 GB, or if fewer than 30 loads
and restores came to 100 requests.

usage: benchmarks/million_requests.py [--requests 1000000] [--fit 50]
"""

import argparse
import resource
import sys
import time

from greenroom.residency.policy import Policy
from greenroom.simulate.costs import Costs
from greenroom.simulate.play import play
from greenroom.simulate.synthetic import zipf_trace
from greenroom.simulate.world import SimulatedModel, World

MODELS = 1000
STAYS = Policy(offload_after=-1, unload_after=-1, max_wait=1e6, max_waiting=10**6)
SECONDS, MEGABYTES, MOVED = 120, 1000, 0.3


def main() -> None:
    usage = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    usage.add_argument("--requests", type=int, default=1_000_000)
    usage.add_argument("--fit", type=int, default=50, help="models that are hot at one time")
    given = usage.parse_args()
    days = 300 * given.requests / 1e6
    trace = zipf_trace(given.requests, MODELS, days, exponent=0.9, burst=2)
    costs = Costs(load=20, restore=0.35, offload=0.05, bytes=10**9)
    world = World(others=lambda name: SimulatedModel(name, STAYS, costs), memory=given.fit * 10**9)
    began = time.process_time()
    result = play(trace, world).as_json()
    seconds = time.process_time() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    came = result["transitions"]["load"] + result["transitions"]["restore"]
    moved = came / given.requests
    each = 1e6 * seconds / given.requests
    print(f"{result['requests']:,} requests, {result['hot']:,} hot, {result['refused']:,} refused")
    print(f"{came:,} loads and restores, {moved:.1%} of the requests: {seconds:.0f} s of CPU")
    print(f"{each:.0f} us a request, {megabytes:.0f} MB at most")
    sys.exit(0 if seconds <= SECONDS and megabytes <= MEGABYTES and moved >= MOVED else 1)


if __name__ == "__main__":
    main()
