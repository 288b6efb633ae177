"""The fields of a request's body; the gateway has bounded it."""

import json
from typing import Any

from greenroom_speech.api.openai_errors import InvalidField
from starlette.requests import Request

MULTIPART = "multipart/form-data"


async def fields_of(request: Request) -> dict[str, Any]:
    """Return the fields of a JSON or multipart body; a file's value is its content.

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
    found: dict[str, Any] = {}
    async with request.form(max_files=4, max_fields=64) as form:
        for name, value in form.multi_items():
            if name in found:
                raise InvalidField(f"{name} is there twice; give it once.", name)
            found[name] = value if isinstance(value, str) else await value.read()
    return found
