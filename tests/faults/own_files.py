"""The second implementation of mapping profiles: what the rows of a sender's own file say, from the intent log alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.intents import Entry

Row = Mapping[str, str]
_LOCAL = re.compile(r"(\d+)/(\d+)/(\d+) (\d+):(\d+)")


class OwnFiles:
    """The profiles that were saved so far."""

    def __init__(self) -> None:
        self._saved: dict[tuple[str, int], dict[str, Any]] = {}

    def save(self, entry: Entry) -> bool:
        """Takes a `profile` entry; says whether the platform counted its versions rightly: each save makes the next."""
        before = max((version for profile_id, version in self._saved if profile_id == entry["profile_id"]), default=0)
        self._saved[entry["profile_id"], entry["version"]] = entry["body"]
        return bool(entry["version"] == before + 1)

    def rows(self, entry: Entry) -> Sequence[Row]:
        """Returns the rows of a `batch` entry under the platform's own names, in its units and with an offset."""
        form = entry.get("form", {})
        if not form.get("profile_id"):
            found: Sequence[Row] = entry["rows"]
            return found
        profile = self._saved[form["profile_id"], form["version"]]
        return [_read(row, profile) for row in entry["rows"]]


def _read(row: Row, profile: Mapping[str, Any]) -> Row:
    named = {profile["columns"][heading]: cell for heading, cell in row.items() if heading in profile["columns"] and cell}
    for field in ("period_start", "period_end"):
        found = _LOCAL.fullmatch(named[field])
        assert found is not None
        year, month, day, hour, minute = (int(part) for part in found.groups())
        named[field] = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:00{profile['utc_offset']}"
    named["unit"] = profile["units"].get(named["unit"], named["unit"])
    return named
