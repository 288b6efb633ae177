"""Steps and streams, on a scripted Triton and a scripted engine."""

from types import SimpleNamespace

import pytest
import scripted_backend
from hypothesis import given, settings
from hypothesis import strategies as st
from steps_in_hand import counts, engine, stepped

from greenroom.errors import SetupError


def test_a_request_is_answered_once_it_is_done(hands):
    asked = hands.ask(3)
    hands.run()
    assert asked.y == [3, 2, 1]
    assert asked.handed == 3
    assert engine(hands).rows == []


def test_it_works_for_its_time_in_one_execute(monkeypatch, log, clock):
    monkeypatch.setenv("GREENROOM_STEP_SECONDS", "3")
    hands = stepped(monkeypatch, log, clock)

    def second():
        clock.now += 1

    engine(hands).after_step = second
    asked = hands.ask(7)
    hands.run()
    assert (asked.handed, len(engine(hands).steps)) == (3, 7)


def test_an_answer_is_not_held_back_until_the_time_is_over(monkeypatch, log, clock):
    monkeypatch.setenv("GREENROOM_STEP_SECONDS", "100")
    hands = stepped(monkeypatch, log, clock)
    long, short = hands.ask(9), hands.ask(2)
    hands.execute()
    assert hands.answered == [short]
    assert (long.y if long.response else engine(hands).steps) == [[9, 2], [9, 2]]


def test_a_short_request_that_joins_late_is_answered_first(hands):
    long = hands.ask(9)
    hands.execute()
    short = hands.ask(2)
    hands.run()
    assert hands.answered == [short, long]
    assert engine(hands).steps[:4] == [[9], [9, 2], [9, 2], [9]]


def test_rows_go_to_begun_streams_first_and_then_by_arrival(hands):
    """40 wait behind 8 rows; a stream that has begun takes a row as soon as it is pulled."""
    hands.stream("start", x=100)
    hands.run()
    hands.run(hands.stream("next"))
    engine(hands).steps.clear()
    asked = [hands.ask(200 + number) for number in range(40)]
    hands.execute()
    assert engine(hands).steps == [[100, *range(200, 207)]], "one piece ahead"
    hands.execute()
    assert engine(hands).steps[-1] == list(range(200, 208)), "nobody pulls"
    hands.run(hands.stream("next"))
    hands.execute()
    assert engine(hands).steps[-1] == [100, *range(200, 207)]
    assert len(engine(hands).rows) == 9, "who has no row is untouched"
    engine(hands).steps.clear()
    for one in asked[:8]:
        one.cancelled = True
    hands.execute()
    assert engine(hands).steps == [], "what is answered at once waits for no step"
    hands.execute()
    assert engine(hands).steps == [list(range(208, 216))]


def test_a_stream_that_has_begun_goes_before_requests_that_came_earlier(hands):
    early = hands.stream("start", "early", x=100)
    hands.run(early)
    for number in range(7):
        hands.ask(200 + number)
    late = hands.stream("start", "late", x=150)
    hands.run(late)
    for _ in range(2):
        hands.execute()
    assert engine(hands).steps[-1] == list(range(200, 207)), "nobody pulls"
    hands.stream("next", "late", whole=True)
    hands.stream("next", "early", whole=True)
    hands.execute()
    assert engine(hands).steps[-1] == [100, 150, *range(200, 206)]


def test_forty_requests_end_by_arrival_in_whatever_order_they_are_handed_over(hands):
    asked = [hands.ask(3) for _ in range(40)]
    hands.execute()
    while hands.pending:
        hands.pending.reverse()
        hands.execute()
    order = [asked.index(one) // 8 for one in hands.answered]
    assert order == sorted(order)
    assert {len(rows) for rows in engine(hands).steps} == {8}


def test_a_cancelled_request_frees_its_row(hands):
    first, second = hands.ask(9), hands.ask(8)
    hands.execute()
    first.cancelled = True
    hands.run(first)
    assert first.failure == ("CANCELLED", "The request was cancelled.")
    assert [row.name for row in engine(hands).rows] == [8]
    hands.run()
    assert second.y == counts(8)


def test_a_request_that_triton_itself_has_dropped_frees_its_row(hands, clock):
    gone, other = hands.ask(50), hands.ask(50)
    hands.execute()
    hands.pending.remove(gone)
    for _ in range(8):
        hands.execute()
    assert len(engine(hands).rows) == 2
    clock.now += 1.5
    hands.execute()
    assert len(engine(hands).rows) == 1, "the other was here"
    hands.run()
    assert other.y == counts(50)


@pytest.mark.parametrize(
    ("bad", "code", "sentence"),
    [
        ({"x": 667}, "INVALID_ARG", "666 is not counted."),
        ({"x": 0}, "INVALID_ARG", "X is below 1; it must not be."),
        ({"Z": "hi"}, "INVALID_ARG", "input X is missing; the model needs it."),
        ({"RESIDENCY": "{}"}, "INVALID_ARG", "RESIDENCY action is None"),
        ({"x": 5, "STREAM": "[]"}, "INVALID_ARG", "STREAM is '[]', which is not a JSON object."),
        ({"STREAM": '{"action": "go"}'}, "INVALID_ARG", "STREAM action is 'go'; it must be one of"),
        ({"STREAM": '{"action": "next"}'}, "INVALID_ARG", "STREAM id must be a string of 1 to 128"),
        (
            {"STREAM": '{"action": "next", "id": "a", "whole": 1}'},
            "INVALID_ARG",
            "STREAM whole is 1; it must be true or false.",
        ),
        (
            {"STREAM": '{"action": "next", "id": "a"}'},
            "INVALID_ARG",
            "stream 'a' is unknown; it has ended, was not pulled for 60 s, or was started in",
        ),
        (
            {"STREAM": '{"action": "cancel", "id": "a"}'},
            "INVALID_ARG",
            "stream 'a' is unknown; it has ended, was not pulled for 60 s, or was started in",
        ),
        (
            {"STREAM": '{"action": "next", "id": "a"}', "x": 3},
            "INVALID_ARG",
            "input X came with a STREAM whose action is not start.",
        ),
        (
            {"STREAM": '{"action": "start", "id": "a"}'},
            "INVALID_ARG",
            "input X is missing; the model needs it.",
        ),
        (
            {"STREAM": '{"action": "start", "id": "a"}', "x": -1},
            "INVALID_ARG",
            "X is below 1; it must not be.",
        ),
    ],
)
def test_a_wrong_request_fails_alone(hands, bad, code, sentence):
    before, wrong, after = hands.ask(3), hands.ask(**bad), hands.ask(4)
    hands.run()
    assert wrong.failure[0] == code
    assert wrong.failure[1].startswith(sentence)
    assert (before.y, after.y) == (counts(3), counts(4))
    assert engine(hands).rows == []


def test_a_crash_of_a_step_fails_its_rows_and_nothing_after(hands, log):
    engine(hands).fails["step"] = ZeroDivisionError("secret")
    asked = [hands.ask(3) for _ in range(10)]
    hands.execute()
    engine(hands).fails.clear()
    hands.run()
    assert [one.response.error is None for one in asked] == [False] * 8 + [True] * 2
    sentence = "model 'counting' failed: ZeroDivisionError; see the server's log."
    assert asked[0].failure == ("INTERNAL", sentence)
    assert "secret" in log[0]
    assert engine(hands).rows == []


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    arrivals=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6), st.booleans()), max_size=24),
    leaves=st.sets(st.integers(0, 23)),
    order=st.randoms(use_true_random=False),
)
def test_answers_are_the_same_alone_and_together(arrivals, leaves, order):
    """In any order of arrival, some as streams, and while others leave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENROOM_STEP_SECONDS", "0")
        asked_together(stepped(patch, [], SimpleNamespace(now=0.0)), arrivals, leaves, order)


def asked_together(hands, arrivals, leaves, order):
    late = [(at, x, stream, number) for number, (x, at, stream) in enumerate(arrivals)]
    plain, streams, got = {}, {}, {}
    for turn in range(400):
        for at, x, stream, number in late:
            if at != turn:
                continue
            if stream:
                streams[number] = hands.stream("start", f"{number}", x=x)
                got[number] = []
            else:
                plain[number] = hands.ask(x)
        for number in leaves & plain.keys():
            plain[number].cancelled = turn > 3
        for number, asked in list(streams.items()):
            if asked.response is None:
                continue
            report = asked.report
            got[number] += asked.y if report["sequence"] else []
            if report["final"]:
                del streams[number]
            else:
                streams[number] = hands.stream("next", f"{number}")
        order.shuffle(hands.pending)
        if hands.pending:
            hands.execute()
        elif turn > 6:
            break
    for _, x, stream, number in late:
        if stream:
            assert got[number] == counts(x)
        elif plain[number].response.error is None:
            assert plain[number].y == counts(x)
        else:
            assert number in leaves
    assert engine(hands).rows == []


def test_a_control_is_answered_between_two_steps(hands):
    long = hands.ask(20)
    hands.execute()
    report = hands.control("report")
    hands.execute()
    assert report.residency["residency"] == "hot"
    assert len(engine(hands).steps) == 1, "what is answered at once waits for no step"
    others = [hands.control("report") for _ in range(3)]
    hands.execute()
    assert all(one.response for one in others)
    assert len(engine(hands).steps) == 2, "controls hold no step up for long"
    hands.run()
    assert long.y == counts(20)


def test_an_offload_is_refused_while_rows_are_in_work(hands, clock):
    long = hands.ask(20)
    hands.execute()
    offload = hands.control("offload")
    hands.run(offload)
    assert offload.residency["residency"] == "hot"
    assert offload.residency["error"] == (
        "1 rows are active; an offload must wait until they have ended."
    )
    hands.run(long)
    hands.stream("start", x=5)
    hands.run()
    clock.now += 61
    offload = hands.control("offload")
    hands.run()
    assert offload.residency["residency"] == "warm"


def test_a_warm_model_restores_itself(hands):
    hands.control("offload")
    asked = hands.ask(2)
    hands.run()
    assert asked.y == [2, 1]
    assert engine(hands).device_bytes == 100


def test_a_restore_that_fails_is_told_and_can_be_tried_again(hands):
    hands.run(hands.control("offload"))
    engine(hands).fails["restore"] = MemoryError("no room")
    asked, start = hands.ask(2), hands.stream("start", x=2)
    hands.run()
    assert asked.failure[0] == start.failure[0] == "INTERNAL"
    engine(hands).fails.clear()
    again = hands.ask(2)
    hands.run()
    assert again.y == [2, 1]


def test_steps_and_rows_are_counted(hands):
    made = scripted_backend.MetricFamily.made
    hands.stream("start", x=5)
    for _ in range(10):
        hands.ask(4)
    hands.execute()
    hands.execute()

    def rows():
        return {
            state: made[f"greenroom_rows.{state}"].value()
            for state in ("work", "waiting", "paused")
        }

    assert rows() == {"work": 8, "waiting": 2, "paused": 1}
    hands.run()
    assert rows() == {"work": 0, "waiting": 0, "paused": 1}
    assert made["greenroom_step_seconds"].value() == len(engine(hands).steps)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"engine": "test_managed_model:ScriptedEngine"}, "it needs begin, step and end"),
        ({"iterative": False}, "must have sequence_batching with iterative_sequence"),
        ({"rows": "none"}, "Parameter rows of model 'counting' is 'none'; it must be 1 or more."),
        ({"rows": "0"}, "is '0'; it must be 1 or more."),
    ],
)
def test_a_model_that_is_not_made_for_steps_does_not_load(monkeypatch, log, clock, wrong, sentence):
    with pytest.raises(SetupError, match=sentence):
        stepped(monkeypatch, log, clock, **wrong)


def test_its_config_says_how_many_rows(monkeypatch, log, clock):
    hands = stepped(monkeypatch, log, clock, rows="2")
    for x in (3, 4, 5):
        hands.ask(x)
    hands.execute()
    assert engine(hands).steps[0] == [3, 4]
