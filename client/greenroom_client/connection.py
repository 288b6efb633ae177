"""Where the server is and how long to wait: the settings both clients give to httpx."""

import ipaddress
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from httpx_sse import SSEError

from greenroom_client.defaults import DEFAULT_URL
from greenroom_client.errors import ConnectionFailed, InvalidInput, ServerError, Timeout

CONNECT_TIMEOUT = 5.0
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


@dataclass(frozen=True)
class Connection:
    """The address of a server, an API key, and the seconds to wait for an answer.

    Raises:
        InvalidInput: the address is not that of an HTTP server, or the key cannot be sent.
    """

    url: str
    api_key: str | None = field(repr=False)
    timeout: float | None
    """None: wait for ever."""

    def __post_init__(self) -> None:
        try:
            parsed = httpx.URL(self.url)
        except (httpx.InvalidURL, TypeError):
            parsed = httpx.URL()
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidInput(
                f"the URL of the server is {self.url!r}; it must look like {DEFAULT_URL}."
            )
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise InvalidInput("the API key has characters that are not printable ASCII.")
        if self.timeout is not None and not self.timeout > 0:
            raise InvalidInput(f"the timeout is {self.timeout} s; it must be more than 0.")

    def httpx_options(self) -> dict[str, Any]:
        """Arguments of httpx.Client and httpx.AsyncClient."""
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        connect = CONNECT_TIMEOUT if self.timeout is None else min(CONNECT_TIMEOUT, self.timeout)
        return {
            "base_url": self.url,
            "headers": headers,
            "timeout": httpx.Timeout(self.timeout, connect=connect),
            "verify": _authorities(),
            # The proxy of http_proxy is for other machines.
            "trust_env": not _is_this_machine(httpx.URL(self.url).host),
        }

    def patient(self) -> httpx.Timeout:
        """For a stream in which nothing may happen for long."""
        return httpx.Timeout(None, connect=CONNECT_TIMEOUT)

    @contextmanager
    def errors(self, method: str, path: str) -> Iterator[None]:
        """Turn what httpx raises while a request runs into errors of this package."""
        request = f"{method} {self.url.rstrip('/')}{path}"
        try:
            yield
        except SSEError:
            raise ServerError(f"{request}: the answer is not a stream of events.") from None
        except httpx.ConnectTimeout:
            raise ConnectionFailed(f"{request}: cannot connect in time.") from None
        except httpx.TimeoutException:
            raise Timeout(f"{request}: no answer within {self.timeout} s.") from None
        except httpx.ConnectError as error:
            reason = _ERRNO.sub("", str(error))
            raise ConnectionFailed(
                f"{request}: cannot connect ({reason}); is a Greenroom server running there?"
            ) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            reason = str(error) or type(error).__name__
            raise ConnectionFailed(f"{request}: the connection broke: {reason}.") from None


@cache
def _authorities() -> ssl.SSLContext:
    """Those that httpx trusts, read once: they cost each client 30 ms, one for http:// as well."""
    return httpx.create_ssl_context()


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
