"""Bodies of activity rows become columns of text with row numbers. No value is judged here.

Each format has two ways. The short one decodes everything at once and is taken only where that cannot hide anything: every row is
fit to be stored, and a JSON body writes exactly as many names as were read, so that none stands twice. Everything else goes the
long way, row by row, where each bad row gets a result of its own.
"""

from gateway.api.reading.csv import csv_body
from gateway.api.reading.json import json_rows
from gateway.api.reading.ndjson import ndjson_body
from gateway.api.reading.text import BOM, decoded
from gateway.domain.errors import NothingReadable
from gateway.domain.limits import Limits
from gateway.domain.push.activity import PLAIN, Layout, ReadRows
from gateway.domain.push.media import Format, Media


def read_rows(body: bytes, media: Media, limits: Limits, layout: Layout = PLAIN) -> ReadRows:
    """Returns the rows of a body that is at hand as a whole.

    Args:
        body: As it arrived, at most `limits.upload_bytes`.
        media: How it is written: JSON, NDJSON or CSV.
        limits: Rows in all, bytes of a row.
        layout: The names that the columns have.

    Raises:
        NothingReadable: Not one row can be read.
        MalformedBody: A JSON array holds NaN or Infinity, or is nested too deeply.
        TooLarge: TOO_MANY_ROWS.
    """
    match media.format:
        case Format.JSON:
            read = json_rows(body.removeprefix(BOM), limits, layout)
        case Format.NDJSON:
            read = ndjson_body(body.removeprefix(BOM), limits, layout)
        case Format.CSV:
            read = csv_body(decoded(body, media.charset), limits, layout)
        case _:
            raise AssertionError(f"{media.format} is read by a worker")
    if not len(read.rows) and not read.rejected:
        raise NothingReadable("BODY_EMPTY")
    return read
