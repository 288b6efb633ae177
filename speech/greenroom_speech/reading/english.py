"""English figures that wetext reads wrongly or not at all."""

import re

from num2words import num2words

from greenroom_speech.reading.english_numbers import decimal, each, number
from greenroom_speech.reading.english_signs import RULES, Rule
from greenroom_speech.reading.figures import ADDRESS, MOMENT, PHONE

_THOUSANDS = r"\d{1,3}(?:,\d{3})+"
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}
_PLURALS = {"$": "dollars", "€": "euros", "£": "pounds"}
_MAGNITUDES = {"k": "thousand", "m": "million", "b": "billion", "t": "trillion"}
_DOLLARS = {
    "A": "Australian",
    "AU": "Australian",
    "C": "Canadian",
    "CA": "Canadian",
    "HK": "Hong Kong",
    "NZ": "New Zealand",
    "SG": "Singapore",
    "US": "US",
}
_OHMS = {"": "ohms", "k": "kiloohms", "m": "megaohms"}
_PER = {"s": "second", "min": "minute", "h": "hour"}


def _phone(found: re.Match[str]) -> str:
    groups = ", ".join(each(group) for group in re.findall(r"\d+", found[0]))
    return ("plus " if found[0].startswith("+") else "") + groups


def _money(found: re.Match[str]) -> str:
    amount = float(found[2].replace(",", ""))
    said = str(num2words(amount, to="currency", currency=_CURRENCIES[found[1]], separator=" and"))
    return re.sub(r" and zero \w+$", "", said).replace(",", "").replace("-", " ")


def _round_money(found: re.Match[str]) -> str:
    return f"{decimal(found[2])} {_MAGNITUDES[found[3][0].lower()]} {_PLURALS[found[1]]}"


def _scientific(found: re.Match[str]) -> str:
    minus = "minus " if found[2] == "-" else ""
    return f"{decimal(found[1])} times ten to the {minus}{number(found[3])}"


def _dollars(found: re.Match[str]) -> str:
    return f"{decimal(found[2])} {_DOLLARS[found[1].upper()]} dollars"


def _version(found: re.Match[str]) -> str:
    parts = [number(part) for part in found[2].split(".")]
    return ("version " if found[1] else "") + " point ".join(parts)


def _decade(found: re.Match[str]) -> str:
    year = str(num2words(int(found[1]), to="year")).replace("-", " ")
    return year[:-1] + "ies" if year.endswith("y") else year + "s"


_RULES: tuple[Rule, ...] = (
    (ADDRESS, lambda found: found[1].strip(".").replace(".", " dot ")),
    (MOMENT, lambda found: f"{found[1]} at {found[2]}{' UTC' if found[3] == 'Z' else ''}"),
    *RULES,
    (re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})*(?:\.\d\d?)?|\d+(?:\.\d\d?)?)\s?([€£])"), r"\2\1"),
    (re.compile(r"\b(A|AU|C|CA|HK|NZ|SG|US)\$(\d{1,3}(?:,\d{3})*(?:\.\d{1,2})?|\d{1,15})(?![\d,.]*\d)",
                re.IGNORECASE), _dollars),
    (re.compile(rf"[¥￥]\s?({_THOUSANDS}|\d{{1,15}})(?![\d,.]*\d)"),
     lambda found: f"{number(found[1])} yen"),
    (re.compile(r"(?<=\d)\s?([kKM]?)[Ω\u2126]"), lambda found: f" {_OHMS[found[1].lower()]}"),
    (re.compile(r"(?<=\d)\s?m/(s|min|h)\b"), lambda found: f" meters per {_PER[found[1]]}"),
    (re.compile(r"\bNo\.\s?(?=\d)", re.IGNORECASE), "number "),
    (re.compile(r"(?<![\w.,])\d{1,3}(?: \d{3})* 000(?![\w,]|[ .]\d)"),
     lambda found: number(found[0].replace(" ", ""))),
    (re.compile(rf"(?<![\w.,/:$€£-])({_THOUSANDS})\.(\d{{1,15}})(?![\w,]|\.\d)"),
     lambda found: f"{number(found[1])} point {each(found[2])}"),
    (re.compile(r"\b([\w-]+(?:\.[\w-]+)*)@((?:[\w-]+\.)+[a-z]+)\b"), lambda found: (
        found[1].replace(".", " dot ") + " at " + found[2].replace(".", " dot ")
    )),
    (PHONE, _phone),
    (re.compile(r"([$€£])(\d{1,3}(?:,\d{3})+(?:\.\d\d)?|\d{1,15}\.\d\d)(?![\d,.]*\d)"
                r"(?! ?(?:hundred|thousand|million|billion|trillion|[kmb]\b))"), _money),
    (re.compile(r"([$€£])(\d{1,3}(?:\.\d{1,3})?) ?(k|mn?|bn?|tn?)\b", re.IGNORECASE), _round_money),
    (re.compile(r"(?<![\w.,])(\d\.\d{1,15}|\d(?=e[-+]))e([-+]?)(\d{1,3})\b", re.IGNORECASE),
     _scientific),
    (re.compile(r"\b(?:version )?(v)\.?(\d{1,9}(?:\.\d{1,9})+)(?![\w.]*\d)", re.IGNORECASE),
     _version),
    (re.compile(r"(?<![\w.])()(\d{1,5}\.\d{1,5}\.\d{1,5})(?![\w.]*\d)"), _version),
    (re.compile(r"\b([12]\d\d0)s\b"), _decade),
    (re.compile(r"\b24/7\b"), "twenty four seven"),
    (re.compile(r"[#№]\s?(?=\d)"), "number "),
    (re.compile(r"(?<![\w)])\+(?=\d)"), "plus "),
    (re.compile(r"(?<=\d)¢"), " cents"),
    (re.compile(r"(?<=\d)\s?m\b(?![²³'/-])"), " meters"),
    (re.compile(rf"(?<![\w.,/:-]){_THOUSANDS}(?![\w,]|\.\d)"), lambda found: number(found[0])),
    (re.compile(r"(?<![\w.,/:$€£¥-])(?:10\d\d|\d{16,})(?![\w/:-]|[.,]\d)"),
     lambda found: number(found[0])),
)  # fmt: skip


def english(text: str) -> str:
    """The text with words for what wetext, which reads it next, would get wrong."""
    for pattern, words in _RULES:
        text = pattern.sub(words, text)
    return text
