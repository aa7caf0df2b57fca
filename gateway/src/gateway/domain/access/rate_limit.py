"""How many requests a caller may make: so many in each minute, over all replicas together."""

from dataclasses import dataclass

from gateway.domain.errors import GatewayError

WINDOW_S = 60
SHARES = 20
"""A replica takes a twentieth of a caller's minute at a time, so that the database is asked once for many requests."""


class RateExceeded(GatewayError):
    """The caller has used up its minute.

    Args:
        limit: Requests of a minute.
        retry_after_s: Until the next one.
    """

    kind = "exhausted"

    def __init__(self, limit: int, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        self.limit = limit
        super().__init__("RATE_EXCEEDED", allowed=str(limit), seconds=str(retry_after_s))


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """How a caller stands in its minute.

    Attributes:
        limit: Requests of a minute.
        remaining: At least so many are left, as far as this replica knows.
        reset_s: Until the next minute.
    """

    limit: int
    remaining: int
    reset_s: int


def granted(used_after: int, reserved: int, limit: int) -> int:
    """Returns how many of the requests that were asked for lie within the limit.

    >>> granted(50, 50, 1000), granted(1020, 50, 1000), granted(2000, 50, 1000)
    (50, 30, 0)
    """
    return max(0, min(reserved, limit - (used_after - reserved)))
