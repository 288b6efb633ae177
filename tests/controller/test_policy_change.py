"""Policies that change while the service runs."""

import pytest

from greenroom.controller.policy_change import changed_policy
from greenroom.errors import DoesNotFit, InvalidInput, UnknownModel
from greenroom.residency.policy import Policy
from greenroom.residency.states import Action


def test_only_the_given_fields_change():
    changed = changed_policy(Policy(max_wait=5), {"offload_after": 3, "pinned": True})
    assert changed == Policy(max_wait=5, offload_after=3, pinned=True)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"colour": 1},
            "The policy has no field 'colour'; its fields are pinned, offload_after, "
            "unload_after, max_waiting, max_wait.",
        ),
        ({"pinned": "yes"}, "Field 'pinned' of the policy is 'yes'; it must be a valid boolean."),
        ({"pinned": 1}, "Field 'pinned' of the policy is 1; it must be a valid boolean."),
        (
            {"unload_after": "60"},
            "Field 'unload_after' of the policy is '60'; it must be a valid number.",
        ),
        (
            {"unload_after": -2},
            "Field 'unload_after' of the policy is -2; it must be greater than or equal to -1.",
        ),
        (
            {"offload_after": -0.5},
            "Field 'offload_after' of the policy is -0.5; it must be -1 (never), 0 or more.",
        ),
        (
            {"max_wait": float("inf")},
            "Field 'max_wait' of the policy is inf; it must be a finite number.",
        ),
        (
            {"max_waiting": 2.5},
            "Field 'max_waiting' of the policy is 2.5; it must be a valid integer.",
        ),
        ({"max_wait": None}, "Field 'max_wait' of the policy is None; it must be a valid number."),
        ({"max_wait": 0}, "Field 'max_wait' of the policy is 0; it must be greater than 0."),
    ],
)
def test_a_field_that_can_not_be_is_named_with_its_rule(given, sentence):
    with pytest.raises(InvalidInput) as caught:
        changed_policy(Policy(), given)
    assert str(caught.value) == sentence


async def test_a_shorter_time_counts_from_the_end_of_the_last_lease(harness):
    one = await harness(loaded=["tts"])
    await one.wait(50)
    one.controller.change_policy("tts", {"offload_after": 60})
    await one.wait(9)
    assert one.residency("tts") == "hot"
    await one.wait(1)
    assert one.residency("tts") == "warm"
    one.controller.change_policy("tts", {"unload_after": 30})
    await one.settle()
    assert one.residency("tts") == "cold"


async def test_a_model_that_is_pinned_is_loaded_at_once(harness):
    one = await harness()
    one.controller.change_policy("tts", {"pinned": True})
    await one.settle()
    assert one.residency("tts") == "hot"
    one.controller.change_policy("tts", {"pinned": False, "offload_after": 0})
    await one.settle()
    assert one.residency("tts") == "warm"


async def test_a_pin_brings_back_what_was_taken_away_by_hand(harness):
    one = await harness(loaded=["tts"])
    await one.controller.act("tts", Action.UNLOAD)
    one.controller.change_policy("tts", {"pinned": True})
    await one.settle()
    assert one.residency("tts") == "hot"


async def test_another_field_leaves_what_was_done_by_hand_alone(harness):
    one = await harness(policy={"tts": Policy(offload_after=0)})
    await one.controller.act("tts", Action.LOAD)
    one.controller.change_policy("tts", {"max_waiting": 3})
    await one.wait(1000)
    assert one.residency("tts") == "hot"


async def test_more_may_wait_from_then_on(harness):
    one = await harness(policy={"tts": Policy(max_waiting=0)})
    one.controller.change_policy("tts", {"max_waiting": 1})
    with one.triton.holding("load", "tts"):
        assert not (await one.ask("tts")).done()


async def test_a_pin_that_never_fits_is_refused_and_changes_nothing(harness):
    one = await harness(gpu_budget_bytes=1000)
    await one.controller.act("tts", Action.LOAD)
    await one.controller.act("asr", Action.LOAD)
    one.controller.change_policy("asr", {"pinned": True})
    with pytest.raises(DoesNotFit, match="unpin a model"):
        one.controller.change_policy("tts", {"pinned": True, "max_wait": 5})
    assert one.controller.entry("tts").policy.max_wait != 5


async def test_an_unknown_model_has_no_policy(harness):
    one = await harness()
    with pytest.raises(UnknownModel):
        one.controller.change_policy("nothing", {})
