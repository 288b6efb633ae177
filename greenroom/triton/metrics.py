"""Triton's own metrics: their text, and what is read from it."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from greenroom.errors import ServerDown
from greenroom.settings import Settings
from greenroom.triton.endpoints import metrics_url

GPU_MEMORY_LAG = 2.5
"""Seconds by which the GPU's memory may be late: Triton collects it every two."""
_TOTAL, _USED = "nv_gpu_memory_total_bytes", "nv_gpu_memory_used_bytes"


async def triton_metrics(settings: Settings, seconds: float) -> str:
    """Raises ServerDown when it does not answer within so many seconds."""
    url = metrics_url(settings)
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ServerDown(f"Triton's metrics at {url} do not answer: {error}.") from error


def gpu_memory(metrics: str, index: int) -> tuple[int, int] | None:
    """Total and used bytes as the metrics show them; None if they show no GPU.

    A Triton that sees only the one GPU of the service shows only that, whatever its index.
    """
    values: dict[str, list[int]] = {_TOTAL: [], _USED: []}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name in values:
                values[sample.name].append(int(sample.value))
    totals, used = values[_TOTAL], values[_USED]
    if not totals or len(totals) != len(used):
        return None
    place = index if index < len(totals) else 0
    return totals[place], used[place]
