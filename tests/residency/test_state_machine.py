"""Any order of events over three models and an ensemble."""

import pytest
from any_order import AnyOrder, run


def test_any_order_of_events_keeps_the_invariants():
    run(AnyOrder, examples=60, steps=40)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_very_many_orders_of_events_keep_the_invariants():
    run(AnyOrder, examples=500, steps=100)
