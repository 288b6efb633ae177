"""The deployment of a fleet: a replica owns one whole Greenroom."""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import aiohttp
import ray
from ray import serve
from starlette.types import ASGIApp, Receive, Scope, Send

import greenroom.fleet.kserve_servicer  # noqa: F401  # before a message of it is unpickled
from greenroom.errors import SetupError, Unavailable
from greenroom.fleet import scaling
from greenroom.fleet.directory import directory
from greenroom.fleet.fleet_door import FleetDoor
from greenroom.fleet.grpc_door import GrpcDoor, with_calls
from greenroom.fleet.http_door import HttpDoor
from greenroom.fleet.own_greenroom import OwnGreenroom
from greenroom.fleet.report import Reporter
from greenroom.gateway.api_keys import api_keys, known_key
from greenroom.gateway.apps import installed_apps
from greenroom.triton.repository import Repository

_LOOK_TIMEOUT = 15.0
"""Seconds; GET /residency answers within one, even while Triton hangs, but machines are busy."""
_LAST_ANSWERS = 0.5
"""Seconds."""
_DATA = b"data: "
"""Before the JSON of a server-sent event."""
_FOLLOWED_AGAIN = 1.0
"""Seconds."""
_GONE = 70
"""The exit status of a replica whose Greenroom has ended."""


async def _lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application that Ray's proxies call in a replica."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    replica: Replica = serve.get_replica_context().servable_object
    await replica.admitted()
    with replica.counted_path(scope):
        await replica.door(scope, receive, send)


def built_door() -> ASGIApp:
    """Ray takes a function for a builder."""
    return door


class RayMembers:
    """The replicas as Ray Serve's controller knows them, asked through a handle."""

    def __init__(self, app: str, deployment: str) -> None:
        self._app, self._deployment = app, deployment
        self._handle = serve.get_deployment_handle(deployment, app)

    async def names(self) -> list[str]:
        try:
            controller = ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
            async with asyncio.timeout(_LOOK_TIMEOUT):
                details = await controller.get_serve_instance_details.remote()
        except (TimeoutError, ValueError, ray.exceptions.RayError) as error:
            raise Unavailable(
                "Ray Serve's controller does not answer, which knows the fleet's replicas; models "
                "are served meanwhile."
            ) from error
        deployment = details["applications"][self._app]["deployments"][self._deployment]
        return sorted(
            one["replica_id"] for one in deployment["replicas"] if one["state"] == "RUNNING"
        )

    async def view(self, name: str) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(_LOOK_TIMEOUT):
                found, shown = await self._handle.view.remote(name)
        except (TimeoutError, ray.exceptions.RayError):
            return None
        return shown if found == name else None


@serve.ingress(built_door)
class Replica:
    """A Greenroom, and the doors to it."""

    async def __init__(self) -> None:  # type: ignore[misc]  # as Ray has it
        self._loop, self._in_flight, self._ending = asyncio.get_running_loop(), 0, False
        self._greenroom = OwnGreenroom(self._gone)
        settings = self._greenroom.settings
        self._reporter = Reporter()
        self._directory = directory(installed_apps(), Repository(*settings.repositories))
        key = known_key(settings) if api_keys(settings) else None
        self._own_headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http_door = HttpDoor(self._greenroom.url, lambda: self._greenroom.running)
        await self._greenroom.start(self.http_door.session)
        self._following = asyncio.create_task(self._follow())
        context = serve.get_replica_context()
        self.grpc_door = GrpcDoor(self._greenroom.grpc_target)
        members = RayMembers(context.app_name, context.deployment)
        self._name = context.replica_id.unique_id
        self.door = FleetDoor(self.http_door, members, self._name)

    async def __del__(self) -> None:
        """Ray has let the requests finish, up to the deployment's graceful_shutdown_timeout_s."""
        self._following.cancel()
        await self._greenroom.stop()

    # -- what Ray asks ----------------------------------------------------------------------

    def check_health(self) -> None:
        """Raise if the Greenroom has ended, though this process ends with it anyway."""
        if not self._greenroom.running:
            raise SetupError("The replica's Greenroom has ended.")

    async def record_replica_metadata(self) -> dict[str, Any]:
        return self._directory.as_metadata()

    async def record_routing_stats(self) -> dict[str, Any]:
        at = time.time()
        shown = await self._shown()
        self._directory = self._directory.knowing(shown["models"])
        return self._reporter.stats(shown, at)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        return scaling.stats(await self._shown())

    async def view(self, name: str) -> tuple[str, dict[str, Any]]:
        """GET /residency of this replica; the router brings the call to the one it names."""
        return self._name, await self._shown()

    async def _shown(self) -> dict[str, Any]:
        url = f"{self._greenroom.url}/residency"
        async with self.http_door.session.get(url, headers=self._own_headers) as response:
            shown: dict[str, Any] = await response.json()
            return shown

    async def _follow(self) -> None:
        """Tell the reporter of every transition, over gateways that end and come back."""
        url = f"{self._greenroom.url}/residency/events"
        while True:
            with suppress(aiohttp.ClientError, ValueError):  # a line that was cut off is no JSON
                async with self.http_door.session.get(url, headers=self._own_headers) as events:
                    async for line in events.content:
                        if line.startswith(_DATA):
                            self._reporter.happened(json.loads(line.removeprefix(_DATA)))
            await asyncio.sleep(_FOLLOWED_AGAIN)

    async def admitted(self) -> None:
        """Hold who comes while the replica ends: quick refusals would draw more requests.

        The router tells them of its death.
        """
        if self._ending:
            await asyncio.Event().wait()

    # -- what requests cost -----------------------------------------------------------------

    @contextmanager
    def counted_path(self, scope: Scope) -> Iterator[None]:
        """Only requests that a model answers say how fast it is."""
        asked = self._directory.of_path(scope["path"], b"")
        with self._counted(asked.needs if scope.get("method") == "POST" else ()):
            yield

    @contextmanager
    def counted_message(self, message: Any) -> Iterator[None]:
        needs = self._directory.needs(getattr(message, "model_name", None))
        with self._counted(needs):
            yield

    @contextmanager
    def _counted(self, needs: Sequence[str]) -> Iterator[None]:
        self._in_flight += 1
        try:
            with self._reporter.pace.asked(needs, time.monotonic):
                yield
        finally:
            self._in_flight -= 1

    # -- how it ends ------------------------------------------------------------------------

    def _gone(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)

    async def _end(self) -> None:
        """At once, but for the answers of those that were cut off: each is told so."""
        self._ending = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ANSWERS):
                while self._in_flight:  # noqa: ASYNC110  # ends with this process
                    await asyncio.sleep(0.01)
                await asyncio.sleep(_LAST_ANSWERS / 10)
        os._exit(_GONE)


with_calls(Replica)
