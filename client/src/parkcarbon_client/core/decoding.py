"""JSON to frozen values, by their type hints. A member that a value does not know is passed over: the API grows by adding."""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Hashable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from parkcarbon_client.core.errors import AnswerNotUnderstood

T = TypeVar("T")


def parse(body: bytes) -> Any:
    """Returns the JSON value of a body; a number with a fraction becomes a Decimal.

    Raises:
        AnswerNotUnderstood: It is not JSON.
    """
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise AnswerNotUnderstood("$", "JSON", body[:200]) from error


def decode(kind: type[T], value: Any, where: str | None = None) -> T:
    """Returns `value` as a `kind`: a frozen dataclass whose members have the names of the JSON members.

    A member that is called otherwise in JSON has that name in its metadata. For a member that may be None, a missing member, null
    and "" are None. A missing member takes its default.

    Args:
        kind: The dataclass.
        value: A JSON value.
        where: Path for the error's sentence; the name of the kind when left out.

    Raises:
        AnswerNotUnderstood: A member is missing or of another type.
    """
    where = where or kind.__name__
    if not isinstance(value, dict):
        raise AnswerNotUnderstood(where, "an object", value)
    members = {}
    for name, shown, hint, has_default in _members_of(cast("Hashable", kind)):
        if shown in value:
            members[name] = _member(hint, value[shown], f"{where}.{shown}")
        elif not has_default and types.NoneType in get_args(hint):
            members[name] = None
        elif not has_default:
            raise AnswerNotUnderstood(f"{where}.{shown}", "a member", "nothing")
    return kind(**members)


@cache
def _members_of(kind: Any) -> tuple[tuple[str, str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (each.name, each.metadata.get("name", each.name), hints[each.name], each.default is not dataclasses.MISSING)
        for each in dataclasses.fields(kind)
    )


def _member(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin is types.UnionType:
        if value is None or value == "":
            return None
        return _member(next(kind for kind in get_args(hint) if kind is not types.NoneType), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise AnswerNotUnderstood(where, "a list", value)
        kind = get_args(hint)[0]
        return tuple(_member(kind, entry, f"{where}[{index}]") for index, entry in enumerate(value))
    if origin is Mapping:
        return _of_type(dict, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return decode(hint, value, where)
    if hint is Decimal:
        return _decimal(value, where)
    if hint is datetime:
        return _instant(value, where)
    return _of_type(hint, value, where)


def _of_type(kind: type[T], value: Any, where: str) -> T:
    # a bool is an int to isinstance, and never meant as one
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise AnswerNotUnderstood(where, kind.__name__, value)
    return value


_DECIMAL = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?", re.ASCII)
# a few characters of exponent could stand for a number that fills the memory once it is written out
_LARGEST_EXPONENT = 100


def _decimal(value: Any, where: str) -> Decimal:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT:
            return number
    raise AnswerNotUnderstood(where, "a decimal", value)


def _instant(value: Any, where: str) -> datetime:
    if isinstance(value, str):
        try:
            instant = datetime.fromisoformat(value)
        except ValueError as error:
            raise AnswerNotUnderstood(where, "an RFC 3339 instant", value) from error
        if instant.utcoffset() is not None:
            return instant
    raise AnswerNotUnderstood(where, "an RFC 3339 instant with an offset", value)
