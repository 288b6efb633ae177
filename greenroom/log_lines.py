"""Log lines that nobody from outside can forge, and that stay few."""

import logging

_ESCAPED = {
    number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160)) if number != ord("\t")
}
_LOGGED = "_greenroom_logged"
FORMAT = "%(asctime)s %(levelname)s %(message)s"
_NOISE = (
    # Of garbage from outside, once for each, with advice to install something.
    "Unsupported upgrade request",
    "No supported WebSocket library",
    "Invalid HTTP request",
    # Of requests that are cut off at the end: who cuts them says so.
    "Cancel ",
    "ASGI callable returned without completing response.",
    # Of each WebSocket that is refused.
    "ASGI callable returned without completing handshake.",
)
"""What uvicorn says in vain."""


def printable(text: str) -> str:
    """One line: control characters (of terminals, line ends) are written out."""
    return text.translate(_ESCAPED)


class OneLine(logging.Formatter):
    """Writes control characters of a message out; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Format the message without what an exception adds."""
        return printable(super().formatMessage(record))


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """False for uvicorn's noise."""
    return not record.getMessage().startswith(_NOISE)


def is_news(record: logging.LogRecord) -> bool:
    """False if its exception has been logged: each who hands one on would log it again."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return True
    known = getattr(error, _LOGGED, False)
    setattr(error, _LOGGED, True)
    return not known


def log_to_stderr(level: str) -> None:
    """Let a process that serves HTTP write its log."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(FORMAT))
    handler.addFilter(is_news)
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(is_worth_a_line)
