"""All apps of installed plug-ins, by the paths that they answer."""

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.errors import GreenroomError, SetupError
from greenroom.gateway.app import refusal
from greenroom.gateway.app_gateway import Mounted
from greenroom.gateway.app_plugin import GROUP, App, Gateway
from greenroom.installed import installed

_OWN = ("/health", "/healthz", "/metrics", "/readyz", "/residency", "/v2")
"""Paths of the gateway itself, which no app can answer or open."""


class Apps:
    """Finds the app of a path."""

    def __init__(self, apps: Sequence[App]) -> None:
        self.all = apps
        taken = dict.fromkeys(_OWN, "the gateway")
        for app in apps:
            for path in app.paths:
                of = next((of for other, of in taken.items() if _overlap(path, other)), None)
                if of is not None:
                    raise SetupError(f"App {app.name} claims path {path}, which {of} has already.")
                taken[path] = f"app {app.name}"

    def of(self, path: str) -> App | None:
        """None if the path is nobody's or the gateway's own."""
        return next((app for app in self.all if app.has(path)), None)

    def has_websocket(self, path: str) -> bool:
        """Whether an app takes WebSockets at exactly this path."""
        app = self.of(path)
        return app is not None and path in app.websockets

    def refusal(self, error: GreenroomError, path: str) -> ASGIApp:
        """A request that is refused at the door is answered as the app's clients expect it."""
        app = self.of(path)
        return app.refusal(error) if app else refusal(error)

    def started(self, gateway: Callable[[App], Gateway], otherwise: ASGIApp) -> ASGIApp:
        """Start all apps; return the application of their paths, `otherwise` that of all others."""
        running = [(app, Mounted(app.start(gateway(app)))) for app in self.all]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            own = (started for app, started in running if app.has(scope["path"]))
            await next(own, otherwise)(scope, receive, send)

        return answer


def installed_apps() -> Apps:
    """Raises SetupError for a plug-in that does not load."""
    return Apps(installed(GROUP))


def _overlap(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return f"{longer}/".startswith(f"{shorter}/")
