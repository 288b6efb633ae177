"""A real HTTP server on a free port that answers what a test tells it to."""

import json
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor, triton_to_np_dtype

HEADER_LENGTH = "Inference-Header-Content-Length"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def header(self) -> dict[str, Any]:
        """Return the JSON part of an infer request."""
        content: dict[str, Any] = json.loads(self.body[: int(self.headers[HEADER_LENGTH])])
        return content

    def tensors(self) -> dict[str, Array]:
        """Return the inputs of an infer request."""
        data, found = self.body[int(self.headers[HEADER_LENGTH]) :], {}
        for tensor in self.header()["inputs"]:
            size = tensor["parameters"]["binary_data_size"]
            found[tensor["name"]] = _array(tensor["datatype"], data[:size]).reshape(tensor["shape"])
            data = data[size:]
        return found


@dataclass(frozen=True)
class Answer:
    """What the server says; ``body`` in pieces where the test wants to act between them."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    def whole(self) -> bytes:
        """Return the body, all of it."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


class HangUp(Exception):
    """Raised by a script: close the connection without an answer."""


Script = Callable[[Request], Answer]


class ScriptedServer:
    """Answers by ``scripts[method, path]``, 404 without one; keeps all requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.scripts: dict[tuple[str, str], Script] = {}
        self.requests: list[Request] = []

    def on(self, method: str, path: str, answer: Answer | Script) -> None:
        self.scripts[method, path] = (lambda _: answer) if isinstance(answer, Answer) else answer

    def sent_to(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]


def json_answer(content: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(content).encode(), headers)


def infer_answer(outputs: dict[str, Array]) -> Answer:
    """Return outputs, batch dimension included, as Triton does with binary tensors."""
    described, data = [], b""
    for name, array in outputs.items():
        raw = _raw(array)
        described.append(
            {
                "name": name,
                "datatype": np_to_triton_dtype(array.dtype),
                "shape": list(array.shape),
                "parameters": {"binary_data_size": len(raw)},
            }
        )
        data += raw
    header = json.dumps({"model_name": "m", "model_version": "1", "outputs": described}).encode()
    return Answer(200, header + data, {HEADER_LENGTH: str(len(header))})


def words(*items: str) -> Array:
    return np.array([[item.encode() for item in items]], np.object_)


def speech_answer(samples: Array, rate: int = 24000, transcript: str = "as it was") -> Answer:
    return infer_answer(
        {
            "WAVEFORM": np.asarray(samples, np.float32)[np.newaxis],
            "WAVEFORM_RATE": np.array([[rate]], np.int32),
            "PROMPT_TRANSCRIPT": words(transcript),
            "SEED_USED": np.array([[4711]], np.int64),
        }
    )


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    http = _Server(("127.0.0.1", 0), _Handler)
    server = ScriptedServer(f"http://127.0.0.1:{http.server_address[1]}")
    http.script = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up: a test may be reading stderr."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        server: ScriptedServer = self.server.script  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers), body)
        server.requests.append(request)
        missing = json_answer({"error": f"no script for {self.path}."}, 404)
        script = server.scripts.get((self.command, self.path))
        try:
            self._answer(script(request) if script else missing)
        except (HangUp, BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PATCH = _serve  # noqa: N815

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.body, bytes):
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            return
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in answer.body:
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _array(datatype: str, data: bytes) -> Array:
    if datatype != "BYTES":
        return np.frombuffer(data, triton_to_np_dtype(datatype))
    items = []
    while data:
        (size,) = struct.unpack_from("<I", data)
        items.append(data[4 : 4 + size].decode())
        data = data[4 + size :]
    return np.array(items, np.object_)


def _raw(array: Array) -> bytes:
    if array.dtype != np.object_:
        return array.tobytes()
    raw: bytes = serialize_byte_tensor(array).item()
    return raw
