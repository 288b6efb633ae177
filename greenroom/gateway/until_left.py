"""Ends the work on an HTTP request whose client has left, wherever it is."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class UntilLeft:
    """An ASGI application that is cancelled when the client leaves before its answer begins.

    `ends` says of which requests: not of those that manage, which go on to their end. Whoever
    answers in pieces looks after its client by itself from then on.
    """

    def __init__(self, app: ASGIApp, ends: Callable[[Scope], bool]) -> None:
        self._app = app
        self._ends = ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application in this task, whose cancellation by this is not handed on."""
        if not self._ends(scope):
            await self._app(scope, receive, send)
            return
        client = _Client(receive, send)
        try:
            await self._app(scope, client.receive, client.send)
        except asyncio.CancelledError:
            if not client.cancelled or client.task.uncancel():
                raise
        finally:
            client.forget()


class _Client:
    """Hands messages on; waits for the client's leaving once it has sent all of its request."""

    def __init__(self, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task, "runs in a task"
        self.task = task
        self.cancelled = False
        self._receive = receive
        self._send = send
        self._left: asyncio.Task[Message] | None = None
        self._begun = False

    async def receive(self) -> Message:
        """Of the request; after that, that the client has left."""
        if self._left:
            return await asyncio.shield(self._left)
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._left = asyncio.create_task(self._leaving())
            self._left.add_done_callback(self._cancel)
        return message

    async def send(self, message: Message) -> None:
        self._begun = True
        await self._send(message)

    def forget(self) -> None:
        self._begun = True
        if self._left:
            self._left.cancel()

    async def _leaving(self) -> Message:
        while (message := await self._receive())["type"] != "http.disconnect":
            pass
        return message

    def _cancel(self, left: asyncio.Task[Message]) -> None:
        if not self._begun and not left.cancelled() and left.exception() is None:
            self.cancelled = True
            self.task.cancel()
