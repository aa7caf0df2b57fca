"""Operations that are on their way out say so with every answer (RFC 9745, RFC 8594)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Deprecation:
    """When an operation began to be on its way out, and when it will be gone.

    Attributes:
        since: Aware, in UTC.
        sunset: Aware, in UTC; at least six months later.
        link: Where it says what to use instead.
    """

    since: datetime
    sunset: datetime
    link: str


DEPRECATIONS: Mapping[str, Deprecation] = {}
"""By the name of the operation; none is at present."""


def deprecation_headers(deprecations: Mapping[str, Deprecation], scope: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Returns the headers of an answer whose operation is on its way out, none otherwise."""
    found = deprecations.get(getattr(scope.get("route"), "name", "")) if deprecations else None
    if found is None:
        return []
    return [
        (b"deprecation", b"@%d" % int(found.since.timestamp())),
        (b"sunset", format_datetime(found.sunset, usegmt=True).encode()),
        (b"link", f'<{found.link}>; rel="deprecation"'.encode()),
    ]
