"""The calls that send values of indicators, which the contracts do not tell; see `core.call`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parkcarbon_client.core.call import Call
from parkcarbon_client.core.errors import FileNotReadable
from parkcarbon_client.core.requests import path, query, send_json
from parkcarbon_client.core.responses import value_of
from parkcarbon_client.generated.evaluation_entries import NewGivenValue
from parkcarbon_client.services.indicator_values import RecordedValues

_VALUES = "/v1/parks/{park_id}/indicator-values"
_TABLES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def record_indicator_values(park_id: str, system_id: str, values: Sequence[NewGivenValue]) -> Call[RecordedValues]:
    """Sends values."""
    body = {"system_id": system_id, "values": list(values)}
    return send_json("POST", path(_VALUES, park_id=park_id), body, value_of(RecordedValues))


def push_indicator_values(park_id: str, system_id: str, file: Path) -> Call[RecordedValues]:
    """Sends a table of values as it is.

    Raises:
        FileNotReadable: It is named neither *.csv nor *.xlsx.
    """
    media_type = _TABLES.get(file.suffix.lower())
    if media_type is None:
        raise FileNotReadable(str(file), f"a file named *{file.suffix}", ", ".join(f"*{name}" for name in _TABLES))
    return Call(
        "POST",
        path(_VALUES, park_id=park_id),
        value_of(RecordedValues),
        params=query(system=system_id),
        content=file.read_bytes(),
        media_type=media_type,
    )
