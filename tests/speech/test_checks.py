"""What the doctor looks at for speech."""

import pytest

from greenroom.settings import PROJECT
from greenroom.supervisor.check_result import Verdict
from greenroom.triton.repository import Repository
from greenroom_speech import checks
from greenroom_speech.checks import engines, synthesis
from greenroom_speech.engines.chosen import Chosen

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL


def missing(name):
    raise OSError(name)


@pytest.mark.parametrize(
    ("load", "package", "verdict"),
    [
        (str, lambda name: object(), OK),
        (missing, lambda name: object(), WARN),
        (str, lambda name: None, WARN),
        (missing, lambda name: None, FAIL),
    ],
)
def test_synthesis(load, package, verdict):
    assert synthesis(load, package).verdict is verdict


@pytest.mark.parametrize(
    ("found", "verdict", "told"),
    [
        (Chosen("kokoro", (), "kokoro", ()), OK, "kokoro: its packages are installed"),
        (Chosen("embedded", (), "kokoro", ()), OK, "embedded: as it was set"),
        (
            Chosen("embedded", (), "kokoro", ("misaki", "jieba")),
            WARN,
            "embedded; kokoro lacks misaki, jieba",
        ),
        (Chosen("kokoro", ("misaki",), "kokoro", ("misaki",)), FAIL, "kokoro, which lacks misaki"),
    ],
)
def test_it_is_told_which_engine_runs_and_why(monkeypatch, found, verdict, told):
    monkeypatch.setattr(checks, "chosen", lambda model, parameters: found)
    shown = list(engines(Repository(PROJECT / "model_repository").models))
    assert [row.check for row in shown] == ["engine of asr", "engine of tokenizer", "engine of tts"]
    assert {(row.verdict, row.found) for row in shown} == {(verdict, told)}


def test_engines_that_do_not_fit_and_sets_that_are_none_are_told(monkeypatch):
    models = Repository(PROJECT / "model_repository").models
    monkeypatch.setenv("GREENROOM_TTS_ENGINE", "kokoro")
    *_, last = engines(models)
    assert last.verdict is FAIL
    assert last.found.startswith("The engine of tts is 'kokoro' and that of tokenizer 'embedded'")
    monkeypatch.setenv("GREENROOM_ENGINES", "neuronal")
    assert [row.verdict for row in engines(models)] == [FAIL, FAIL, OK]
