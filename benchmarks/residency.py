"""What a decision of the residency core costs, however many wait and however many models there are.

    python benchmarks/residency.py

One request is what the controller does for it: ask, decide, release, decide, and the next due time.
Prints microseconds of CPU per request, the best of some rounds, and what they are of the first
line's; exits with 1 if a bar is broken.
"""

import sys
import time
from collections.abc import Callable

from greenroom.residency.budget import Budget, MemoryReading
from greenroom.residency.model import Model
from greenroom.residency.policy import Policy
from greenroom.residency.stage import Stage
from greenroom.residency.states import Residency

REQUESTS = 2000
ROUNDS = 7
BAR = 1.5
MANY = 1000
AWAITED = 100
STATES = (Residency.COLD, Residency.WARM, Residency.HOT)


class Served:
    """A stage with one hot model, other models in a state, and requests that wait for one."""

    def __init__(self, others: int = 0, state: Residency = Residency.COLD, card: bool = False):
        self.now = 0.0
        names = ["hot", "slow", *(f"other{number}" for number in range(others))]
        budget = Budget(0, 0, card)
        policy = Policy(offload_after=600, max_waiting=10**6)
        self.stage = Stage([Model(name, policy) for name in names], budget)
        states = dict.fromkeys(names[2:], state) | {"hot": Residency.HOT}
        self.stage.server_back(states, self.now)
        if card:
            budget.measured(MemoryReading(2**40, 0, self.now))
        self.step()

    def step(self) -> None:
        for _ in self.stage.decide(self.now):
            pass
        self.stage.next_due(self.now)

    def wait_for_slow(self, count: int) -> "Served":
        for _ in range(count):
            self.now += 1e-6
            self.stage.ask("slow", self.now)
            self.step()
        return self

    def wait_for_each(self) -> "Served":
        for name in set(self.stage.models) - {"hot"}:
            self.now += 1e-6
            self.stage.ask(name, self.now)
            self.step()
        return self

    def request(self) -> None:
        self.now += 1e-6
        ticket = self.stage.ask("hot", self.now)
        self.step()
        self.stage.release(ticket, self.now)
        self.step()


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the fastest round."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def per_request(served: Served) -> float:
    """Return microseconds of CPU."""

    def requests() -> None:
        for _ in range(REQUESTS):
            served.request()

    return seconds(requests) / REQUESTS * 1e6


def main() -> int:
    broken = False
    alone = per_request(Served())
    print(f"{'a request to a hot model':44} {alone:8.1f} us")
    cases = {
        f"{MANY} wait for another one": Served().wait_for_slow(MANY),
        f"{MANY} wait, their model loads on a card": Served(card=True).wait_for_slow(MANY),
        f"{AWAITED} other models are awaited": Served(AWAITED).wait_for_each(),
        **{f"{MANY} idle models, {state}": Served(MANY, state) for state in STATES},
        f"{MANY} idle models, {Residency.HOT}, and a card": Served(MANY, Residency.HOT, card=True),
    }
    for name, served in cases.items():
        took = per_request(served)
        ratio = took / alone
        broken |= ratio > BAR
        print(f"{name:44} {took:8.1f} us  {ratio:5.2f} x  (at most {BAR})")
    each = {n: seconds(lambda n=n: Served().wait_for_slow(n)) / n for n in (500, 4000)}
    ratio = each[4000] / each[500]
    broken |= ratio > BAR
    for count, took in each.items():
        print(f"{f'to let {count} wait, each':44} {took * 1e6:8.1f} us")
    print(f"{'4000 against 500':44} {'':11}  {ratio:5.2f} x  (at most {BAR})")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
