"""Page tokens: where the next page begins, as opaque text."""

import base64
import binascii
import json

from kernel.refusals import InvalidField

MAX_PAGE = 1_000
DEFAULT_PAGE = 100
MAX_RECORDS = 10_000
DEFAULT_RECORDS = 1_000

_MAX_TOKEN_CHARACTERS = 500
"""Longer than any token that is written here, and too short to nest JSON beyond what can be read."""


def page_size(asked: int, default: int = DEFAULT_PAGE, most: int = MAX_PAGE) -> int:
    """Returns how many items a page has.

    Raises:
        InvalidField: a size below 0 or beyond the limit.
    """
    if not 0 <= asked <= most:
        raise InvalidField("page_size", str(asked), f"0 to {most}", f"0 至 {most}")
    return asked or default


def write_token(listed: str, *key: str | int) -> str:
    """Writes where the next page of a list begins: the list, and the key of the last item of this page."""
    return base64.urlsafe_b64encode(json.dumps([listed, *key]).encode()).decode().rstrip("=")


def read_token(token: str, listed: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """Reads a key of the given kinds; an empty token is the first page.

    Raises:
        InvalidField: the token was not written for this list.
    """
    if token == "":
        return None
    key: object = None
    if len(token) <= _MAX_TOKEN_CHARACTERS:
        try:
            key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        except (binascii.Error, ValueError):
            key = None
    if (
        not isinstance(key, list)
        or len(key) != 1 + len(kinds)
        or key[0] != listed
        or not all(type(part) is kind and _storable(part) for part, kind in zip(key[1:], kinds, strict=True))
    ):
        raise InvalidField("page_token", token, "a next_page_token of the same list", "同一列表给出的 next_page_token")
    return tuple(key[1:])


def _storable(part: str | int) -> bool:
    """A database takes no NUL, no half of a character, and no more than 64 bits."""
    return part.isprintable() if isinstance(part, str) else 0 <= part < 2**63


def read_text_token(token: str, listed: str) -> str:
    """Reads a key of one text; the first page begins after ""."""
    key = read_token(token, listed, str)
    return str(key[0]) if key else ""


def read_number_token(token: str, listed: str) -> int:
    """Reads a key of one number; the first page begins after 0."""
    key = read_token(token, listed, int)
    return int(key[0]) if key else 0
