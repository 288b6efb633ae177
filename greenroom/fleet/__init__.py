"""Many machines: one Greenroom a replica under Ray Serve, routed by residency (extra `fleet`).

Ray schedules, watches, scales and carries the requests; what is here knows residency. Nothing else
of Greenroom imports it, and nothing here knows a plug-in: which model a path needs is what its app
has declared.
"""
