"""Traffic over a stage in its own time: arrivals, leases that last, transitions that take time."""

import heapq
from itertools import count


class Traffic:
    """Runs a harness from event to event; every lease and every transition takes its seconds."""

    def __init__(self, harness, transition_seconds, lease_seconds):
        self._scene = harness
        self._transition_seconds = transition_seconds
        self._lease_seconds = lease_seconds
        self._events = []
        self._number = count()
        self._ending = {}
        self._leased = set()
        self._asked = []

    def run(self, arrivals):
        """Let requests for models come, each so long after the one before.

        Returns the longest wait for a lease when all of them were served.
        """
        at = self._scene.now
        for pause, name in arrivals:
            at += pause
            self._at(at, lambda name=name: self._asked.append(self._scene.ask(name)))
        while self._events:
            when, _, happen = heapq.heappop(self._events)
            self._scene.wait(when - self._scene.now)
            happen()
            self._follow()
        assert not self._scene.refused
        assert all(ticket.granted_at is not None for ticket in self._asked)
        return max((t.granted_at - t.asked_at for t in self._asked), default=0.0)

    def _follow(self):
        """Plan the ends of what has begun since, and a look when only time is waited for."""
        harness = self._scene
        for name, begin in harness.running.items():
            if self._ending.get(name) is not begin:
                self._ending[name] = begin
                self._at(harness.now + self._transition_seconds, lambda n=name: harness.finish(n))
        for ticket in harness.granted:
            if ticket not in self._leased:
                self._leased.add(ticket)
                self._at(harness.now + self._lease_seconds, lambda t=ticket: harness.release(t))
        waits = any(ticket.granted_at is None for ticket in self._asked)
        if waits and not self._events and (due := harness.stage.next_due(harness.now)) is not None:
            self._at(due, lambda: None)

    def _at(self, when, happen):
        heapq.heappush(self._events, (when, next(self._number), happen))
