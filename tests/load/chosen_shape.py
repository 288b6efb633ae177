"""Locust's side of the shapes: asked once a second how many users there shall be."""

import time

from load_shapes import CROWD, SHAPES, Stage
from locust import LoadTestShape
from locust.runners import STATE_RUNNING
from speech_users import KServeGrpc, KServeHttp, SpeechApi
from stream_users import Listener
from weight_users import WeightUser

FASTEST = 100
"""Users that come in a second at most; Locust warns of more."""


class ChosenShape(LoadTestShape):
    """The shape that `--shape` names, with the users and seconds of `--users` and `--run-time`."""

    use_common_options = True

    def reset_time(self):
        """Begin anew with what the options say now: Locust's page may have changed them."""
        super().reset_time()
        options = self.runner.environment.parsed_options
        self._shape = SHAPES[options.shape]
        users, seconds = options.num_users, options.run_time or self._shape.seconds
        self._rate = min(users, FASTEST)
        self._stages = self._shape.stages(users, seconds)
        self._go_on()

    def tick(self):
        """Return users, how many come in a second, and their classes; None ends the run."""
        if self._since is None:
            # Users come for some time, and leave only with their answer.
            if self.runner.state == STATE_RUNNING:
                self._since = time.monotonic()
        elif self._ended():
            self._go_on()
        if self._stage is None:
            return None
        return self._stage.users, self._rate, self._classes()

    def _classes(self):
        if self._shape.models == CROWD:
            return [WeightUser]
        return [Listener] if self._shape.listening else [KServeHttp, KServeGrpc, SpeechApi]

    def _go_on(self):
        self._stage: Stage | None = next(self._stages, None)
        self._since: float | None = None

    def _ended(self):
        if self._shape.once and not self.get_current_user_count():
            return True
        return time.monotonic() - self._since >= self._stage.seconds
