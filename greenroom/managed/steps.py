"""A managed model that works in steps, and gives answers in pieces to who pulls them.

Triton's iterative sequences hand the same request to ``execute`` again and again until it is
answered, so between two steps requests join, leave and are cancelled, and nothing is held outside
``execute`` that Triton would not fail when the process dies. In config.pbtxt::

    max_batch_size: 64
    sequence_batching {
      iterative_sequence: true
      max_sequence_idle_microseconds: 3600000000
      oldest { max_candidate_sequences: 256 }
    }

beside what ``ManagedModel`` needs; for streams the optional input ``STREAM`` and the output
``STREAM_REPORT`` (STRING [1] both); and ``parameters { key: "rows" }``, how many rows are stepped
at once (default 8).
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import triton_python_backend_utils as pb_utils

from greenroom.errors import Cancelled, SetupError
from greenroom.managed.control_handler import ResidencyControl
from greenroom.managed.engine import Tensors, text
from greenroom.managed.in_hand import InHand
from greenroom.managed.managed_model import ManagedModel, is_control
from greenroom.managed.step_metrics import StepMetrics
from greenroom.managed.stepped_engine import Row, SteppedEngine
from greenroom.managed.stream_order import STREAM_INPUT, STREAM_OUTPUT, parse_order, stream_report
from greenroom.managed.triton_tensors import request_tensors
from greenroom.managed.work import Work, chosen

ROWS = 8


class SteppedModel(ManagedModel):
    """Answers controls, requests and streams between the steps of a ``SteppedEngine``."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Make and prime the engine; raises SetupError if the model is not made for steps."""
        super().initialize(args)
        config = json.loads(args["model_config"])
        engine: object = self._engine
        if not isinstance(engine, SteppedEngine):
            raise SetupError(
                f"Engine {self._engine.name!r} of model {self._name!r} does not work in steps; "
                "it needs begin, step and end."
            )
        if not config.get("sequence_batching", {}).get("iterative_sequence"):
            raise SetupError(
                f"Model {self._name!r} works in steps; its config.pbtxt must have "
                "sequence_batching with iterative_sequence."
            )
        settings = self._settings
        self._rows = _rows(self._name, config)
        self._step_seconds = settings.step_seconds
        self._stepped = engine
        self._hand = InHand(engine, settings.stream_idle_seconds)
        self._residency = ResidencyControl(self._engine, in_work=self._hand.begun)
        self._step_metrics = StepMetrics(self._name)
        self._steps_due = False

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer what can be answered, then step; what still waits is handed back to Triton."""
        self._hand.next_execute(time.monotonic())
        responses = [self._received(request) for request in requests]
        waiting = [
            None if response is not None else self._hand.waiting[request.correlation_id()]
            for request, response in zip(requests, responses, strict=True)
        ]
        present = [work for work in waiting if work is not None]
        # What is answered at once is not held up by a step, but cannot hold up steps either.
        if self._steps_due or all(response is None for response in responses):
            self._work(present)
            self._steps_due = False
        else:
            self._steps_due = True
        for place, work in enumerate(waiting):
            if work is None:
                continue
            if work.answerable:
                responses[place] = self._answer(work)
            else:
                requests[place].set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
        self._count()
        return responses

    def finalize(self) -> None:
        """End the streams that nobody will pull any more, and what the engine started."""
        for work in list(self._hand.works):
            self._hand.end(work)
        super().finalize()

    def _received(self, request: Any) -> Any:
        """The response to what is answered without a step; None: it waits for steps."""
        key = request.correlation_id()
        work = self._hand.waiting.get(key)
        if request.is_cancelled():
            if work is not None:
                self._hand.end(work)
            return self._failure(Cancelled("The request was cancelled."))
        if work is not None:
            self._hand.touch(work, request)
            return self._ready(work)
        if is_control(request):
            return self._control(request)
        try:
            tensors = request_tensors(request)
            raw = tensors.pop(STREAM_INPUT, None)
            if raw is None:
                self.require(tensors)
                self._hand.touch(self._hand.add(waiter=key), request)
                return None
            return self._ordered(str(raw[0]), tensors, request)
        except Exception as error:
            return self._failure(error)

    def _ordered(self, raw: str, tensors: Tensors, request: Any) -> Any:
        order = parse_order(raw)
        if order.action == "start":
            self.require(tensors)
            self._hand.check_new(order.id)
            self._residency.restore()
            row = self._stepped.begin(tensors, order.whole)
            work = self._hand.add(
                stream=order.id, row=row, whole=order.whole, arrived=order.arrived
            )
            if order.due is not None:
                row.due = time.monotonic() + order.due - time.time()
                work.begun = True
            return self._told(stream_report(order.id, 0, False, 0.0))
        work = self._hand.stream(order.id, tensors)
        if order.action == "cancel":
            self._hand.cancel(work)
            return self._told(stream_report(order.id, work.pieces, True, 0.0))
        self._hand.pull(work, request.correlation_id(), order.whole)
        self._hand.touch(work, request)
        return self._ready(work)

    def _ready(self, work: Work) -> Any:
        return self._answer(work) if work.answerable else None

    def _told(self, report: str) -> Any:
        return self._response({STREAM_OUTPUT: text(report)})

    def _work(self, present: Sequence[Work]) -> None:
        """Step for a bounded time, or until somebody who is here can be answered."""
        until = time.monotonic() + self._step_seconds
        while rows := chosen(self._hand.works, self._rows):
            try:
                self._residency.restore()
            except Exception as error:
                for work in present:
                    work.error = error
                return
            self._step(rows)
            if time.monotonic() >= until or any(work.answerable for work in present):
                return

    def _step(self, works: Sequence[Work]) -> None:
        begin = time.perf_counter()
        rows = {work: row for work in works if (row := self._row(work)) is not None}
        try:
            if rows:
                self._stepped.step(list(rows.values()))
        except Exception as error:
            for work in rows:
                work.error = error
        for work in rows:
            work.begun = True
        self._step_metrics.step(time.perf_counter() - begin)

    def _row(self, work: Work) -> Row | None:
        """Begun where there is none; None: that failed."""
        if work.row is None:
            try:
                work.row = self._stepped.begin(request_tensors(work.request), work.whole)
            except Exception as error:
                work.error = error
        return work.row

    def _answer(self, work: Work) -> Any:
        """The answer, the next piece or the failure of a work that has one."""
        try:
            if work.failure is not None:
                raise work.failure
            assert work.row is not None
            piece = work.row.take(work.whole)
            final = work.row.done and not work.row.ready
        except Exception as error:
            self._hand.end(work)
            return self._failure(error)
        self._hand.took(work, final)
        if work.stream is None:
            return self._response(piece.tensors)
        report = stream_report(work.stream, work.pieces, final, piece.seconds)
        return self._response({**piece.tensors, STREAM_OUTPUT: text(report)})

    def _count(self) -> None:
        for metrics in self._metrics:
            metrics.update()
        works = self._hand.works
        wanted = sum(work.waiter is not None and not work.answerable for work in works)
        in_work = min(wanted, self._rows)
        self._step_metrics.rows(in_work, wanted - in_work, len(works) - wanted)


def _rows(model: str, config: Mapping[str, Any]) -> int:
    given = str(config.get("parameters", {}).get("rows", {}).get("string_value", ROWS))
    if not given.isdecimal() or int(given) < 1:
        raise SetupError(f"Parameter rows of model {model!r} is {given!r}; it must be 1 or more.")
    return int(given)
