"""Keeps other web sites away from an HTTP listener that trusts whoever reaches it.

A browser lets any page send requests to this machine. Three of its headers, which a page's script
cannot choose, say from where:

- ``Host``: a page whose own name was made to mean this machine (DNS rebinding) still sends that
  name. Addresses cannot be rebound, nor can ``localhost`` and the names below it.
- ``Origin``: the page's own, with all requests but plain GETs.
- ``Sec-Fetch-Site``: with these as well, wherever the browser trusts the connection.

Programs send the first only and pass with an address, a loopback name or a known name.
"""

import ipaddress
import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.errors import GreenroomError, InvalidInput, PermissionDenied

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]:/?#@]+)(?::[0-9]*)?", re.IGNORECASE)
_OWN: tuple[list[str], ...] = ([], ["same-origin"], ["none"])
"""Of Sec-Fetch-Site, as a program, this site's own page and the address bar have it."""
_SHOWN = 100

Refusal = Callable[[GreenroomError, str], ASGIApp]
"""Makes the answer that tells an error at a path."""


def _no_path(path: str) -> bool:
    return False


def with_cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Let pages of these origins read the answers; preflights are answered, nobody else is told."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["*"],
        allow_private_network=True,
    )


class OriginGuard:
    """An ASGI application behind a look at where requests come from, WebSockets included.

    Args:
        app: the application; a chosen origin's CORS is answered here.
        hosts: names by which the listener is known beside addresses and loopback names; None: any,
            where something that a rebound name does not have (a cookie) is asked for.
        origins: chosen origins, such as ``https://studio.example``, whose pages may ask and read.
        refuse: makes the answer to who is refused.
        free: whether all may ask for a path, such as that of a probe.
        opens: whether a link of another site may open a path in a tab. Only for what a GET cannot
            change: the other site sees nothing of it, but it is asked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] | None,
        origins: Collection[str],
        refuse: Refusal,
        free: Callable[[str], bool] = _no_path,
        opens: Callable[[str], bool] = _no_path,
    ) -> None:
        self._app = with_cors(app, origins)
        self._hosts = None if hosts is None else {_plain(host) for host in hosts}
        self._origins = frozenset(origins)
        self._refuse, self._free, self._opens = refuse, free, opens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not without reading it."""
        if scope["type"] in ("http", "websocket") and not self._free(scope["path"]):
            try:
                self._check(scope)
            except GreenroomError as error:
                await self._refuse(error, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = self._checked_host(headers.getlist("host"), scope["http_version"])
        origins = headers.getlist("origin")
        if origins and all(origin in self._origins for origin in origins):
            return
        # The scheme is left out: behind a proxy that ends TLS it is not the browser's.
        # A page of this host by the other scheme counts as another site below.
        if any(origin.partition("://")[2].lower() != host for origin in origins):
            raise PermissionDenied(
                f"The request's Origin is {_shown(origins)}, which is another web site; add it to "
                f"GREENROOM_ALLOWED_ORIGINS to allow it."
            )
        sites = headers.getlist("sec-fetch-site")
        is_own = [site.lower() for site in sites] in _OWN
        if not is_own and not self._is_opened(scope, headers):
            raise PermissionDenied(
                f"The request comes from another web site (its Sec-Fetch-Site is {_shown(sites)}); "
                f"add that site to GREENROOM_ALLOWED_ORIGINS to allow it."
            )

    def _checked_host(self, given: list[str], version: str) -> str | None:
        """In small letters, None if HTTP/1.0 gives none."""
        if not given and version == "1.0":
            return None
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if not found:
            raise InvalidInput(
                f"The request's Host is {_shown(given)}; it must be exactly one name or address."
            )
        if self._hosts is not None and not _can_not_be_rebound(found[1]):
            name = _plain(found[1])
            if name not in self._hosts:
                raise PermissionDenied(
                    f"The request's Host is {_shown([name])}, which is not a name of this "
                    f"service; add it to GREENROOM_ALLOWED_HOSTS to allow it."
                )
        return given[0].lower()

    def _is_opened(self, scope: Scope, headers: Headers) -> bool:
        """Somebody followed a link: in a tab of its own, not in a frame."""
        return (
            scope.get("method") in ("GET", "HEAD")
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
            and self._opens(scope["path"])
        )


def _can_not_be_rebound(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        name = _plain(host)
        return name == "localhost" or name.endswith(".localhost")
    return True


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _shown(values: list[str]) -> str:
    return repr(", ".join(values)[:_SHOWN]) if values else "missing"
