"""``greenroom fleet status``: which models are where, asked over the fleet's own door."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.table import Table

from greenroom.errors import SetupError
from greenroom.gateway.api_keys import api_keys, known_key
from greenroom.settings import Settings
from greenroom.supervisor.service import http_url

_PATIENCE = 30.0


def run(settings: Settings) -> None:
    """Raises SetupError if no fleet answers."""
    replicas = _asked(settings)
    table = Table("replica", "hot", "warm", "requests", "GPU memory")
    for name, shown in sorted(replicas.items()):
        models = shown["models"]
        busy = sum(one["leases"] + one["waiting"] for one in models.values())
        table.add_row(name, _in(models, "hot"), _in(models, "warm"), str(busy), _memory(shown))
    Console().print(table)


def _asked(settings: Settings) -> Mapping[str, Any]:
    url = f"{http_url(settings)}/residency"
    key = known_key(settings) if api_keys(settings) else None
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=_PATIENCE) as answer:
            told = json.load(answer)
    except HTTPError as error:
        raise SetupError(f"{url} answered {error.code}: {error.reason}.") from None
    except ValueError:
        raise SetupError(f"{url} is no fleet: its answer is not JSON.") from None
    except TimeoutError:
        raise SetupError(
            f"{url} did not answer within {_PATIENCE:g} s; a fleet without replicas starts one for "
            "this question, so ask again."
        ) from None
    except (URLError, OSError, HTTPException):
        raise SetupError(f"No fleet answers at {url}; greenroom fleet up starts one.") from None
    if not isinstance(told, dict) or "replicas" not in told:
        raise SetupError(f"{url} is a single Greenroom, not a fleet.")
    replicas: Mapping[str, Any] = told["replicas"]
    return replicas


def _in(models: Mapping[str, Any], residency: str) -> str:
    return ", ".join(sorted(n for n, one in models.items() if one["residency"] == residency)) or "-"


def _memory(shown: Mapping[str, Any]) -> str:
    gpu = shown["gpu"]
    if gpu is None:
        return "-"
    return f"{gpu['used_bytes'] / 2**30:.1f} of {gpu['total_bytes'] / 2**30:.1f} GiB"
