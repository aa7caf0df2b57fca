"""What the parts of the blocking client stand on: they send calls, and read lists page by page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TypeVar
from uuid import uuid4

from parkcarbon_client.answers import Page
from parkcarbon_client.calls import Call

T = TypeVar("T")


class Sending(ABC):
    """Sends calls."""

    @abstractmethod
    def send(self, call: Call[T]) -> T:
        """Sends a call, again where that is safe and of use, and returns what its answer says."""

    def new_key(self) -> str:
        """Returns an idempotency key that nobody has used."""
        return uuid4().hex

    def _items(self, listing: Callable[[str], Call[Page[T]]]) -> Iterator[T]:
        token = ""
        while True:
            page = self.send(listing(token))
            yield from page.items
            token = page.next_page_token
            if not token:
                return
