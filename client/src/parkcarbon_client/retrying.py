"""When to ask again, and after how long. Every request of the API may be sent twice without changing more than once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from parkcarbon_client.errors import ServerUnreachable

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
RETRIED_ERRORS = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently to ask again.

    Waits grow twofold from `first_wait_seconds` and are drawn evenly between nothing and that bound, so that many clients that
    failed together do not come back together. A server's Retry-After is waited for in full, plus jitter of up to a tenth.

    Args:
        retries: Further attempts after the first, >= 0.
        first_wait_seconds: Upper bound of the first wait, s, > 0.
        longest_wait_seconds: Upper bound of every wait, s. A Retry-After beyond it ends the attempts at once.
        jitter: Draws from [0, 1).
    """

    retries: int = 4
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 60.0
    jitter: Callable[[], float] = random.random


class Attempts:
    """The attempts of one request: told how each ended, it says how long to wait for the next."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._made = 0

    def wait_after_answer(self, response: httpx.Response) -> float | None:
        """Returns the seconds to wait before asking again, or None when this answer is the one to take."""
        self._made += 1
        if response.status_code not in RETRIED_STATUSES or self._made > self._policy.retries:
            return None
        asked = retry_after_seconds(response)
        if asked is None:
            return self._backoff_seconds()
        if asked > self._policy.longest_wait_seconds:
            return None
        return asked * (1 + self._policy.jitter() / 10)

    def wait_after_error(self, error: Exception, url: str) -> float:
        """Returns the seconds to wait before asking again after a connection error.

        Raises:
            ServerUnreachable: It was the last attempt.
        """
        self._made += 1
        if self._made > self._policy.retries:
            raise ServerUnreachable(url, self._made, error) from error
        return self._backoff_seconds()

    def _backoff_seconds(self) -> float:
        bound = min(self._policy.first_wait_seconds * 2.0 ** (self._made - 1), self._policy.longest_wait_seconds)
        return bound * self._policy.jitter()


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Returns what Retry-After asks for, s, >= 0; None when it is absent or unreadable.

    A date is measured from the answer's own Date, so that a client whose clock is wrong waits no longer than it should.

    Source: RFC 9110, 10.2.3.
    """
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
