"""docker-compose.yml as `docker compose` understands it, as far as these files use it."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from greenroom.settings import PROJECT

COMPOSE = PROJECT / "docker-compose.yml"
CPU = PROJECT / "docker-compose.cpu.yml"
EXAMPLE = PROJECT / ".env.example"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_RESET = object()


class _Loader(yaml.CSafeLoader):
    """Like Compose it refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice: {node.start_mark}"
        return super().construct_mapping(node, deep)


_Loader.add_constructor("!reset", lambda loader, node: _RESET)


def compose() -> dict[str, Any]:
    """Return the file for a machine with a GPU."""
    return yaml.load(COMPOSE.read_text(), _Loader)


def compose_for_cpu() -> dict[str, Any]:
    """Return what the two files for a machine without a GPU mean together."""
    return _merged(compose(), yaml.load(CPU.read_text(), _Loader))


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return {key: value for key, value in merged.items() if value is not _RESET}


def variables() -> dict[str, set[str]]:
    """Return the variables that the file takes from its environment, with their defaults."""
    found: dict[str, set[str]] = {}
    for name, default in _VARIABLE.findall(COMPOSE.read_text() + CPU.read_text()):
        found.setdefault(name, set()).add(default)
    return found


def example() -> Iterator[tuple[str, str, str]]:
    """Yield name, value and comment of each line of .env.example."""
    comment: list[str] = []
    for line in EXAMPLE.read_text().splitlines():
        if match := re.fullmatch(r"#(\w+)=(.*)", line):
            yield match[1], match[2], " ".join(comment)
            comment = []
        elif line.startswith("# "):
            comment.append(line[2:])
        else:
            comment = []


def resolved(text: str) -> str:
    """Return a text with every variable's default in its place."""
    return _VARIABLE.sub(lambda match: match[2], text)
