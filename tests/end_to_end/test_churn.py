"""Requests, manual actions and repository calls all at once, with a budget for two of three."""

import asyncio
import random
import re
from collections import Counter

import pytest
from managed_models import weight_model
from process_counter import ProcessCounter
from tritonclient.utils import InferenceServerException

from greenroom.residency.policy import Policy

SIZE = 16 * 2**20
NAMES = ("a", "b", "c")
CLIENTS = 8
VERBS = ("load", "offload", "restore", "unload", "touch")
STATED = re.compile(
    r"is (cold|warm|hot|loading|restoring|offloading|unloading): (offload|restore) needs a"
    r"|is not ready after \d"
    r"|needs \d+ MiB of GPU memory and \d+ MiB of a budget of \d+ MiB are free"
)


class Churn:
    """Eight clients that ask, and every few requests somebody who acts by hand."""

    def __init__(self, running, models, seed):
        self._running = running
        self._models = models
        self._random = random.Random(seed)
        self._acting = set()
        self.outcomes = Counter()
        self.refusals = Counter()

    async def run(self, requests, every):
        numbers = iter(range(requests))
        async with asyncio.TaskGroup() as clients:
            for client in range(CLIENTS):
                clients.create_task(self._client(numbers, client % 2 == 0, every))
        await asyncio.gather(*self._acting)

    async def _client(self, numbers, by_grpc, every):
        ask = self._by_grpc if by_grpc else self._by_http
        for number in numbers:
            if number % every == 0:
                self._acting.add(asyncio.create_task(self._act()))
            name = self._random.choice(NAMES)
            answer = await ask(name, number)
            if isinstance(answer, str):
                self._refused("request", answer)
            else:
                right = answer == self._models[name].answer(number)
                self.outcomes["right" if right else "wrong"] += 1

    async def _by_grpc(self, name, number):
        try:
            result = await self._running.grpc.infer(name, self._models[name].inputs(number))
        except InferenceServerException as error:
            return str(error)
        return result.as_numpy("SUM").item()

    async def _by_http(self, name, number):
        tensor = {"name": "NUMBER", "shape": [1, 1], "datatype": "INT64", "data": [number]}
        answer = await self._running.web.post(
            f"/v2/models/{name}/infer", json={"inputs": [tensor], "outputs": [{"name": "SUM"}]}
        )
        told = answer.json()
        return told["error"] if "error" in told else told["outputs"][0]["data"][0]

    async def _act(self):
        name, chance = self._random.choice(NAMES), self._random.random()
        if chance < 0.6:
            answer = await self._running.act(name, self._random.choice(VERBS))
        elif chance < 0.8:
            call = self._random.choice(("load", "unload"))
            answer = await self._running.web.post(f"/v2/repository/models/{name}/{call}")
        else:
            policy = {"offload_after": self._random.choice((0, 0.2, -1))}
            answer = await self._running.web.patch(f"/residency/{name}", json=policy)
        if answer.status_code == 200:
            self.outcomes["acted"] += 1
        else:
            self._refused("action", answer.json()["error"])

    def _refused(self, what, sentence):
        reason = STATED.search(sentence)
        self.refusals[f"{what}: {reason[0] if reason else sentence}"] += 1
        self.outcomes[f"{what} refused" if reason else "not stated"] += 1


async def churned(start, folder, requests, every, seed):
    """Run a churn, check what holds whatever was asked for, and return the outcomes."""
    models = {
        name: weight_model(folder / "models", name, SIZE, seed=number)
        for number, name in enumerate(NAMES)
    }
    (folder / "ensembles").mkdir()
    running = await start(
        model_repository=folder / "models",
        ensemble_repository=folder / "ensembles",
        gpu_budget_bytes=2 * SIZE + SIZE // 2,
        gpu_activation_bytes=0,
        max_overtaken=1,
        policy=dict.fromkeys(NAMES, Policy(offload_after=0.2)),
    )
    churn = Churn(running, models, seed)
    with ProcessCounter(running.service.triton, NAMES) as processes:
        await churn.run(requests, every)
    print(f"seed {seed}: {dict(churn.outcomes)}, {dict(churn.refusals)}, {processes.most}")
    assert churn.outcomes["wrong"] == 0
    assert churn.outcomes["not stated"] == 0
    assert churn.outcomes["right"] + churn.outcomes["request refused"] == requests
    assert processes.most == dict.fromkeys(NAMES, 1)
    shown = (await running.web.get("/residency")).json()
    assert shown["budget"]["held_bytes"] <= shown["budget"]["budget_bytes"]
    assert all(m["leases"] == m["waiting"] == 0 for m in shown["models"].values())
    return churn.outcomes


@pytest.mark.long
async def test_two_hundred_requests_and_a_dozen_actions(start, tmp_path):
    outcomes = await churned(start, tmp_path, requests=200, every=16, seed=3)
    assert outcomes["right"] == 200


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_two_thousand_requests_and_two_hundred_actions(start, tmp_path):
    outcomes = await churned(start, tmp_path, requests=2000, every=10, seed=2)
    assert outcomes["right"] == 2000
