"""The request log (GREENROOM_REQUEST_LOG): one line of JSON for each request that has ended.

It has no text, no sound and no key. A file is rotated by its size.
"""

import json
import logging
import sys
from logging.handlers import RotatingFileHandler

from greenroom.errors import SetupError
from greenroom.gateway.logged_request import LoggedRequest
from greenroom.settings import Settings

logger = logging.getLogger(__name__)

_OLD_FILES = 4


class RequestLog:
    """Writes lines; one that cannot be written is lost, and that is told once."""

    def __init__(self, handler: logging.Handler | None) -> None:
        """None: nothing is written."""
        self._handler = handler
        self._failed = False
        if handler:
            handler.handleError = self._not_written  # type: ignore[method-assign]

    @property
    def on(self) -> bool:
        return self._handler is not None

    def tell(self, asked: LoggedRequest) -> None:
        """Write the line of a request that has ended."""
        line = json.dumps(
            {
                "time": asked.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "id": asked.id,
                "model": asked.model,
                "protocol": asked.protocol,
                "start": asked.start,
                "wait_seconds": round(asked.waited, 4),
                "run_seconds": round(asked.ran, 4),
                "outcome": asked.outcome,
                "bytes": asked.bytes,
            }
        )
        if self._handler:
            self._handler.handle(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        if self._handler:
            self._handler.close()

    def _not_written(self, record: logging.LogRecord) -> None:
        if not self._failed:
            self._failed = True
            logger.warning("The request log cannot be written; its lines are lost", exc_info=True)


def request_log(settings: Settings) -> RequestLog:
    """Raises SetupError for a file that cannot be written."""
    path = settings.request_log
    if path is None:
        return RequestLog(None)
    if path == "-":
        return RequestLog(logging.StreamHandler(sys.stdout))
    try:
        return RequestLog(
            RotatingFileHandler(
                path,
                maxBytes=settings.request_log_bytes,
                backupCount=_OLD_FILES,
                encoding="utf-8",
            )
        )
    except OSError as error:
        raise SetupError(
            f"GREENROOM_REQUEST_LOG is {path!r}, which cannot be written: {error.strerror}."
        ) from error
