"""Periods of time: half-open ranges of whole seconds, and the calendar of a place.

A period holds its start and not its end, so that neighbours touch without sharing an instant. Instants are counted in whole seconds
since 1970-01-01T00:00:00Z. Years and months are cut in a place's own zone: a bill for January in Shanghai starts at
2020-12-31T16:00:00Z.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

INSTANT_RULE = (
    "an RFC 3339 instant with offset in whole seconds, such as 2020-01-01T00:00:00+08:00, or a date for its local midnight"
)
"""The rule of `parse_instant` in words, for messages."""

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.0{1,9})?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)


class NotAnInstant(ValueError):
    """Text that names no instant. Keeps what was found."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"{found[:80]!r} is not {INSTANT_RULE}")


class OffsetMissing(NotAnInstant):
    """A date and time without an offset: it could be meant in any zone."""


class NotATimeZone(ValueError):
    """No IANA time zone of that name. Keeps what was found."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"{found[:80]!r} is not an IANA time zone such as Asia/Shanghai")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month; ordered in time.

    Attributes:
        year: 1 to 9999.
        month: 1 to 12.
    """

    year: int
    month: int

    @property
    def number(self) -> int:
        """YYYYMM, as stored and sent."""
        return self.year * 100 + self.month

    @classmethod
    def from_number(cls, number: int) -> "Month":
        """Returns the month that YYYYMM names."""
        return cls(*divmod(number, 100))

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def time_zone(name: str) -> ZoneInfo:
    """Returns the IANA zone of a name.

    Raises:
        NotATimeZone: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NotATimeZone(name) from error


@lru_cache(maxsize=65536)
def parse_instant(text: str, zone: ZoneInfo) -> int:
    """Returns the second since 1970-01-01T00:00:00Z that a text names.

    A date alone is its midnight in `zone`. A date and time must carry its offset. Fractions of a second other than zero, a day that
    the calendar lacks, hour 24 and second 60 are refused.

    Args:
        text: RFC 3339 date-time or ISO 8601 date.
        zone: the zone of dates without a time.

    Raises:
        OffsetMissing: a date and time without an offset.
        NotAnInstant: anything else that breaks the rule.

    >>> parse_instant("2020-01-01", ZoneInfo("Asia/Shanghai")) == parse_instant("2019-12-31T16:00:00Z", ZoneInfo("UTC"))
    True
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise NotAnInstant(text)
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise NotAnInstant(text) from error
    if moment.tzinfo is None:
        if len(text) > len("2020-01-01"):
            raise OffsetMissing(text)
        moment = moment.replace(tzinfo=zone)
    return int(moment.timestamp())


def format_instant(seconds: int, zone: ZoneInfo) -> str:
    """Writes an instant as RFC 3339 text in a zone.

    >>> format_instant(1577808000, ZoneInfo("Asia/Shanghai"))
    '2020-01-01T00:00:00+08:00'
    """
    return datetime.fromtimestamp(seconds, tz=UTC).astimezone(zone).isoformat()


@lru_cache(maxsize=65536)
def month_of(seconds: int, zone: ZoneInfo) -> Month:
    """Returns the calendar month of a zone that holds an instant."""
    local = datetime.fromtimestamp(seconds, tz=UTC).astimezone(zone)
    return Month(local.year, local.month)
