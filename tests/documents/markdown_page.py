"""Pieces of a Markdown page: its blocks of code by language, its code words, its links."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The page without its blocks of code."""
        return _BLOCK.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        return [body for language, body in _BLOCK.findall(self.text) if language in languages]

    def words(self) -> list[str]:
        return _WORD.findall(self.prose)

    def links(self) -> list[str]:
        return [link for link in _LINK.findall(self.prose) if "://" not in link]

    def anchors(self) -> set[str]:
        """The names by which GitHub links to its headings."""
        return {_anchor(title) for _, title in _HEADING.findall(self.prose)}

    def section(self, title: str) -> "str":
        """The text below a heading, up to the next one of its level or above."""
        level, begin = next(
            (len(found[1]), found.end())
            for found in _HEADING.finditer(self.text)
            if found[2] == title
        )
        ends = (f.start() for f in _HEADING.finditer(self.text, begin) if len(f[1]) <= level)
        return self.text[begin : next(ends, None)]


def blocks_of(text: str, *languages: str) -> list[str]:
    return [body for language, body in _BLOCK.findall(text) if language in languages]


def _anchor(title: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", title.lower())
    return kept.replace(" ", "-")
