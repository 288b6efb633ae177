"""What is read figure by figure or left as it is in every language: phone numbers, addresses."""

import re

PHONE = re.compile(
    r"(?<![0-9A-Za-z.,/-])(?:\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){1,4}\d{2,4}"
    r"|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|\d{3}-\d{4})(?![0-9A-Za-z/-]|[.,]\d)"
)
ADDRESS = re.compile(
    r"https?://(?:www\.)?([\w.-]+)[^\s<>\"'。，、！？]*(?<![.,;:!?)\]}])", re.IGNORECASE
)
MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?(?!\w)")
"""A date and a time of day as machines write them."""
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_FIGURES = {"zh": "零幺二三四五六七八九", "ja": "零一二三四五六七八九"}
_PLUS = {"zh": "加", "ja": "プラス"}


def in_digits(text: str, language: str) -> str:
    """Mandarin or Japanese with phone numbers as figures, addresses as hosts, 1,234 as 1234."""
    text = ADDRESS.sub(lambda address: address[1], text)
    text = MOMENT.sub(r"\1 \2", text)
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    return PHONE.sub(lambda phone: _figures(phone[0], language), text)


def _figures(phone: str, language: str) -> str:
    figures = _FIGURES[language]
    groups = re.findall(r"\d+", phone)
    said = "，".join("".join(figures[int(digit)] for digit in group) for group in groups)
    return (_PLUS[language] if phone.startswith("+") else "") + said
