"""Costs as a running service has measured them: its GET /metrics and GET /residency."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http.client import HTTPException, InvalidURL
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from greenroom.errors import InvalidInput
from greenroom.residency.states import Action
from greenroom.simulate.configuration import Configuration

_TIMEOUT = 10.0
_URL = re.compile(r"https?://[!-.0-~][!-~]*")
_KEY = re.compile(r"[!-~]+")
_SHOWN = 200
_REMEDIES = {
    401: "give an API key by --api-key or GREENROOM_API_KEY",
    403: "give an API key by --api-key or GREENROOM_API_KEY",
    404: "give the URL of the gateway, such as http://localhost:8000",
}
_Sums = Mapping[tuple[str, ...], float]


def read_measured(configuration: Configuration, url: str, key: str | None) -> int:
    """Take up the models of a service with their means; the bytes that they may hold, 0 if any.

    What a service has not done yet costs as the default does. Raises InvalidInput if it does
    not answer, or not as a service does.
    """
    if not _URL.fullmatch(url):
        raise InvalidInput(
            f"--from is {url!r}; the URL of a service begins with http:// or https://, "
            "such as http://localhost:8000."
        )
    if key and not _KEY.fullmatch(key):
        raise InvalidInput(
            "--api-key has a space, or a character that is not ASCII; a key has neither."
        )
    try:
        shown = json.loads(_read(f"{url.rstrip('/')}/residency", key))
        metrics = _read(f"{url.rstrip('/')}/metrics", key)
        models, budget, gpu = shown["models"], shown.get("budget"), shown.get("gpu")
        means = _means(metrics)
        for name, model in models.items():
            configuration.change(name, _fields(name, model, budget, means), f"--from, model {name}")
            configuration.shape(name, controllable=model["controllable"])
        ensembles = _ensembles(url.rstrip("/"), key, models)
        for name in ensembles:
            configuration.shape(name, controllable=False, steps=_needs(name, ensembles))
    except HTTPError as error:
        raise InvalidInput(_refused(url, error)) from error
    except OSError as error:
        why = error.reason if isinstance(error, URLError) else error
        raise InvalidInput(f"--from {url} does not answer: {why}.") from error
    except InvalidURL as error:
        raise InvalidInput(f"--from {url} is not a URL: {error}.") from error
    except HTTPException as error:
        raise InvalidInput(
            f"--from {url} does not speak HTTP; {_REMEDIES[404]}, not its gRPC port."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"--from {url} does not answer as Greenroom does; {_REMEDIES[404]}."
        ) from error
    if budget and budget["budget_bytes"]:
        return int(budget["budget_bytes"])
    return int(gpu["total_bytes"] - (budget or {}).get("reserve_bytes", 0)) if gpu else 0


def _ensembles(url: str, key: str | None, models: Mapping[str, Any]) -> dict[str, list[str]]:
    """The steps of each ensemble: GET /residency shows none."""
    found = {}
    for one in json.loads(_read(f"{url}/v2/repository/index", key, b"{}")):
        if (name := one["name"]) not in models:
            config = json.loads(_read(f"{url}/v2/models/{name}/config", key))
            steps = config.get("ensemble_scheduling", {}).get("step", ())
            found[name] = [step["model_name"] for step in steps]
    return found


def _needs(name: str, ensembles: Mapping[str, Sequence[str]]) -> list[str]:
    """All its steps; those of an ensemble within it come before that."""
    needs: dict[str, None] = {}
    for step in ensembles.get(name, ()):
        needs |= dict.fromkeys((*_needs(step, ensembles), step))
    return list(needs)


def _read(url: str, key: str | None, body: bytes | None = None) -> str:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with urlopen(Request(url, body, headers), timeout=_TIMEOUT) as answer:
        text: str = answer.read().decode()
    return text


def _refused(url: str, error: HTTPError) -> str:
    """What was answered, and what helps."""
    try:
        said = str(json.loads(error.read(10_000))["error"]).rstrip(".")[:_SHOWN]
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        said = ""
    told = f" ({said})" if said and said.isprintable() else ""
    remedy = _REMEDIES.get(error.code, "see what the service says of itself")
    return f"--from {url} answers {error.code} {error.reason}{told}; {remedy}."


def _fields(
    name: str, model: Mapping[str, Any], budget: Mapping[str, Any] | None, means: _Sums
) -> dict[str, Any]:
    overhead = model["device_overhead_bytes"]
    hot = (budget or {}).get("needs", {}).get(name, 0)
    weights = max(hot - overhead, 0) or model["device_bytes"] or model["host_bytes"]
    found = dict(model["policy"])
    if weights or (model["controllable"] and (name, Action.LOAD) in means):
        found |= {"bytes": weights, "overhead": overhead}
    for action in Action:
        if (seconds := means.get((name, action))) is not None:
            found[str(action)] = seconds
    if (seconds := means.get((name,))) is not None:
        found["run"] = seconds
    return found


def _means(metrics: str) -> dict[tuple[str, ...], float]:
    """Mean seconds of (model, action), and of the work of a request of (model,)."""
    seconds: dict[tuple[str, ...], float] = defaultdict(float)
    counts: dict[tuple[str, ...], float] = defaultdict(float)
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            labels = sample.labels
            match sample.name:
                case "greenroom_transition_seconds_sum":
                    seconds[labels["model"], labels["action"]] += sample.value
                case "greenroom_transition_seconds_count":
                    counts[labels["model"], labels["action"]] += sample.value
                case "greenroom_request_seconds_sum":
                    seconds[(labels["model"],)] += sample.value
                case "greenroom_wait_seconds_sum":
                    seconds[(labels["model"],)] -= sample.value
                case "greenroom_request_seconds_count":
                    counts[(labels["model"],)] += sample.value
    return {key: max(0.0, seconds[key] / count) for key, count in counts.items() if count}
