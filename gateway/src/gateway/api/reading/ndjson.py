"""Activity rows as NDJSON."""

import json
from collections.abc import Sequence

import msgspec

from gateway.api.reading.json import NotFinite, all_clean, columns_of, each_name_once, row_decoder, take_value, value_decoder
from gateway.api.reading.rows import Rows, check_row_count, too_long
from gateway.domain.limits import Limits
from gateway.domain.push.activity import PLAIN, Layout, ReadRows, unreadable


def ndjson_body(body: bytes, limits: Limits, layout: Layout) -> ReadRows:
    """Returns the rows of NDJSON that is at hand as a whole.

    Raises:
        TooLarge: TOO_MANY_ROWS.
    """
    check_row_count(body, limits)
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return ndjson_rows(lines, 1, limits, layout)


def ndjson_rows(lines: Sequence[bytes], first_row: int, limits: Limits, layout: Layout = PLAIN) -> ReadRows:
    """Returns the rows of some lines of NDJSON; blank ones are none.

    Args:
        lines: Without their ends.
        first_row: The number of the first line, from 1.
        limits: Rows of these lines, bytes of a row.
        layout: The names that the members have.

    Raises:
        TooLarge: TOO_MANY_ROWS.
    """
    try:
        rows = [row_decoder.decode(line) for line in lines]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        rows = []
    if rows and len(rows) <= limits.rows and max(map(len, lines)) <= limits.row_bytes:
        body = b"\n".join(lines)
        if each_name_once(body, rows):
            columns = columns_of(range(first_row, first_row + len(rows)), rows)
            if all_clean(body, columns):
                return ReadRows(columns, ())
    return _ndjson_line_by_line(lines, first_row, limits, layout)


def _ndjson_line_by_line(lines: Sequence[bytes], first_row: int, limits: Limits, layout: Layout = PLAIN) -> ReadRows:
    rows = Rows(limits)
    for row, line in enumerate(lines, start=first_row):
        if not line or line.isspace():
            continue
        if len(line) > limits.row_bytes:
            rows.reject(too_long(row, len(line), limits))
            continue
        try:
            value = value_decoder.decode(line.decode("utf-8"))
        except RecursionError:
            rows.reject(unreadable(row, "JSON_TOO_DEEP"))
        except NotFinite as error:
            rows.reject(unreadable(row, "NUMBER_NOT_FINITE", found=str(error), allowed="a decimal as a string"))
        except json.JSONDecodeError as error:
            rows.reject(unreadable(row, "LINE_NOT_JSON", found=f"{error.msg}, column {error.colno}", allowed="a JSON object"))
        except UnicodeDecodeError:
            rows.reject(unreadable(row, "LINE_NOT_JSON", found="bytes that are not UTF-8", allowed="a JSON object"))
        else:
            take_value(rows, row, value, layout)
    return rows.read()
