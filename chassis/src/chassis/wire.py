"""Forms that figures and moments have on every wire: in answers, in events and in documents."""

from datetime import UTC, datetime


def rfc3339(at: datetime) -> str:
    """Writes a moment as RFC 3339 text in UTC that ends in Z, with microseconds where it has some.

    >>> rfc3339(datetime.fromisoformat("2026-03-01T20:00:00+08:00"))
    '2026-03-01T12:00:00Z'
    """
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
