"""The shipped Prometheus configuration with every duration a thirtieth as long.

So what is tested is what is shipped, in seconds instead of minutes.
"""

import re
from pathlib import Path

import yaml
from programs import RULES

FASTER = 30
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+)([smhd])")
_RANGE = re.compile(r"\[[^\]]+\]")
_TIMES = ("for", "interval", "scrape_interval", "scrape_timeout", "evaluation_interval")


def shortened(duration: str) -> str:
    """Return a duration as Prometheus writes it, a thirtieth as long but at least 1 s."""
    number, unit = _DURATION.fullmatch(duration).groups()
    return f"{max(1, int(number) * _SECONDS[unit] // FASTER)}s"


def shortened_query(query: str) -> str:
    """Return a query whose ranges are a thirtieth as long."""
    return _RANGE.sub(
        lambda found: _DURATION.sub(lambda each: shortened(each[0]), found[0]),
        query,
    )


def write_shortened(folder: Path, targets: dict[str, str], key: Path) -> Path:
    """Write the shipped configuration for other targets, by job, and return its file."""
    config = _shortened(yaml.safe_load((RULES / "prometheus.yml").read_text()))
    for name in config["rule_files"]:
        rules = yaml.safe_load((RULES / name).read_text())
        (folder / name).write_text(yaml.safe_dump(_shortened(rules)))
    for scraped in config["scrape_configs"]:
        scraped["static_configs"][0]["targets"] = [targets[scraped["job_name"]]]
        if "authorization" in scraped:
            scraped["authorization"]["credentials_file"] = str(key)
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    return file


def _shortened(node):
    if isinstance(node, list):
        return [_shortened(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _value(key, value) for key, value in node.items()}


def _value(key, value):
    if key in _TIMES:
        return shortened(value)
    if key == "expr":
        return shortened_query(value)
    return _shortened(value)
