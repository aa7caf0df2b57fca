"""When a request is sent again, and after how long. Every request of the API may be sent twice without changing more than once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from parkcarbon_client.core.errors import ServerUnreachable
from parkcarbon_client.core.problems import retry_after_seconds

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
LONGEST_POLL_SECONDS = 2.0
"""The longest wait between two looks at a running job, s."""
RETRIED_ERRORS = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)


@dataclass(frozen=True)
class RetryPolicy:
    """How often and after how long a request is sent again.

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
    """The attempts of one request: takes how each ended, and returns how long to wait for the next."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._made = 0

    def wait_after_answer(self, response: httpx.Response) -> float | None:
        """Returns the seconds to wait before the next attempt, or None when this answer is the one to take."""
        self._made += 1
        if response.status_code not in RETRIED_STATUSES or self._made > self._policy.retries:
            return None
        wait = retry_after_seconds(response)
        if wait is None:
            return self._backoff_seconds()
        if wait > self._policy.longest_wait_seconds:
            return None
        return wait * (1 + self._policy.jitter() / 10)

    def wait_after_error(self, error: Exception, url: str) -> float:
        """Returns the seconds to wait before the next attempt after a connection error.

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
