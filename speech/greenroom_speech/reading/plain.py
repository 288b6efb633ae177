"""A text as one reads it aloud: Markdown, HTML and SSML without their marks."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from greenroom_speech.reading.protected import split

LONGEST_BREAK = 10.0
"""Seconds."""
_RULE_PAUSE = 0.6
"""Seconds of silence for a horizontal rule, the same as for an empty line."""
_SIGNS = frozenset("°©®™℃℉№℠ªº")
"""Symbols that have words."""
_UNSAID = frozenset(("So", "Cs", "Co", "Cn"))
_LOOKS = re.compile("<(wide|narrow|square|circle|compat|font|initial|medial|final|isolated)>")
_JAMO = re.compile("[\u3130-\u318f]")
"""Letters of Hangul, which stand for themselves."""
_OF_EMOJI = "\ufe0e\ufe0f\u20e3\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
"""Selectors, joiners and skin tones, which go with one."""
# An asterisk between digits multiplies; Markdown would take two of them for emphasis.
_TIMES = re.compile(r"(?<=\d)\*(?=\d)")
_PRIVATE = 0xE000
"""The first of the private characters that stand for what Markdown must not see.

Such characters in the text itself have no sound and are gone before.
"""
_MOST_MARKS = 6000
_PART = 2000
"""Characters of one paragraph that are read as Markdown together: of `[a[a[a` its time grows with
the square, and a tenth of a megabyte takes minutes."""
_EMPTY_LINES = re.compile(r"\n\s*\n\s*")
_TIME = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(ms|s)\s*", re.IGNORECASE)
_STRENGTHS = {
    "none": 0.0,
    "x-weak": 0.1,
    "weak": 0.2,
    "medium": 0.4,
    "strong": 0.7,
    "x-strong": 1.2,
}
_DROPPED = ("script", "style", "head", "title")
_BLOCKS = ("p", "div", "li", "tr", "br", "s", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th")


_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:?")
_BOX = re.compile(r"\[[ xX]\]\s+")


def _inline(state: StateCore) -> None:
    for place, token in enumerate(state.tokens):
        if token.type == "inline":
            token.children = []
            content = _FOOTNOTE.sub("", token.content)
            if place > 1 and state.tokens[place - 2].type == "list_item_open":
                content = content[box.end() :] if (box := _BOX.match(content)) else content
            for part in _parts(content):
                read: list[Token] = []
                state.md.inline.parse(part, state.md, state.env, read)
                token.children += read


def _parts(text: str) -> Iterator[str]:
    """Cut after white space, best at a line's end."""
    while len(text) > _PART:
        cut = text.rfind("\n", _PART // 2, _PART) + 1 or text.rfind(" ", 0, _PART) + 1 or _PART
        yield text[:cut]
        text = text[cut:]
    yield text


# Four spaces in front of a line are seldom code in a text that is read aloud.
_markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable(["code"])
_markdown.core.ruler.at("inline", _inline)


@dataclass(frozen=True)
class TextPart:
    """A part of a text, empty lines and all."""

    text: str
    pause: float
    """Seconds of silence after it that the text asks for; 0: what is usual."""


@dataclass(frozen=True)
class Plain:
    """A text without its marks."""

    parts: tuple[TextPart, ...]
    signs: str
    """The characters that were left out because no engine has a sound for them, each once."""


def plain(text: str, tags: Sequence[str] = (), *, read_code: bool = False) -> Plain:
    """The words of a text, and the pauses that it asks for by ``<break>``.

    ``tags`` are what the engine knows in brackets, which stay as they are. Fenced code is left
    out unless ``read_code``. It takes time in proportion to the text's length, all of it in
    Python: call it in a thread.
    """
    # JSON can carry half a surrogate pair, which no encoder takes.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.translate({ord(sign): _usual_form(sign) for sign in set(text)})
    unsaid = {sign for sign in set(text) if _has_no_sound(sign)}
    text = text.translate(dict.fromkeys(map(ord, unsaid), " ") | _CONTROLS)
    places: dict[str, int] = {}
    hidden = "".join(_hidden(part, kept, places) for part, kept in split(text, tags))
    marks = list(places)
    words = _Words(read_code)
    words.blocks(_markdown.parse(hidden))
    parts = [
        TextPart("".join(_shown(sign, marks) for sign in part.text), part.pause)
        for part in words.parts()
    ]
    return Plain(tuple(parts), "".join(sorted(unsaid)))


_CONTROLS = {
    code: " "
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if chr(code) not in "\n\t\r" and unicodedata.category(chr(code)) == "Cc"
}


def _usual_form(sign: str) -> str:
    """A letter, figure or unit that Unicode has once more for its looks, as it is usually written.

    Those that are raised, lowered or fractions mean more than their looks.
    """
    category = unicodedata.category(sign)
    if sign <= "\u024f" or sign in _SIGNS or _JAMO.match(sign):
        return sign
    if category[0] not in "LN" and category != "So":
        return sign
    kind, _, codes = unicodedata.decomposition(sign).partition(" ")
    if _LOOKS.fullmatch(kind):
        plain = "".join(_usual_form(chr(int(code, 16))) for code in codes.split())
        return f" {plain} " if category == "No" else plain
    value = unicodedata.numeric(sign, 0.5) if category == "No" and not kind else 0.5
    return f" {int(value)} " if value == int(value) else sign


def _has_no_sound(sign: str) -> bool:
    if sign in _SIGNS:
        return False
    return unicodedata.category(sign) in _UNSAID or sign in _OF_EMOJI


def _hidden(part: str, kept: bool, places: dict[str, int]) -> str:
    if not kept or len(places) >= _MOST_MARKS:
        return _TIMES.sub(r"\\*", part)
    return chr(_PRIVATE + places.setdefault(part, len(places)))


def _shown(sign: str, marks: list[str]) -> str:
    place = ord(sign) - _PRIVATE
    return marks[place] if 0 <= place < len(marks) else sign


class _Words:
    """Collects what is said of Markdown's tokens."""

    def __init__(self, read_code: bool) -> None:
        self._read_code = read_code
        self._done: list[TextPart] = []
        self._said: list[str] = []
        self._ended = 0
        """The line after the last block, to see the empty lines between."""
        self._html = _Html(self)

    def parts(self) -> list[TextPart]:
        self.rest(0.0)
        return self._done

    def say(self, words: str) -> None:
        self._said.append(words)

    def rest(self, seconds: float) -> None:
        said = _EMPTY_LINES.sub("\n\n", "".join(self._said)).strip()
        if said or seconds:
            self._done.append(TextPart(said, min(seconds, LONGEST_BREAK)))
        self._said = []

    def blocks(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if token.map:
                begin, end = token.map
                # The line between a table's head and its body is no empty one.
                if begin > self._ended and self._said and token.type != "tbody_open":
                    self.say("\n\n")
                self._ended = max(self._ended, end if token.content else begin)
            self._block(token)

    def _block(self, token: Token) -> None:
        match token.type:
            case "inline":
                self._inline(token.children or ())
            case "html_block":
                self._html.read(token.content)
            case "fence" if self._read_code:
                self.say(token.content + "\n")
            case "hr":
                self.rest(_RULE_PAUSE)
            case "list_item_open" if token.info:
                self.say(f"{token.info}. ")
            case "td_open" | "th_open" if self._said and not self._said[-1].endswith("\n"):
                self.say(", ")
            case "heading_close":
                self.say("\n\n")
            case "paragraph_close" | "tr_close":
                self.say("\n")

    def _inline(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            match token.type:
                case "text" | "code_inline":
                    self.say(token.content)
                case "softbreak" | "hardbreak":
                    self.say("\n")
                case "image":
                    self.say(token.content)
                case "html_inline":
                    self._html.read(token.content)


class _Html(HTMLParser):
    """The words of HTML and SSML; ``<break>`` is a rest."""

    def __init__(self, words: _Words) -> None:
        super().__init__(convert_charrefs=True)
        self._words = words
        self._dropped = 0

    def read(self, html: str) -> None:
        self.feed(html)
        # What looks like a tag that never ends is text.
        rest, self.rawdata = self.rawdata, ""
        if rest:
            self.handle_data(rest)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "break":
            self._words.rest(_seconds(dict(attrs)))
        elif tag in _DROPPED:
            self._dropped += 1
        elif tag in _BLOCKS:
            self._words.say("\n" if tag not in ("td", "th") else " ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED:
            self._dropped = max(0, self._dropped - 1)
        elif tag in _BLOCKS and tag not in ("td", "th"):
            self._words.say("\n")

    def handle_data(self, data: str) -> None:
        if not self._dropped:
            self._words.say(data)


def _seconds(attributes: dict[str, str | None]) -> float:
    """What ``<break>`` asks for; as SSML 1.1 has it, a medium one where it says nothing."""
    time = _TIME.fullmatch(attributes.get("time") or "")
    if time:
        return float(time[1]) / (1000 if time[2].lower() == "ms" else 1)
    return _STRENGTHS.get(attributes.get("strength") or "medium", _STRENGTHS["medium"])
