"""A hub on a local port: Hugging Face's, ModelScope's and a plain publisher's protocol.

It serves files from memory, with ranges, and can be told to misbehave.
"""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".pt", ".onnx", ".npy", ".model")


@dataclass
class Hub:
    """What the server has, how it misbehaves, and what it was asked."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Repository to path to content."""
    served: dict[str, bytes] = field(default_factory=dict)
    """Path to content that is sent in place of what the listing tells."""
    breaks_after: dict[str, int] = field(default_factory=dict)
    """Path to the bytes after which its connection is cut, once."""
    then_status: dict[str, int] = field(default_factory=dict)
    """What `status` becomes when a connection has been cut."""
    stalls_after: dict[str, int] = field(default_factory=dict)
    """Path to the bytes after which nothing more is sent until `resume` is set."""
    status: dict[str, int] = field(default_factory=dict)
    """Beginning of a request's path to the error status it is answered with."""
    strange: bool = False
    """Answer everything with a page, as the door of a hotel's network does."""
    asked: list[str] = field(default_factory=list)
    ranges: dict[str, list[str | None]] = field(default_factory=dict)
    """Path to the Range headers of the requests for it."""
    resume: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *raised):
        self.resume.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path, query = unquote(urlsplit(self.path).path), parse_qs(urlsplit(self.path).query)
        self.hub.asked.append(path)
        for beginning, status in self.hub.status.items():
            if path.startswith(beginning):
                return self._json({"error": "as told"}, status)
        if self.hub.strange:
            return self._send(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._hugging_face_listing("/".join(parts[2:4]), parts[5:] or ["main"])
        if parts[:3] == ["api", "v1", "models"]:
            repository = "/".join(parts[3:5])
            if parts[5:] == ["repo", "files"]:
                return self._model_scope_listing(repository)
            return self._file(repository, query["FilePath"][0])
        if "resolve" in parts[2:3]:
            moved = f"/cdn/{parts[0]}/{parts[1]}/{'/'.join(parts[4:])}"
            return self._send(302, b"", {"Location": moved, "X-Repo-Commit": COMMIT})
        if parts[:1] == ["cdn"]:
            return self._file("/".join(parts[1:3]), "/".join(parts[3:]))
        return self._json({"error": "not found"}, 404)

    def _hugging_face_listing(self, repository, revision):
        files = self.hub.files.get(repository)
        if files is None or revision[0] not in ("main", COMMIT):
            return self._json({"error": "Repository not found"}, 404)
        listed = [_hugging_face_entry(path, content) for path, content in files.items()]
        return self._json({"id": repository, "sha": COMMIT, "siblings": listed})

    def _model_scope_listing(self, repository):
        files = self.hub.files.get(repository)
        if files is None:
            return self._json({"Code": 404, "Message": "not found", "Success": False}, 404)
        listed = [
            {"Path": path, "Type": "blob", "Size": len(content), "Sha256": sha256(content)}
            for path, content in files.items()
        ]
        return self._json({"Code": 200, "Data": {"Files": listed}, "Success": True})

    def _file(self, repository, path):
        hub = self.hub
        content = hub.served.get(path, hub.files.get(repository, {}).get(path))
        if content is None:
            return self._json({"error": "Entry not found"}, 404)
        if self.command == "GET":
            hub.ranges.setdefault(path, []).append(self.headers.get("Range"))
        start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        headers = {"ETag": f'"{sha256(content)}"', "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(206 if start else 200, content[start:], headers, path)

    def _send(self, status, body, headers, path=""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if path in self.hub.breaks_after:
            body = body[: self.hub.breaks_after.pop(path)]
            self.hub.status |= self.hub.then_status
            self.close_connection = True
        if path in self.hub.stalls_after:
            sent = self.hub.stalls_after.pop(path)
            self.wfile.write(body[:sent])
            self.wfile.flush()
            self.hub.resume.wait()
            body = body[sent:]
        self.wfile.write(body)

    def _json(self, value, status=200):
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _hugging_face_entry(path, content):
    entry = {"rfilename": path, "size": len(content), "blobId": git_blob(content)}
    if path.endswith(LARGE):
        entry["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
    return entry


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def git_blob(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
