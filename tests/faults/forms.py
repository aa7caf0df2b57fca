"""How a batch is sent: as JSON or as a sender's own CSV with a mapping profile, compressed or not, at once or as a job."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from tests.faults.workload import UNITS, Row

# the shares of one workload for every fault
CSV_SHARE = {False: 0.2, True: 0.6}
GZIP_SHARE = {False: 0.2, True: 0.5}
NAMED_VERSION_SHARE = 0.5

COLUMNS = {
    "编号": "record_id",
    "表计": "source_id",
    "起": "period_start",
    "止": "period_end",
    "读数": "quantity",
    "计量": "unit",
    "更正": "supersedes",
}
REMARK = "备注"
_WORDS = ("甲", "乙", "丙")


@dataclass(frozen=True)
class Form:
    """How one batch is sent.

    Attributes:
        later: Whether it is sent to be recorded by a job.
        zipped: Whether its body is compressed.
        profile_id: Of the mapping profile that a CSV is read with; "" for JSON.
        version: Of the profile.
        names_version: Whether the request names the version; the newest is meant otherwise.
    """

    later: bool = False
    zipped: bool = False
    profile_id: str = ""
    version: int = 0
    names_version: bool = False

    def params(self) -> dict[str, str]:
        """Returns the parameters of the request."""
        found = {} if self.later else {"results": "all"}
        if self.profile_id:
            found["profile"] = self.profile_id
        if self.names_version:
            found["profile_version"] = str(self.version)
        return found

    def headers(self) -> dict[str, str]:
        """Returns the headers of the request."""
        found = {"Content-Type": "text/csv; charset=utf-8" if self.profile_id else "application/json"}
        if self.later:
            found["Prefer"] = "respond-async"
        if self.zipped:
            found["Content-Encoding"] = "gzip"
        return found

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """Returns the rows under the names, units and times of the file."""
        return [_own(row, self.version) for row in rows] if self.profile_id else list(rows)

    def body(self, own: Sequence[Row]) -> bytes:
        """Returns the body of the request.

        Args:
            own: As `rows` gave them.
        """
        content = _csv(own) if self.profile_id else json.dumps(own, ensure_ascii=False).encode()
        return gzip.compress(content, 1) if self.zipped else content


def drawn(random: Random, *, later: bool, profile_id: str, versions: int) -> Form:
    """Returns the form of the next batch.

    Args:
        random: Decides.
        later: Whether the lane sends jobs.
        profile_id: Of the lane's profile.
        versions: How many versions of it are saved; 0 for none.
    """
    zipped = random.random() < GZIP_SHARE[later]
    if not versions or random.random() >= CSV_SHARE[later]:
        return Form(later=later, zipped=zipped)
    named = random.random() < NAMED_VERSION_SHARE
    version = random.randint(1, versions) if named else versions
    return Form(later=later, zipped=zipped, profile_id=profile_id, version=version, names_version=named)


def profile_body(version: int) -> dict[str, object]:
    """Returns what a version of a profile says: each stands for other units by the same words, so that a mistaken one shows."""
    return {
        "columns": COLUMNS,
        "ignore_other_columns": True,
        "units": dict(_units(version)),
        "utc_offset": "+08:00",
    }


def _units(version: int) -> Mapping[str, str]:
    units = list(UNITS.values())
    return {word: units[(at + version) % len(units)] for at, word in enumerate(_WORDS)}


def _own(row: Row, version: int) -> Row:
    words = {unit: word for word, unit in _units(version).items()}
    own = {heading: row.get(field, "") for heading, field in COLUMNS.items()}
    # what is no unit of ours is no word of theirs either, and is refused
    own["计量"] = words.get(row["unit"], row["unit"])
    for heading in ("起", "止"):
        moment = datetime.fromisoformat(own[heading])
        own[heading] = f"{moment.year}/{moment.month}/{moment.day} {moment.hour}:{moment.minute:02d}"
    return own | {REMARK: "自动导出"}


def _csv(own: Sequence[Row]) -> bytes:
    written = io.StringIO()
    table = csv.DictWriter(written, [*COLUMNS, REMARK], lineterminator="\r\n")
    table.writeheader()
    table.writerows(own)
    return written.getvalue().encode()
