"""The connection of the asynchronous client: it sends calls, and reads lists page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from parkcarbon_client.core import representations
from parkcarbon_client.core.answers import Page
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.connection import headers, is_on_this_machine
from parkcarbon_client.core.retrying import RETRIED_ERRORS, Attempts, RetryPolicy

T = TypeVar("T")


class AsyncSender:
    """Sends calls."""

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        auth: httpx.Auth | None = None,
        timeout_seconds: float = 60.0,
        retries: int | RetryPolicy = 4,
        language: str = "en",
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if transport is None and is_on_this_machine(base_url):
            # certificates are loaded where they are asked for: it takes longer than a call
            transport = httpx.AsyncHTTPTransport(verify=httpx.URL(base_url).scheme == "https")
        self.base_url = base_url.rstrip("/")
        self._language = language
        self._policy = retries if isinstance(retries, RetryPolicy) else RetryPolicy(retries)
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            base_url=self.base_url, headers=headers(token, language), auth=auth, timeout=timeout_seconds, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Sends a call of `calls`, also as `representations` changes it, again where that is safe; returns what its answer says."""
        attempts = Attempts(self._policy if call.retried else RetryPolicy(0))
        while True:
            try:
                response = await self._http.request(
                    call.method, call.path, params=call.params, content=call.content, headers=call.request_headers
                )
            except RETRIED_ERRORS as error:
                wait = attempts.wait_after_error(error, self.base_url)
            else:
                pause = attempts.wait_after_answer(response)
                if pause is None:
                    return call.result(response)
                wait = pause
            await self._sleep(wait)

    async def if_changed(self, call: Call[T], etag: str = "") -> representations.Tagged[T] | None:
        """Returns an answer with its entity tag, or None while it is still the one of `etag`.

        >>> tagged = await client.if_changed(calls.get_park("ganzhou-etdz"))  # doctest: +SKIP
        >>> await client.if_changed(calls.get_park("ganzhou-etdz"), tagged.etag) is None  # doctest: +SKIP
        True
        """
        return await self.send(representations.if_changed(call, etag))

    async def _items(self, list_call: Callable[[str], Call[Page[T]]]) -> AsyncIterator[T]:
        """Yields the items of a list; `list_call` takes the token of a page."""
        token = ""
        while True:
            page = await self.send(list_call(token))
            for item in page.items:
                yield item
            token = page.next_page_token
            if not token:
                return

    async def _joined(self, member: str, page_call: Callable[[str], Call[T]]) -> T:
        """Returns an answer that comes in pages as one: its first page, with the entries of `member` from all of them.

        Args:
            member: The tuple that is cut into pages.
            page_call: Takes the token of a page; the answer has `next_page_token`.
        """
        whole: Any = await self.send(page_call(""))
        while whole.next_page_token:
            page: Any = await self.send(page_call(whole.next_page_token))
            entries = {member: getattr(whole, member) + getattr(page, member)}
            whole = replace(whole, next_page_token=page.next_page_token, **entries)
        return cast("T", whole)
