"""The fields of a request's body; the gateway has bounded it."""

import json
import sys
from typing import Any

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from greenroom_speech.api.openai_errors import InvalidField

MULTIPART = "multipart/form-data"


async def fields_of(request: Request) -> dict[str, Any]:
    """The fields of a JSON or multipart body; a file's value is its content.

    Raises InvalidField for a body that is neither, or that has a field twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        return await _form(request)
    if kind not in ("application/json", ""):
        raise InvalidField(
            f"Content-Type is {kind!r}; it must be application/json or {MULTIPART}.", None
        )
    try:
        text = (await request.body()).decode()
        fields = json.loads(text)
        if "\\u" in text:  # without escapes there is no half of a surrogate pair
            json.dumps(fields, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidField("The body is not JSON.", None) from None
    if not isinstance(fields, dict):
        raise InvalidField("The body must be a JSON object.", None)
    return fields


async def _form(request: Request) -> dict[str, Any]:
    parser = MultiPartParser(request.headers, request.stream(), max_files=4, max_fields=64)
    parser.spool_max_size = sys.maxsize  # a recording stays in memory, whatever the disk has left
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidField(f"The body is no {MULTIPART}: {error.message}", None) from None
    found: dict[str, Any] = {}
    try:
        for name, value in form.multi_items():
            if name in found:
                raise InvalidField(f"{name} is given twice; give it once.", name)
            found[name] = value if isinstance(value, str) else await value.read()
    finally:
        await form.close()
    return found
