"""Which API key asks: no key may take all that is there for everybody."""

from contextvars import ContextVar

KEY: ContextVar[str] = ContextVar("key", default="")
"""Names the key of the request at hand; its tasks inherit it. Empty where nobody shares with it:
there are no keys, or only one."""
KEY_IN_SCOPE = "greenroom.key"
"""The same in the ASGI scope, for the connection, which is no task of a request's."""
