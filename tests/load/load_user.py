"""What all users of the load test have in common."""

import os
import random
from typing import ClassVar
from urllib.parse import urlsplit

from load_shapes import SHAPES
from load_tally import AUDIO_SECONDS, Tally
from locust import User, task
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from greenroom_client.defaults import DEFAULT_TIMEOUT

PATIENCE = DEFAULT_TIMEOUT
"""Seconds to wait for an answer, as the client does: the server says earlier if it cannot."""


class LoadUser(User):
    """Asks, pauses as its shape says, and asks again; ``tally`` counts the run's requests."""

    abstract = True
    tally: ClassVar[Tally] = Tally()

    @property
    def shape(self):
        """The shape of the run."""
        return SHAPES[self.environment.parsed_options.shape]

    @property
    def address(self):
        """host:port of the gateway's HTTP."""
        return urlsplit(self.host).netloc

    @property
    def grpc_address(self):
        """host:port of the gateway's gRPC."""
        given = self.environment.parsed_options.grpc
        return given or f"{urlsplit(self.host).hostname}:8001"

    def wait_time(self):
        return random.uniform(*self.shape.pause)

    def stop(self, force=False):
        """End after the pause too, where Locust would kill: a kill that comes as the pause ends
        meets the next request under way, which then has no answer.
        """
        if not force and self._state == LOCUST_STATE_WAITING:
            self._state = LOCUST_STATE_STOPPING
            return False
        return super().stop(force)

    @task
    def go_on(self):
        """Send one request."""
        LoadUser.tally.asked += 1
        self.ask()
        if self.shape.once:
            raise StopUser

    def ask(self):
        """Send one request, with its `request` event and the seconds of sound in its context."""
        raise NotImplementedError

    def measured(self, protocol, model, infer):
        """Send a request by `infer`, which returns the seconds of sound in its answer."""
        with self.environment.events.request.measure(protocol, model) as event:
            event["context"][AUDIO_SECONDS] = infer()


def authorization():
    """Return the header of GREENROOM_API_KEY, if that is set."""
    key = os.environ.get("GREENROOM_API_KEY")
    return {"authorization": f"Bearer {key}"} if key else {}
