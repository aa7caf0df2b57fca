"""Page tokens: where the next page begins, as opaque text."""

import base64
import binascii
import json

from accounting.domain.errors import InvalidField

MAX_PAGE = 1_000
DEFAULT_PAGE = 100
MAX_RECORDS = 10_000
DEFAULT_RECORDS = 1_000


def page_size(asked: int, default: int = DEFAULT_PAGE, most: int = MAX_PAGE) -> int:
    """Returns how many items a page has.

    Raises:
        InvalidField: a size below 0 or beyond the limit.
    """
    if not 0 <= asked <= most:
        raise InvalidField("page_size", str(asked), f"0 to {most}")
    return asked or default


def write_token(*key: str | int) -> str:
    """Writes the key of the last item of a page."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_token(token: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """Reads a key of the given kinds; an empty token is the first page.

    Raises:
        InvalidField: the token was not written here.
    """
    if token == "":
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != len(kinds)
        or any(type(part) is not kind for part, kind in zip(key, kinds, strict=True))
    ):
        raise InvalidField("page_token", token, "a next_page_token of the same list")
    return tuple(key)


def read_text_token(token: str) -> str:
    """Reads a key of one text; the first page begins after ""."""
    key = read_token(token, str)
    return str(key[0]) if key else ""


def read_number_token(token: str) -> int:
    """Reads a key of one number; the first page begins after 0."""
    key = read_token(token, int)
    return int(key[0]) if key else 0
