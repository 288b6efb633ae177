"""Requests drawn from the OpenAPI document: whatever they are, the answers keep to it."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import openapi
from schemathesis.specs.openapi.checks import positive_data_acceptance

from greenroom.settings import Settings

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cases", [30, pytest.param(120, marks=pytest.mark.long)])
async def test_drawn_requests_meet_no_surprise(start, tmp_path, cases):
    service = await start(**REAL, environment={"GREENROOM_VOICES_DIR": str(tmp_path / "voices")})
    document = (await service.web.get("/openapi.json")).json()
    sent = await asyncio.to_thread(drawn, document, service.service.url, cases)
    assert sent >= 8 * cases


def drawn(document, url, cases):
    """Send so many drawn requests for every operation; return how many that were."""
    schema = openapi.from_dict(json.loads(json.dumps(document)))
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=cases,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def send(case):
            nonlocal count
            count += 1
            # No schema can tell which bytes are a recording, or which names are taken.
            case.call_and_validate(base_url=url, excluded_checks=[positive_data_acceptance])

        given(case=operation.as_strategy())(send)()
    return count
