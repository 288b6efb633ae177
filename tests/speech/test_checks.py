"""What the doctor looks at for speech."""

import pytest

from greenroom.supervisor.check_result import Verdict
from greenroom_speech.checks import synthesis

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
