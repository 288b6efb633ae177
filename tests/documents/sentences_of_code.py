"""Every text that the code can say, with an ellipsis for each value that is filled in."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_FILLED = re.compile(r"%[-+0-9.]*[a-z]|\{[^{}]*\}")


@cache
def sentences(*folders: Path) -> frozenset[str]:
    """Return the string literals of all Python files below the folders."""
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return frozenset(text for path in files for text in _texts(ast.parse(path.read_text("utf-8"))))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(_part(value) for value in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _FILLED.sub("…", node.value)


def _part(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else "…"


def is_said(message: str, said: frozenset[str]) -> bool:
    """Whether a message stands in one text, or each of its longer parts in some text."""
    if len(message) >= 10 and any(message in text for text in said):
        return True
    parts = [part for part in message.split("…") if part.strip()]
    longest = max(parts, key=len, default="")
    return len(longest) >= 10 and all(any(part in text for text in said) for part in parts)
