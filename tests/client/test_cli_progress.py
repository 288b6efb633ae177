"""What the progress display says, from reports of GET /residency, on a manual clock."""

from greenroom_client.cli.progress import Phases


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def model(residency: str = "hot", waiting: int = 0) -> dict[str, object]:
    return {"residency": residency, "waiting": waiting, "leases": 0}


def phases(clock: Clock) -> Phases:
    return Phases(("asr", "tts"), "synthesising", clock)


def test_a_transition_is_told_with_the_seconds_it_has_been_seen() -> None:
    clock = Clock()
    told = phases(clock)

    assert str(told.of({"asr": model(), "tts": model("loading", 1)})) == "loading tts 0.0 s"
    clock.now += 3.14
    assert str(told.of({"asr": model(), "tts": model("loading", 1)})) == "loading tts 3.1 s"


def test_the_seconds_start_again_with_the_next_phase() -> None:
    clock = Clock()
    told = phases(clock)
    told.of({"tts": model("unloading", 1)})
    clock.now += 2

    assert str(told.of({"tts": model("loading", 1)})) == "loading tts 0.0 s"


def test_the_same_phase_after_another_starts_from_nothing() -> None:
    clock = Clock()
    told = phases(clock)
    told.of({"tts": model("loading", 1)})
    clock.now += 2
    told.of({"tts": model("hot")})
    clock.now += 2

    assert str(told.of({"tts": model("loading", 1)})) == "loading tts 0.0 s"


def test_waiting_says_how_many_are_ahead() -> None:
    told = phases(Clock())

    assert told.of({"tts": model("hot", waiting=3)}).text == "waiting for tts (2 ahead)"
    assert told.of({"tts": model("hot", waiting=1)}).text == "waiting for tts"


def test_what_moves_is_told_before_what_waits_and_that_by_order_of_the_request() -> None:
    told = phases(Clock())

    asr_waits = {"asr": model("hot", waiting=1), "tts": model("loading", waiting=1)}
    assert told.of(asr_waits).text == "loading tts"
    both_move = {"tts": model("loading"), "asr": model("restoring")}
    assert told.of(both_move).text == "restoring asr"


def test_of_the_models_that_wait_the_one_that_is_not_there_is_told() -> None:
    told = phases(Clock())

    report = {"asr": model("hot", waiting=2), "tts": model("cold", waiting=2)}
    assert told.of(report).text == "waiting for tts (1 ahead)"


def test_with_all_models_there_the_work_is_told() -> None:
    told = phases(Clock())

    assert str(told.of({"asr": model(), "tts": model("warm")})) == "synthesising"


def test_models_of_other_requests_and_nonsense_say_nothing() -> None:
    told = phases(Clock())

    assert str(told.of({"other": model("loading"), "tts": "nonsense", "asr": {}})) == "synthesising"
