"""Breaks the processes of a running service, and looks at what becomes of it."""

import asyncio
import os
import signal
import time

from echo import SAMPLES, echoed, grpc_inputs, http_inputs
from prometheus_client.parser import text_string_to_metric_families

from greenroom.controller.backend_process import backend_processes
from greenroom.launcher.leftovers import regions, stubs


class Faults:
    """A running service, its managed model, and the file that `slow` and others wait for."""

    def __init__(self, running, weights, gate):
        self.running = running
        self.weights = weights
        self.gate = gate

    @property
    def prefix(self):
        return self.running.service.triton.prefix

    def pid(self, model):
        """Return the process of a model, which must have exactly one."""
        (process,) = backend_processes(model, self.prefix)
        return process.pid

    def kill(self, model):
        """Kill a model's process and return its number."""
        pid = self.pid(model)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, model):
        pid = self.pid(model)
        os.kill(pid, signal.SIGSTOP)
        return pid

    async def load(self, model):
        """Load a model by a touch, so that policy rules, and return the seconds it took."""
        begun = time.monotonic()
        assert (await self.running.act(model, "touch")).status_code == 200
        return time.monotonic() - begun

    async def replaced(self, model, pid, residency="hot"):
        """Wait until another process than `pid` is there in its place; return it."""
        while True:
            await self.running.until(model, residency=residency)
            found = [process.pid for process in backend_processes(model, self.prefix)]
            if found and found != [pid]:
                assert len(found) == 1, "never two copies"
                return found[0]
            await asyncio.sleep(0.01)

    async def reached(self):
        """Wait until a model waits for the gate."""
        while not self.gate.with_suffix(".reached").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def ask(self, model, count=4):
        """Begin requests, half over HTTP, half over gRPC."""
        return [
            asyncio.create_task(
                self.running.grpc.infer(model, grpc_inputs())
                if number % 2
                else self.running.http.infer(model, http_inputs())
            )
            for number in range(count)
        ]

    async def summed(self, number=7):
        """Return whether the managed model answers right."""
        result = await self.running.grpc.infer("weights", self.weights.inputs(number))
        return result.as_numpy("SUM").item() == self.weights.answer(number)

    async def metric(self, name, **labels):
        text = (await self.running.web.get("/metrics")).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"greenroom_{name}" and sample.labels == labels:
                    return sample.value
        return 0

    def loads(self, model):
        return self.running.count(f"successfully loaded '{model}'")

    async def unload_all(self):
        models = (await self.running.web.get("/residency")).json()["models"]
        for name, shown in models.items():
            if shown["residency"] != "cold":
                answer = await self.running.act(name, "unload")
                assert answer.status_code == 200, answer.text

    def left(self):
        """Return the processes and regions that are there, though nothing should be loaded."""
        return [*stubs(self.prefix), *regions(self.prefix)]


__all__ = ["SAMPLES", "Faults", "echoed"]
