"""One run, from its first to its last request: what is set before, counted, and judged."""

import json
import os

import gevent
import httpx
from gateway_counts import Computing, counts
from load_limits import judged
from load_report import bounded, figures, print_report
from load_shapes import MODEL, SHAPES
from load_tally import Tally
from load_user import LoadUser, authorization

from greenroom_client import Client
from greenroom_client.errors import GreenroomClientError, NotFound

LOOK_SECONDS = 0.5
"""Between looks at the models' statistics; an unload must not come between."""
PROGRESS_LOOKS = 20


class LoadRun:
    """Listens to Locust's events; raises GreenroomClientError if no gateway answers."""

    def __init__(self, environment):
        self._environment = environment
        url = environment.host or ""
        self._client = Client(url, os.environ.get("GREENROOM_API_KEY") or None)
        self._client.residency()
        self._gateway = httpx.Client(base_url=url, headers=authorization(), timeout=60)
        self._policy = None
        self._looking = None

    @property
    def _options(self):
        return self._environment.parsed_options

    @property
    def _shape(self):
        return SHAPES[self._options.shape]

    def begin(self, **_):
        """Set what the shape wants, and begin to count."""
        LoadUser.tally = Tally()
        try:
            models = self._client.residency()["models"]
            self._set(models)
        except GreenroomClientError as error:
            print(f"The run cannot begin: {error}", flush=True)
            os._exit(1)  # Locust may lose a quit that comes while it starts
        self._before = counts(self._gateway)
        self._computing = Computing(self._gateway, models)
        self._looking = gevent.spawn(self._look)

    def count(self, **event):
        """Count one request."""
        LoadUser.tally.count(**event)

    def stopping(self, **_):
        """Put back what was set; requests that are in flight still end."""
        if self._policy is not None:
            self._client.set_policy(MODEL, **self._policy)
            self._policy = None

    def end(self, **_):
        """Report, and judge."""
        if self._looking is None:
            return
        self._looking.kill()
        self._looking = None
        self._computing.look()
        added = counts(self._gateway).since(self._before)
        told = figures(LoadUser.tally, added, self._computing.seconds)
        limits = judged(self._shape.limits, self._options.limit, bounded(told, added))
        passed = all(one.kept for one in limits)
        print_report(f"{self._options.shape}: {self._shape.about}", told, limits)
        if self._options.report:
            told["limits"] = {one.name: [one.measured, one.bound] for one in limits}
            told["passed"] = passed
            self._options.report.write_text(json.dumps(told, indent=1) + "\n")
        self._environment.process_exit_code = 0 if passed else 1

    def _set(self, models):
        for model in self._shape.models:
            if model not in models:
                raise NotFound(
                    f"shape {self._options.shape} asks for a model {model!r}, which this service "
                    "does not have."
                )
        if self._shape.from_cold:
            self._client.unload(MODEL)
        if self._shape.policy:
            self._policy = models[MODEL]["policy"]
            self._client.set_policy(MODEL, **self._shape.policy)

    def _look(self):
        looks = 0
        while True:
            gevent.sleep(LOOK_SECONDS)
            self._computing.look()
            looks += 1
            if looks % PROGRESS_LOOKS == 0:
                tally, users = LoadUser.tally, self._environment.runner.user_count
                print(f"{users} users, {tally.answered} of {tally.asked} answered", flush=True)
