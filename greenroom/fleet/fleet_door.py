"""What a fleet answers itself, of all replicas: who has what, and where Prometheus finds them."""

import json
from typing import Any, Protocol

import aiohttp
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from greenroom.errors import GreenroomError, InvalidInput, UnknownModel
from greenroom.fleet.directory import ABOUT_RESIDENCY
from greenroom.fleet.http_door import HttpDoor

RESIDENCY, TARGETS = "/residency", "/fleet/targets"
_OF_ONE_REPLICA = ("/metrics", "/residency/events")


class Members(Protocol):
    """The replicas of the fleet."""

    async def names(self) -> list[str]:
        """Raises Unavailable if nobody knows at this moment."""

    async def view(self, name: str) -> dict[str, Any] | None:
        """Its GET /residency, None if it does not answer."""


class FleetDoor:
    """Passes on what one Greenroom answers, and puts together what only all of them can."""

    def __init__(self, door: HttpDoor, members: Members, own_name: str) -> None:
        self._door = door
        self._members = members
        self._own_name = own_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["type"] != "http" or not self._is_ours(scope):
            await self._door.pass_on(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(request, path)
        except GreenroomError as error:
            answer = JSONResponse({"error": str(error)}, error.http_status, error.headers)
        await answer(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        """Whoever may not ask one Greenroom for its residency may not ask all."""
        if (refused := await self._refusal(request)) is not None:
            return refused
        named = request.query_params.get("replica")
        names = await self._members.names()
        if named is not None:
            raise UnknownModel(f"Replica {named!r} is not in this fleet; {_listed(names)}")
        if _needs_name(request.scope):
            raise InvalidInput(
                f"{request.method} {path} is about one replica; name it with ?replica=; "
                f"{_listed(names)}"
            )
        if path == TARGETS:
            return JSONResponse([_target(request, name) for name in names])
        # One after the other: Ray mixes up calls that one request makes at the same time.
        views = {name: await self._members.view(name) for name in names}
        return JSONResponse({"replicas": {k: v for k, v in views.items() if v is not None}})

    async def _refusal(self, request: Request) -> Response | None:
        kept = {k: v for k, v in request.headers.items() if k in _ASKER}
        try:
            async with self._door.session.get(
                self._door.url.with_path(RESIDENCY), headers=kept
            ) as response:
                if response.status == 200:
                    return None
                said = {"WWW-Authenticate": response.headers.get("WWW-Authenticate", "")}
                return JSONResponse(json.loads(await response.read()), response.status, said)
        except (aiohttp.ClientError, ValueError):
            return JSONResponse({"error": "The replica's gateway does not answer."}, 503)

    def _is_ours(self, scope: Scope) -> bool:
        """A request that names this replica is its Greenroom's; another name is nobody's."""
        reads = scope["method"] in ("GET", "HEAD")
        if not ABOUT_RESIDENCY.fullmatch(scope["path"]):
            return bool(reads and scope["path"] == TARGETS)
        named = Request(scope).query_params.get("replica")
        if named is not None:
            return named != self._own_name
        return _needs_name(scope) or (reads and scope["path"] == RESIDENCY)


_ASKER = ("authorization", "host", "origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")


def _needs_name(scope: Scope) -> bool:
    return scope["path"] in _OF_ONE_REPLICA or scope["method"] == "PATCH"


def _listed(names: list[str]) -> str:
    return f"its replicas are {', '.join(names) or 'none'}."


def _target(request: Request, name: str) -> dict[str, Any]:
    """Of Prometheus' HTTP service discovery: the same address, another replica."""
    labels = {"replica": name, "__param_replica": name, "__metrics_path__": "/metrics"}
    return {"targets": [request.url.netloc], "labels": labels}
