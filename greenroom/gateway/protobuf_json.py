"""Protobuf messages as Triton's HTTP shows them.

protobuf's own JSON makes strings of 64-bit integers, which Triton's clients do not expect.
"""

from typing import Any

from google.protobuf.message import Message


def as_json(message: Message) -> dict[str, Any]:
    """All fields under their own names, unset numbers and texts with their defaults."""
    shown: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"]
            shown[field.name] = {key: _value(inner, value[key]) for key in value}
        elif field.is_repeated:
            shown[field.name] = [_value(field, entry) for entry in value]
        elif not field.message_type or message.HasField(field.name):
            shown[field.name] = _value(field, value)
    return shown


def _value(field: Any, value: Any) -> Any:
    if field.message_type:
        return as_json(value)
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    return value.decode(errors="replace") if isinstance(value, bytes) else value
