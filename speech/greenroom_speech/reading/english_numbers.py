"""Numbers as English words."""

from num2words import num2words

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LONGEST = 15
"""Digits of a number that has a name; longer ones are read digit by digit."""


def number(digits: str) -> str:
    figures = digits.replace(",", "")
    if len(figures) > _LONGEST:
        return each(figures)
    return str(num2words(int(figures))).replace(",", "").replace("-", " ")


def each(figures: str) -> str:
    return " ".join(_DIGITS[int(figure)] for figure in figures if figure.isdecimal())


def decimal(figures: str) -> str:
    whole, _, part = figures.partition(".")
    return number(whole) + (f" point {each(part)}" if part else "")
