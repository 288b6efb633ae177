"""Foresees what a policy, an order of eviction or a number of GPUs would have done on a trace.

The residency core of the service decides; here is only what happens to it: requests from a
trace, transitions and work that last as long as they were measured to, and a clock.
"""
