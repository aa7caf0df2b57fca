"""How the rows of an upload are written."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.limits import Limits


class Format(StrEnum):
    """How rows are written, by media type."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    PARQUET = "application/vnd.apache.parquet"


WORKBOOKS = frozenset({Format.XLSX, Format.PARQUET})
"""Formats that are read in a process of their own, by `api.reading.worker`."""


@dataclass(frozen=True, slots=True)
class Media:
    """What the Content-Type says. `charset` is a Python codec; "" means that it has to be found out."""

    format: Format
    charset: str


def most_bytes(media: Media, limits: Limits) -> int:
    """Returns how long a body of this format may be."""
    return limits.stream_bytes if media.format in (Format.NDJSON, Format.CSV) else limits.upload_bytes
