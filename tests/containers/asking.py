"""Requests to the running containers, short and long ones, and how they were answered."""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import httpx
import numpy as np
import tritonclient.grpc as triton_grpc
from stack import GRPC, HTTP, Fault

from greenroom.settings import PROJECT

GATEWAY = f"http://127.0.0.1:{HTTP}"
RECORDING = PROJECT / "speech" / "greenroom_speech" / "voices" / "clara.flac"
_BETWEEN_LOOKS = 0.1


class Clients:
    """Those with the key of an administrator."""

    def __init__(self, key: str) -> None:
        self.headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=GATEWAY, headers=self.headers, timeout=120)

    def speak(self) -> None:
        """Fault if no speech comes."""
        text = f"Good evening, number {random.randrange(10**6)}."
        body = {"model": "speech", "voice": "clara", "input": text, "response_format": "wav"}
        answer = self.http.post("/v1/audio/speech", json=body)
        expect(answer.status_code == 200, f"/v1/audio/speech: {answer.status_code} {answer.text}")
        expect(answer.content[:4] == b"RIFF", "/v1/audio/speech has answered something else")

    def save_voice(self, name: str) -> None:
        with Path(RECORDING).open("rb") as file:
            given = {"name": name, "consent": "My own voice."}
            answer = self.http.post("/v1/voices", data=given, files={"file": file})
        expect(answer.status_code == 201, f"/v1/voices: {answer.status_code} {answer.text}")

    def ready(self, seconds: float = 180) -> None:
        """Waits until requests can be served."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{GATEWAY}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(_BETWEEN_LOOKS)
        raise Fault(f"not ready after {seconds:g} s")

    def until_leased(self, *models: str) -> None:
        """Waits until a request holds each of the models; fault if none does within a minute."""
        wanted = [f'greenroom_model_leases{{model="{model}"}} 1.0' for model in models]
        deadline = time.monotonic() + 60
        while not all(line in self.http.get("/metrics").text for line in wanted):
            expect(time.monotonic() < deadline, f"no request holds {' and '.join(models)}")
            time.sleep(_BETWEEN_LOOKS)

    def sleep(self, seconds: float, http: httpx.Client | None = None) -> httpx.Response:
        """A request that lasts for so long."""
        tensor = {"name": "SECONDS", "datatype": "FP32", "shape": [1], "data": [seconds]}
        return (http or self.http).post("/v2/models/patient/infer", json={"inputs": [tensor]})

    def stream(self, seconds: int) -> int:
        """A stream that lasts for so long; returns how many of its responses came."""
        came: Queue[object] = Queue()
        tensor = triton_grpc.InferInput("SECONDS", (1,), "FP32")
        tensor.set_data_from_numpy(np.array([seconds], np.float32))
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{GRPC}") as client:
            client.start_stream(
                lambda result, error: came.put(error or result), headers=self.lower_case()
            )
            client.async_stream_infer("paced", [tensor], enable_empty_final_response=True)
            for number in range(seconds + 1):
                answer = came.get(timeout=seconds + 60)
                if isinstance(answer, Exception):
                    raise Fault(f"after {number} responses: {answer}")
        return number

    def lower_case(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Fault(otherwise)


class Running:
    """Work in a thread; its fault is kept for who asks."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as fault:
            self._fault = fault

    def ended_well(self) -> None:
        self._thread.join()
        if self._fault:
            raise Fault(f"{type(self._fault).__name__}: {self._fault}")


@dataclass
class Looks:
    """How new requests were answered, one after the other: the time, and a status or nothing."""

    seen: list[tuple[float, int | None]] = field(default_factory=list)
    without_retry_after: int = 0

    def statuses(self) -> set[int | None]:
        return {status for _, status in self.seen}

    def until_served(self, since: float) -> None:
        """Waits until a request of later was answered with 200."""
        deadline = time.monotonic() + 60
        while not any(when > since and status == 200 for when, status in self.seen):
            expect(time.monotonic() < deadline, "no new request is served after the change")
            time.sleep(_BETWEEN_LOOKS)

    def refused(self) -> tuple[float, float]:
        """When connections were refused: the first that was, and the next that was answered."""
        refused = [when for when, status in self.seen if status is None]
        if not refused:
            return 0.0, 0.0
        later = [when for when, status in self.seen if status is not None and when > refused[-1]]
        return refused[0], later[0] if later else math.inf


@contextmanager
def looking(clients: Clients) -> Iterator[Looks]:
    """A short request on a connection of its own, again and again."""
    looks, ended = Looks(), threading.Event()

    def look() -> None:
        while not ended.wait(_BETWEEN_LOOKS):
            when = time.time()
            try:
                with httpx.Client(
                    base_url=GATEWAY, headers=clients.headers, timeout=httpx.Timeout(60, connect=1)
                ) as fresh:
                    answer = clients.sleep(0, fresh)
            except httpx.TransportError:
                looks.seen.append((when, None))
                continue
            looks.seen.append((when, answer.status_code))
            looks.without_retry_after += (
                answer.status_code == 503 and "Retry-After" not in answer.headers
            )

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        ended.set()
        thread.join()
