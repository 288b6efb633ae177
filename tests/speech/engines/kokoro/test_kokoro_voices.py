"""The engine's own voices: names, blends, styles."""

import numpy as np
import pytest

from greenroom.errors import InvalidInput
from greenroom_speech.engines.engine_tags import tags_of
from greenroom_speech.engines.kokoro.styles import FILE, styles
from greenroom_speech.engines.kokoro.voices import blend_of, is_british


@pytest.mark.parametrize(
    ("voice", "shares"),
    [
        ("af_heart", {"af_heart": 1}),
        ("hibari", {"hibari": 1}),
        ("af_bella(2)+af_sky(1)", {"af_bella": 2 / 3, "af_sky": 1 / 3}),
        ("af_bella + bm_george(3)", {"af_bella": 1 / 4, "bm_george": 3 / 4}),
        ("af_bella+af_bella", {"af_bella": 1}),
    ],
)
def test_a_blend_is_a_share_of_each_voice(voice, shares):
    assert blend_of(voice) == pytest.approx(shares)


@pytest.mark.parametrize(
    "voice",
    [
        *("", "alloy", "af_heart(", "af_heart(-1)", "af_heart(0)", "af_heart,af_sky"),
        *("hibari+af_sky", "+".join(["af_sky"] * 9), f"af_sky({'9' * 400})"),
    ],
)
def test_what_is_no_voice_is_refused_with_those_there_are(voice):
    with pytest.raises(InvalidInput, match=r"^VOICE is .* must be hibari, or up to 8 of af_alloy"):
        blend_of(voice)


def test_every_voice_has_a_style_a_language_and_a_gender():
    listed = {voice.name: voice for voice in tags_of("tts", "kokoro").voices}
    assert listed.keys() - {"hibari"} == set(styles().names)
    assert (listed["zm_yunxi"].language, listed["zm_yunxi"].gender) == ("zh", "male")
    assert (listed["bf_emma"].language, listed["bf_emma"].gender) == ("en", "female")


def test_the_styles_are_less_than_a_megabyte_and_differ():
    assert len(FILE.read_bytes()) < 1e6
    known = styles()
    alike = known.embeddings @ known.embeddings.T
    assert np.allclose(np.diag(alike), 1, atol=1e-2)
    assert np.median(alike) < 0.6


def test_a_style_lies_between_the_rows_that_are_kept():
    known = styles()
    low, high = int(known.rows[20]), int(known.rows[21])
    ends = [known.style({"af_sky": 1.0}, row) for row in (low, high)]
    between = known.style({"af_sky": 1.0}, (low + high) // 2)
    assert np.all(between <= np.maximum(*ends))
    assert np.all(between >= np.minimum(*ends))
    both = known.style({"af_sky": 0.5, "am_adam": 0.5}, low)
    assert both == pytest.approx((ends[0] + known.style({"am_adam": 1.0}, low)) / 2)
    assert np.array_equal(known.style({"af_sky": 1.0}, 10_000), known.style({"af_sky": 1.0}, 509))


def test_the_greater_part_of_a_blend_says_how_english_is_read():
    assert is_british(blend_of("bf_emma(2)+af_sky"))
    assert not is_british(blend_of("bf_emma+af_sky(2)"))
