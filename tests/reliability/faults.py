"""Breaks the processes of a running service, and looks at what becomes of it."""

import asyncio
import os
import signal
import time
from contextlib import contextmanager

from echo import SAMPLES, grpc_inputs, http_inputs
from prometheus_client.parser import text_string_to_metric_families

from greenroom.triton.backend_processes import backend_processes
from greenroom.triton.leftovers import regions, stubs

FOUND = "is dead or stopped"


class Faults:
    """A running service, and the file that the models `slow`, `gated` and `drops` wait for."""

    def __init__(self, running, gate):
        self.running = running
        self.gate = gate
        self._found_before = 0

    @property
    def prefix(self):
        return self.running.service.triton.prefix

    def pid(self, model):
        """Return the process of a model, which must have exactly one."""
        (process,) = backend_processes(model, self.prefix)
        return process.pid

    def kill(self, model):
        """Kill a model's process and return its number."""
        return self.send(model, signal.SIGKILL)

    def stop(self, model):
        """Stop a model's process and return its number."""
        return self.send(model, signal.SIGSTOP)

    def send(self, model, number):
        """Send a signal to a model's process and return its number."""
        self._found_before = self.running.count(FOUND)
        pid = self.pid(model)
        os.kill(pid, number)
        return pid

    async def found(self):
        """Wait until it was noticed that a process has been killed or stopped."""
        while self.running.count(FOUND) == self._found_before:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def load(self, model):
        """Load a model by a touch, so that policy rules, and return the seconds it took."""
        begun = time.monotonic()
        answer = await self.running.act(model, "touch")
        assert answer.status_code == 200, answer.text
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

    async def streamed(self, model, count, received=None):
        """Send requests in one stream; return (or put) each answer and error as they come."""
        answers = []

        async def requests():
            for _ in range(count):
                yield {"model_name": model, "inputs": grpc_inputs()}

        async for result, error in self.running.grpc.stream_infer(requests()):
            answers.append((result, error))
            if received is not None:
                received.put_nowait((result, error))
        return answers

    async def warm(self, model):
        """Let a model be offloaded by its policy, and whenever it is idle from now on."""
        patch = {"offload_after": 0}
        assert (await self.running.web.patch(f"/residency/{model}", json=patch)).status_code == 200
        await self.running.until(model, residency="warm")

    @staticmethod
    def json():
        tensor = {"name": "INPUT", "shape": list(SAMPLES.shape), "datatype": "FP32"}
        return {"inputs": [tensor | {"data": SAMPLES.ravel().tolist()}]}

    @contextmanager
    def holding(self, where):
        """Let the model `puppet` wait in its offload or its restore until the block ends."""
        file = self.gate.with_name(f"{self.gate.name}.{where}")
        file.touch()
        try:
            yield
        finally:
            file.unlink()

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
