"""moto's S3 server on a free port."""

import threading
import uuid
from typing import Self
from urllib.request import Request, urlopen

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass


class S3Server:
    """One bucket, any key."""

    def __init__(self) -> None:
        app = DomainDispatcherApplication(create_backend_app)
        # moto looks at a condition and then writes; real stores do both at once, so it gets one
        # request at a time.
        self._server = make_server("127.0.0.1", 0, app, threaded=False, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="s3")
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_REGION": "us-east-1",
        }

    def __enter__(self) -> Self:
        self._thread.start()
        urlopen(Request(f"{self.url}/bucket", method="PUT")).close()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def empty_place(self) -> str:
        return f"s3://bucket/{uuid.uuid4().hex}"
