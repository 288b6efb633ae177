"""The fields of a request's body; the gateway has bounded it."""

import json
import re
import sys
from typing import Any

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from greenroom.plugin import hold_of, refuse_wide
from greenroom_speech.api.openai_errors import InvalidField

MULTIPART = "multipart/form-data"
_SEVERAL = ("include", "timestamp_granularities")
"""Fields that may have several values; of another one the last counts, as in other servers."""
_MAY_BE_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How a half of a surrogate pair is written."""
_MOST_VALUES = 20_000
"""Each may take a KiB while it is looked at, and be sent in three bytes."""


async def fields_of(request: Request) -> dict[str, Any]:
    """The fields of a JSON or multipart body; a file's value is its content.

    Raises InvalidField for a body that is neither, or that has a file twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        return await _form(request)
    body = await request.body()  # JSON whatever it is called: `curl -d` says that it is a form
    hold_of(request.scope).add(2 * len(body))  # its text, and what is read from that
    refuse_wide(body)
    try:
        text = body.decode("utf-8-sig")
        if sum(map(text.count, ",[{")) > _MOST_VALUES:
            raise InvalidField(
                f"The body's JSON has more than {_MOST_VALUES:,} commas and brackets.", None
            )
        fields = json.loads(text)
        if _MAY_BE_HALF.search(text):
            whole = json.dumps(fields, ensure_ascii=False).encode("utf-16", "surrogatepass")
            fields = json.loads(whole.decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        raise InvalidField(f"The body is not JSON, nor {MULTIPART}.", None) from None
    if not isinstance(fields, dict):
        raise InvalidField("The body must be a JSON object.", None)
    return fields


async def _form(request: Request) -> dict[str, Any]:
    parser = MultiPartParser(request.headers, request.stream(), max_files=4, max_fields=64)
    parser.spool_max_size = sys.maxsize  # a recording stays in memory, whatever the disk has left
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidField(f"The body is not {MULTIPART}: {error.message}", None) from None
    found: dict[str, Any] = {}
    try:
        for given_name, value in form.multi_items():
            name = given_name.removesuffix("[]")  # how some say that there may be several
            if not isinstance(value, str) and name in found:
                raise InvalidField(f"{name} is given twice; give it once.", name)
            given = value if isinstance(value, str) else await value.read()
            if given == "":  # as programs send a field that nobody filled in
                continue
            several = name in found and (name != given_name or name in _SEVERAL)
            found[name] = [*_listed(found[name]), given] if several else given
    finally:
        await form.close()
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
