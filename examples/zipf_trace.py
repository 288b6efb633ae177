#!/usr/bin/env python3
"""Prints a trace for ``greenroom simulate``: many models, few of them busy, requests in bursts.

usage: examples/zipf_trace.py [--requests 5000] [--models 40] [--days 5] [--seed 1] > zipf.csv
"""

import argparse
import sys

from greenroom.simulate.synthetic import zipf_trace
from greenroom.simulate.trace_file import write_trace

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--requests", type=int, default=5000)
parser.add_argument("--models", type=int, default=40)
parser.add_argument("--days", type=float, default=5.0)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
trace = zipf_trace(options.requests, options.models, options.days, seed=options.seed)
write_trace(trace, sys.stdout)
