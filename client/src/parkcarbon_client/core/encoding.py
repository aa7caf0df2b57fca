"""Values to JSON: decimals as plain decimal strings, instants as RFC 3339, members of a dataclass that are None left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def to_json(value: object, name: str = "value") -> Any:
    """Returns a value as JSON has it: a dataclass or a mapping as an object, a list or a tuple as an array.

    Args:
        value: What is sent.
        name: The member's name, for the error's sentence.

    Raises:
        ValueError: A datetime has no offset from UTC.
        TypeError: A decimal was given as float, which has already lost digits.
    """
    if is_dataclass(value):
        members = ((member.name, getattr(value, member.name)) for member in fields(value))
        return {key: to_json(member, key) for key, member in members if member is not None}
    if isinstance(value, Mapping):
        return {key: to_json(member, name) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(member, name) for member in value]
    if isinstance(value, float):
        raise TypeError(f"{name} must be a Decimal, got the float {value!r}")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise ValueError(f"{name} must have an offset from UTC, got {value.isoformat()}")
    if isinstance(value, date):
        return value.isoformat()
    return value
