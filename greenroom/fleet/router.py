"""Ray Serve's seam for routing, filled with `residency/placement.py`; runs in every proxy."""

import time
from collections.abc import Sequence
from typing import Any

from ray.serve.request_router import RequestRouter
from ray.util import metrics

from greenroom.fleet.directory import Directory, RequestNeeds
from greenroom.fleet.ray_requests import answer_for_the_dead, asked_of
from greenroom.fleet.report import replica_of
from greenroom.residency.placement import REMEMBERED, Placement, Sent
from greenroom.residency.replica import ReplicaReport
from greenroom.residency.states import Residency


class ResidencyRouter(RequestRouter):
    """Sends each request to the replica at which its models cost least.

    One that needs no model goes to whoever has the fewest requests, one that names a replica there.
    """

    def initialize_state(self, **kwargs: Any) -> None:
        self._placement = Placement()
        self._directory = Directory()
        self._models: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._sent: dict[str, tuple[str, Sent]] = {}
        self._routed = metrics.Counter(
            "greenroom_fleet_requests",
            "Requests that the router has sent to a replica.",
            ("model",),
        )
        self._misplaced = metrics.Counter(
            "greenroom_fleet_misplacements",
            "Requests that were sent where a model was not hot while it was hot elsewhere.",
            ("model",),
        )

    def update_replicas(self, replicas: Sequence[Any]) -> None:
        """Ray tells of replicas that came or left, and of their newest reports."""
        there = {one.replica_id.unique_id: one for one in replicas}
        for name in self._placement.replicas.keys() - there.keys():
            self._left(name)
        for name, one in there.items():
            if name not in self._placement.replicas:  # takes what it is given at once
                self._placement.reported(name, ReplicaReport(), {})
            stats = one.routing_stats
            if stats and stats["number"] != self._numbers.get(name):
                self._numbers[name] = stats["number"]
                self._models |= stats["measured"].keys()
                self._placement.reported(name, *replica_of(stats), at=stats["at"])
        if metadata := next(
            (one.replica_metadata for one in replicas if one.replica_metadata), None
        ):
            self._directory = Directory.of_metadata(metadata).knowing(self._models)
        # Ray does not tell of every request whose client left before it was routed.
        since = time.time() - REMEMBERED
        self._sent = {key: one for key, one in self._sent.items() if one[1].at > since}
        super().update_replicas(list(replicas))

    async def choose_replicas(
        self, candidate_replicas: list[Any], pending_request: Any | None = None
    ) -> list[list[Any]]:
        """Ranks of one each, the best first, so that Ray takes the best that takes it."""
        if pending_request is None:
            return [candidate_replicas]
        # Else a fleet whose replicas are all full is asked again without a pause.
        pending_request.routing_context.should_backoff = True
        asked = asked_of(pending_request, self._directory)
        by_name = {one.replica_id.unique_id: one for one in candidate_replicas}
        if asked.replica in by_name:
            return [[by_name[asked.replica]]]
        if not asked.needs:
            return [candidate_replicas]
        now = time.time()
        ranked = [one.replica for one in self._placement.rank(asked.needs, now)]
        if ranked:  # those that come in this moment must know of it
            self._remember(pending_request, ranked[0], asked, now)
        ranks = [[by_name[name]] for name in ranked if name in by_name]
        return [*ranks, [one for one in candidate_replicas if [one] not in ranks]]

    def on_request_routed(self, pending_request: Any, replica_id: Any, result: Any) -> None:
        """Only now is it sure that the replica has it."""
        answer_for_the_dead(result, pending_request.metadata)
        asked = asked_of(pending_request, self._directory)
        if asked.needs:
            self._count(asked, replica_id.unique_id)
            chosen = self._sent.get(pending_request.metadata.internal_request_id)
            if chosen is None or chosen[0] != replica_id.unique_id:
                self._remember(pending_request, replica_id.unique_id, asked, time.time())

    def on_request_completed(self, replica_id: Any, internal_request_id: str) -> None:
        """Also of much that was never routed."""
        if (sent := self._sent.pop(internal_request_id, None)) is not None:
            sent[1].answered = True

    def _remember(self, pending: Any, name: str, asked: RequestNeeds, now: float) -> None:
        identifier = pending.metadata.internal_request_id
        self.on_request_completed(None, identifier)  # what was chosen before did not take it
        sent = self._placement.send(name, asked.needs, now)
        sent.answered = False
        self._sent[identifier] = name, sent

    def on_replica_actor_died(self, replica_id: Any) -> None:
        """Nothing is sent there any more, reports or not."""
        self._left(replica_id.unique_id)
        super().on_replica_actor_died(replica_id)

    def _left(self, name: str) -> None:
        self._placement.left(name)
        self._numbers.pop(name, None)

    def _count(self, asked: RequestNeeds, name: str) -> None:
        replicas = self._placement.replicas
        for model in asked.needs:
            self._routed.inc(tags={"model": model})
            here = replicas[name].standing(model) if name in replicas else None
            elsewhere = (replicas[one].standing(model) for one in self._placement.having(model))
            if here and here.residency is not Residency.HOT and any(map(_takes, elsewhere)):
                self._misplaced.inc(tags={"model": model})


def _takes(standing: Any) -> bool:
    return bool(standing.residency is Residency.HOT and not standing.in_flight)
