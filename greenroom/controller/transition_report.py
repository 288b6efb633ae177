"""The end of a transition: a line in the log, counted, and told to who listens."""

import logging

from greenroom.controller.ended import Ended
from greenroom.controller.events import Events
from greenroom.controller.metrics import Metrics
from greenroom.residency.control import Report
from greenroom.residency.effects import Begin
from greenroom.residency.states import Residency

logger = logging.getLogger(__name__)


class Telling:
    """Tells of transitions that ended."""

    def __init__(self, metrics: Metrics, events: Events) -> None:
        self._metrics = metrics
        self._events = events

    def tell(
        self, begin: Begin, came_from: Residency, to: Residency, ended: Ended, report: Report
    ) -> None:
        """Tell how `begin` ended; `report` is the model's last one."""
        self._metrics.transitions.labels(begin.model, begin.action, ended.result).inc()
        self._metrics.transition_seconds.labels(begin.model, begin.action).observe(ended.seconds)
        if ended.error is None:
            self._metrics.count(begin)
        self._events.publish(ended.event(begin.model, came_from, to, begin.reason))
        if ended.error is not None:
            logger.warning("%s %s failed: %s", begin.action, begin.model, ended.error)
            return
        logger.info(
            "%s %s (%s): %s -> %s in %.3f s, %d bytes on the device, %d in host memory",
            begin.action,
            begin.model,
            begin.reason,
            came_from,
            to,
            ended.seconds,
            report.device_bytes,
            report.host_bytes,
        )
