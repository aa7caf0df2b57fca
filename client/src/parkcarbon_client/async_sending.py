"""What the parts of the asynchronous client stand on: they send calls, and read lists page by page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import TypeVar
from uuid import uuid4

from parkcarbon_client.answers import Page
from parkcarbon_client.calls import Call

T = TypeVar("T")


class AsyncSending(ABC):
    """Sends calls."""

    @abstractmethod
    async def send(self, call: Call[T]) -> T:
        """Sends a call, again where that is safe and of use, and returns what its answer says."""

    def new_key(self) -> str:
        """Returns an idempotency key that nobody has used."""
        return uuid4().hex

    async def _items(self, listing: Callable[[str], Call[Page[T]]]) -> AsyncIterator[T]:
        token = ""
        while True:
            page = await self.send(listing(token))
            for item in page.items:
                yield item
            token = page.next_page_token
            if not token:
                return
