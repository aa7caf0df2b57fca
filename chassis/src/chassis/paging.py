"""Pages of a list: how many items, where a page begins, and the token of the next one.

A token holds the name of its list and the key of the last item that was given. It is opaque to callers, and refused by every other
list: a token of one park's records is none of another park's.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import TypeVar

from kernel.refusals import InvalidField

_T = TypeVar("_T")
MAX_PAGE = 1_000
DEFAULT_PAGE = 100
MAX_RECORDS = 10_000
DEFAULT_RECORDS = 1_000
SLICE = 250

_MAX_TOKEN_CHARACTERS = 500
"""Longer than any token that is written here, and too short to nest JSON beyond what can be read."""


class Paging:
    """A page of a list, as a caller asks for it.

    >>> first = Paging("parks", 2, "")
    >>> items, token = first.cut(["a", "b", "c"], key=lambda item: (item,))
    >>> items, Paging("parks", 2, token).after_text()
    (['a', 'b'], 'b')
    """

    def __init__(self, listed: str, size: int, token: str, *, default: int = DEFAULT_PAGE, most: int = MAX_PAGE) -> None:
        """Reads what the caller asks for.

        Args:
            listed: Names the list; what decides which items are on it is part of the name.
            size: Items of a page; 0 takes the default.
            token: Of the page; "" is the first.
            default: Items of a page where the caller names no number.
            most: The largest page.

        Raises:
            InvalidField: The size is below 0 or beyond the limit.
        """
        self._listed = listed
        self._token = token
        self.size = page_size(size, default, most)

    @property
    def limit(self) -> int:
        """How many items to look for: one more than the page has, which tells whether another page follows."""
        return self.size + 1

    def after(self, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
        """Returns the key after which the page begins; None for the first page.

        Args:
            kinds: The types of the key's parts.

        Raises:
            InvalidField: The token was not written for this list.
        """
        return read_token(self._token, self._listed, *kinds)

    def after_text(self) -> str:
        """Returns a key of one text; the first page begins after ""."""
        key = self.after(str)
        return str(key[0]) if key else ""

    def after_number(self, first: int = 0) -> int:
        """Returns a key of one number; the first page begins after `first`."""
        key = self.after(int)
        return int(key[0]) if key else first

    def after_numbers(self) -> tuple[int, int]:
        """Returns a key of two numbers; the first page begins after 0 and 0."""
        key = self.after(int, int)
        return (int(key[0]), int(key[1])) if key else (0, 0)

    def cut(self, found: Sequence[_T], key: Callable[[_T], tuple[str | int, ...]]) -> tuple[Sequence[_T], str]:
        """Returns the items of the page, and the token of the next one or "".

        Args:
            found: At most `limit` items.
            key: Returns what the list is ordered by.
        """
        if len(found) <= self.size:
            return found, ""
        return found[: self.size], write_token(self._listed, *key(found[self.size - 1]))


async def in_turns(slices: Iterable[_T]) -> AsyncGenerator[_T]:
    """Yields slices of a long page, between which the others of the event loop have their turn.

    A page of records is too long to be read, or made into an answer, at one go. A result of the database is cut by
    `partitions(SLICE)`, so that what it makes of each row is made in between, too.
    """
    for number, part in enumerate(slices):
        if number:
            await asyncio.sleep(0)
        yield part


def in_slices(items: Sequence[_T]) -> AsyncGenerator[Sequence[_T]]:
    """Yields a long page as `in_turns` does, `SLICE` items at a time."""
    return in_turns(items[start : start + SLICE] for start in range(0, len(items), SLICE))


def page_size(requested: int, default: int = DEFAULT_PAGE, most: int = MAX_PAGE) -> int:
    """Returns how many items a page has.

    Raises:
        InvalidField: A size below 0 or beyond the limit.
    """
    if not 0 <= requested <= most:
        raise InvalidField("page_size", str(requested), f"0 to {most}", f"0 至 {most}")
    return requested or default


def write_token(listed: str, *key: str | int) -> str:
    """Writes where the next page of a list begins: the list, and the key of the last item of this page."""
    return base64.urlsafe_b64encode(json.dumps([listed, *key]).encode()).decode().rstrip("=")


def read_token(token: str, listed: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """Reads a key of the given kinds; an empty token is the first page.

    Raises:
        InvalidField: The token was not written for this list.
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
