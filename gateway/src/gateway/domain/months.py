"""Spans of months as the API writes them."""

import re

from gateway.domain.errors import ParameterInvalid

_MONTH = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?", re.ASCII)


def month(field: str, text: str) -> str:
    """Returns YYYY-MM for YYYY-MM or YYYY, which means January of that year.

    Args:
        field: The parameter's name, for the refusal.
        text: What the caller wrote.

    Raises:
        ParameterInvalid: It is neither.
    """
    match = _MONTH.fullmatch(text)
    if match is None:
        raise ParameterInvalid(field=field, found=text, allowed="YYYY-MM or YYYY", allowed_zh="YYYY-MM 或 YYYY")
    return f"{match[1]}-{match[2] or '01'}"
