# Written by client/generate_sync.py from aio/sender.py: edit that file and run `make gen`.
"""The connection of the blocking client: it sends calls, and reads lists page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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


class Sender:
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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if transport is None and is_on_this_machine(base_url):
            # certificates are loaded where they are asked for: it takes longer than a call
            transport = httpx.HTTPTransport(verify=httpx.URL(base_url).scheme == "https")
        self.base_url = base_url.rstrip("/")
        self._language = language
        self._policy = retries if isinstance(retries, RetryPolicy) else RetryPolicy(retries)
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=self.base_url, headers=headers(token, language), auth=auth, timeout=timeout_seconds, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """Sends a call of `calls`, also as `representations` changes it, again where that is safe; returns what its answer says."""
        attempts = Attempts(self._policy if call.retried else RetryPolicy(0))
        while True:
            try:
                response = self._http.request(
                    call.method, call.path, params=call.params, content=call.content, headers=call.request_headers
                )
            except RETRIED_ERRORS as error:
                wait = attempts.wait_after_error(error, self.base_url)
            else:
                pause = attempts.wait_after_answer(response)
                if pause is None:
                    return call.result(response)
                wait = pause
            self._sleep(wait)

    def if_changed(self, call: Call[T], etag: str = "") -> representations.Tagged[T] | None:
        """Returns an answer with its entity tag, or None while it is still the one of `etag`.

        >>> tagged = client.if_changed(calls.get_park("ganzhou-etdz"))  # doctest: +SKIP
        >>> client.if_changed(calls.get_park("ganzhou-etdz"), tagged.etag) is None  # doctest: +SKIP
        True
        """
        return self.send(representations.if_changed(call, etag))

    def _items(self, list_call: Callable[[str], Call[Page[T]]]) -> Iterator[T]:
        """Yields the items of a list; `list_call` takes the token of a page."""
        token = ""
        while True:
            page = self.send(list_call(token))
            yield from page.items
            token = page.next_page_token
            if not token:
                return

    def _joined(self, member: str, page_call: Callable[[str], Call[T]]) -> T:
        """Returns an answer that comes in pages as one: its first page, with the entries of `member` from all of them.

        Args:
            member: The tuple that is cut into pages.
            page_call: Takes the token of a page; the answer has `next_page_token`.
        """
        whole: Any = self.send(page_call(""))
        while whole.next_page_token:
            page: Any = self.send(page_call(whole.next_page_token))
            entries = {member: getattr(whole, member) + getattr(page, member)}
            whole = replace(whole, next_page_token=page.next_page_token, **entries)
        return cast("T", whole)
