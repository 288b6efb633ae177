"""Streams that are pulled piece by piece, on a scripted Triton and a scripted engine."""

import pytest
from steps_in_hand import UNIX_BEGAN, counts, engine


def pulled(hands, name="s", **more):
    asked = hands.stream("next", name, **more)
    hands.run(asked)
    return asked


def test_a_stream_is_started_pulled_and_ended(hands):
    start = hands.stream("start", x=3)
    hands.run()
    assert start.report == {"id": "s", "sequence": 0, "final": False, "seconds": 0}
    assert set(start.response.tensors) == {"STREAM_REPORT"}
    pieces = [pulled(hands) for _ in range(3)]
    assert [piece.y for piece in pieces] == [[3], [2], [1]]
    assert [piece.report for piece in pieces] == [
        {"id": "s", "sequence": number, "final": number == 3, "seconds": 0.5}
        for number in (1, 2, 3)
    ]
    assert "unknown" in pulled(hands).failure[1]
    assert engine(hands).rows == []


@pytest.mark.parametrize("at_start", [True, False])
def test_a_whole_stream_is_one_piece(hands, at_start):
    hands.stream("start", x=4, whole=at_start)
    hands.run()
    piece = pulled(hands, whole=not at_start)
    assert piece.y == counts(4)
    assert piece.report == {"id": "s", "sequence": 1, "final": True, "seconds": 0.5}


def test_what_is_left_of_a_stream_can_be_pulled_as_one_piece(hands):
    hands.stream("start", x=4)
    hands.run()
    assert pulled(hands).y == [4]
    assert pulled(hands, whole=True).y == [3, 2, 1]


def test_nobody_pulls_a_stream_so_it_is_one_piece_ahead(hands):
    hands.stream("start", x=5)
    hands.run(hands.ask(20))
    (row,) = engine(hands).rows
    assert row.pieces == [5]
    assert [5, 20] in engine(hands).steps
    assert engine(hands).steps[-1] == [20]


def test_what_goes_on_with_an_earlier_stream_goes_before_who_came_sooner(hands, clock):
    for number in range(9):
        hands.ask(200 + number)
    hands.execute()
    clock.now += 30
    hands.stream("start", x=100, due=UNIX_BEGAN + clock.now + 2)
    hands.execute()
    hands.stream("next")
    hands.execute()
    hands.execute()
    assert engine(hands).steps[-1] == [100, *range(200, 207)]
    assert engine(hands).rows[-1].due == pytest.approx(clock.now + 2)


@pytest.mark.parametrize("field", ["arrived", "due"])
def test_a_time_that_is_none_is_refused(hands, field):
    asked = hands.stream("start", x=5, **{field: "soon"})
    hands.run()
    assert asked.failure[1] == f"STREAM {field} is 'soon'; it must be unix seconds."


def test_a_stream_that_nobody_pulls_is_ended(hands, clock):
    hands.stream("start", x=5)
    hands.run()
    clock.now += 59
    assert pulled(hands).y == [5]
    clock.now += 61
    assert "was not pulled for 60 s" in pulled(hands).failure[1]
    assert engine(hands).rows == []


@pytest.mark.parametrize("pull", [True, False])
def test_a_cancel_ends_a_stream_and_frees_its_row(hands, pull):
    hands.stream("start", x=50)
    hands.run()
    piece = hands.stream("next", whole=True) if pull else None
    hands.execute()
    cancel = hands.stream("cancel")
    hands.run()
    assert cancel.report == {"id": "s", "sequence": 0, "final": True, "seconds": 0}
    assert engine(hands).rows == []
    if piece:
        assert piece.failure == ("CANCELLED", "stream 's' was cancelled.")
    hands.stream("start", x=1)
    assert pulled(hands).y == [1]


def test_a_pull_that_is_cancelled_ends_its_stream(hands):
    hands.stream("start", x=50)
    hands.run()
    piece = hands.stream("next", whole=True)
    hands.execute()
    piece.cancelled = True
    hands.run()
    assert engine(hands).rows == []
    assert "unknown" in pulled(hands).failure[1]


def test_a_stream_is_pulled_by_one_and_started_once(hands):
    hands.stream("start", x=9)
    again = hands.stream("start", x=9)
    hands.run()
    assert again.failure == ("INVALID_ARG", "stream 's' has been started already.")
    one, two = hands.stream("next"), hands.stream("next")
    hands.run()
    assert one.y == [9]
    assert "pulled by another request" in two.failure[1]


def test_a_row_that_fails_ends_its_stream(hands):
    hands.stream("start", x=667)
    hands.run()
    assert pulled(hands).y == [667]
    assert pulled(hands).failure == ("INVALID_ARG", "666 is not counted.")
    assert "unknown" in pulled(hands).failure[1]
    assert engine(hands).rows == []


def test_so_many_streams_can_be_open(hands):
    for number in range(256):
        hands.stream("start", f"{number}", x=5)
    hands.execute()
    one_more = hands.stream("start", x=5)
    hands.execute()
    assert one_more.failure == (
        "UNAVAILABLE",
        "256 streams are open; no more can be started.",
    )


def test_the_end_of_the_process_ends_its_streams(hands):
    hands.stream("start", x=5)
    hands.run()
    hands.model.finalize()
    assert engine(hands).rows == []
