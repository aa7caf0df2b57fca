"""The check of a park: records against their chain, the chain against what was told, keys and sums against the records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from accounting.domain.evidence import (
    DIGEST_BYTES,
    NUMBERS,
    TEXTS,
    ChainedRow,
    ChainHead,
    ChainPart,
    first_head,
    microseconds,
    row_digests,
)
from chassis.columns import utc_text
from devstack.fsck.heads import ToldHead
from devstack.fsck.stored import Rows

_Item = TypeVar("_Item")

_AT_ONCE = 2_000
_LARGEST_GAP = 100_000
"""Of a chain: behind a longer one nothing is looked at."""
_NEVER = -(2**63)
"""Where a stored moment is none."""

_TIME = NUMBERS.index("recorded_us")
_COLUMNS = ", ".join("recorded_time" if name == "recorded_us" else name for name in (*NUMBERS, *TEXTS, "tenant_id"))
_RECORDS = f"SELECT {_COLUMNS} FROM activity_record WHERE park_id = ? ORDER BY position"  # noqa: S608 - names of columns
_LINKS = "SELECT first_position, last_position, digests, tenant_id FROM activity_chain WHERE park_id = ? ORDER BY first_position"
_LEDGER = "SELECT tenant_id, last_position, head_sha256 FROM park_ledger WHERE park_id = ?"
_PARKS = """
SELECT park_id FROM park_ledger UNION SELECT park_id FROM park UNION SELECT park_id FROM activity_chain
UNION SELECT park_id FROM activity_record ORDER BY park_id
"""
_SUPERSEDED = "SELECT supersedes FROM activity_record WHERE park_id = ? AND supersedes <> ''"
_SUMS = """
SELECT source_id, first_month, last_month, emissions_mg, energy_mgce, covered_s, records FROM emissions_sum WHERE park_id = ?
"""
_KEYS = (
    """
    SELECT r.position, r.record_id
    FROM activity_record r LEFT JOIN activity_key k ON k.park_id = r.park_id AND k.record_id = r.record_id
    WHERE r.park_id = ? AND (
        k.record_id IS NULL OR k.position <> r.position OR k.source_id <> r.source_id OR k.tenant_id <> r.tenant_id
        OR k.period_start_s <> r.period_start_s OR k.period_end_s <> r.period_end_s
    )
    """,
    """
    SELECT k.position, k.record_id
    FROM activity_key k LEFT JOIN activity_record r ON r.park_id = k.park_id AND r.position = k.position
    WHERE k.park_id = ? AND (r.record_id IS NULL OR r.record_id <> k.record_id)
    """,
    """
    SELECT r.position, r.record_id
    FROM activity_record r LEFT JOIN activity_key k ON k.park_id = r.park_id AND k.record_id = r.supersedes
    WHERE r.park_id = ? AND r.supersedes <> '' AND (k.superseded_by IS NULL OR k.superseded_by <> r.record_id)
    """,
    """
    SELECT k.position, k.record_id
    FROM activity_key k
    LEFT JOIN activity_key c ON c.park_id = k.park_id AND c.record_id = k.superseded_by
    LEFT JOIN activity_record r ON r.park_id = c.park_id AND r.position = c.position
    WHERE k.park_id = ? AND k.superseded_by IS NOT NULL AND (r.supersedes IS NULL OR r.supersedes <> k.record_id)
    """,
)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was recorded.

    Attributes:
        what: Which kind, as a key of the sentences.
        position: The position, or the first of those that it may be.
        upto: The last of those.
        facts: What else the sentence says.
    """

    what: str
    position: int
    upto: int
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass
class ParkReport:
    """What was found of a park.

    Attributes:
        records: How many are stored.
        head: Of the stored chain.
        findings: In the order in which they were found.
        told_upto: The last position that somebody was told of and that is stored; 0 when nobody was told anything.
    """

    park_id: str
    records: int
    head: ChainHead
    findings: list[Finding]
    told_upto: int


def checked(rows: Rows, told: Iterable[ToldHead]) -> Iterator[ParkReport]:
    """Yields what is found of each park, in order of park.

    Args:
        rows: Of accounting's database.
        told: Heads that were told before it was opened.
    """
    told_of: defaultdict[str, list[ToldHead]] = defaultdict(list)
    for head in told:
        told_of[head.park_id].append(head)
    parks = [park_id for (park_id,) in rows.read(_PARKS)]
    for park_id in sorted({*parks, *told_of}):
        yield _ParkCheck(rows, park_id, told_of[park_id]).report()


class _ParkCheck:
    """One park on its way through the checks."""

    def __init__(self, rows: Rows, park_id: str, told: Sequence[ToldHead]) -> None:
        self._rows = rows
        self._park_id = park_id
        self._told = sorted(set(told), key=lambda head: head.position)
        self._findings: list[Finding] = []
        self._records = 0
        self._superseded = {target for (target,) in rows.read(_SUPERSEDED, park_id)}
        self._sums: dict[tuple[Any, ...], list[int]] = {}
        self._known = 0

    def report(self) -> ParkReport:
        ledger = next(self._rows.read(_LEDGER, self._park_id), None)
        registered = next(self._rows.read("SELECT tenant_id FROM park WHERE park_id = ?", self._park_id), None)
        if ledger is None or registered is None or ledger[0] != registered[0]:
            self._find("fsck.park_differs")
        tenant_id = (registered or ledger or ("",))[0]
        begin = first_head(tenant_id, self._park_id)
        head = self._chain(tenant_id, begin)
        if ledger is not None and ChainHead(ledger[1], ledger[2]) != head:
            self._find("fsck.head", min(ledger[1], head.position), max(ledger[1], head.position))
        self._derived()
        return ParkReport(self._park_id, self._records, head, self._findings, self._known)

    def _find(self, what: str, position: int = 0, upto: int | None = None, **facts: object) -> None:
        self._findings.append(Finding(what, position, position if upto is None else upto, facts))

    def _chain(self, tenant_id: str, begin: ChainHead) -> ChainHead:
        """Follows the chain from its beginning to the end of what is stored, and returns the head there."""
        records = _Ahead(self._stored_records())
        told = _Ahead((head.position, head) for head in self._told)
        head = begin
        for expected in told.before(1):
            self._compare(expected, begin.sha256)
        self._extra(records.before(1))
        for last, stored in self._parts(tenant_id):
            found = list(records.before(last + 1))
            digests = _over_gap(head, last, found) if stored is None else stored
            here = {row.position for row in found}
            for position in ChainPart(found, digests).breaks(head, tenant_id):
                self._find("fsck.changed" if position in here else "fsck.missing", position)
            for expected in told.before(last + 1):
                end = DIGEST_BYTES * (expected.position - head.position)
                self._compare(expected, digests[end - DIGEST_BYTES : end].hex())
            head = ChainHead(last, digests[-DIGEST_BYTES:].hex())
        self._extra(records.before(None))
        for expected in told.before(None):
            self._find("fsck.gone", head.position + 1, expected.position, told_by=expected.told_by)
        return head

    def _compare(self, expected: ToldHead, stored: str) -> None:
        """Compares a head that was told with the one that is stored: what lies between it and the last right one was rewritten."""
        if stored == expected.sha256:
            self._known = expected.position
        else:
            self._find("fsck.told", self._known + 1, max(expected.position, self._known + 1), told_by=expected.told_by)

    def _extra(self, rows: Iterable[ChainedRow]) -> None:
        for row in rows:
            self._find("fsck.extra", row.position)

    def _parts(self, tenant_id: str) -> Iterator[tuple[int, bytes | None]]:
        """Yields last position and digests of parts of the stored chain, which follow each other; None where it has a gap."""
        parts, size, last = list[bytes](), 0, 0
        for begin, end, digests, owner in self._rows.read(_LINKS, self._park_id):
            if begin <= last or len(digests) != DIGEST_BYTES * (end - begin + 1) or owner != tenant_id:
                self._find("fsck.link", begin)
                continue
            if begin > last + 1:
                self._find("fsck.link", last + 1, begin - 1)
                if begin - last > _LARGEST_GAP:
                    break
                if parts:
                    yield last, b"".join(parts)
                    parts, size = [], 0
                yield begin - 1, None
            parts.append(bytes(digests))
            size, last = size + len(digests), end
            if size >= _AT_ONCE * DIGEST_BYTES:
                yield last, b"".join(parts)
                parts, size = [], 0
        if parts:
            yield last, b"".join(parts)

    def _stored_records(self) -> Iterator[tuple[int, ChainedRow]]:
        times: dict[object, int] = {}
        for values in self._rows.read(_RECORDS, self._park_id):
            at = values[_TIME]
            recorded_us = times.get(at)
            if recorded_us is None:
                times.clear()
                recorded_us = times[at] = _microseconds(at)
            row = ChainedRow._make((*values[:_TIME], recorded_us, *values[_TIME + 1 :]))
            self._records += 1
            self._add(row)
            yield row.position, row

    def _add(self, row: ChainedRow) -> None:
        if row.record_id not in self._superseded:
            total = self._sums.setdefault((row.source_id, row.first_month, row.last_month), [0, 0, 0, 0])
            total[0] += row.emissions_mg
            total[1] += row.energy_mgce
            total[2] += row.period_end_s - row.period_start_s
            total[3] += 1

    def _derived(self) -> None:
        """Compares keys and sums with the records."""
        for statement in _KEYS:
            for position, record_id in self._rows.read(statement, self._park_id):
                self._find("fsck.key", position, record_id=record_id)
        stored = {
            (source_id, first, last): [int(amount) for amount in amounts]
            for source_id, first, last, *amounts in self._rows.read(_SUMS, self._park_id)
        }
        for span in sorted(self._sums.keys() | stored.keys()):
            # a sum of which every record was corrected away may stay, as nothing
            if self._sums.get(span, [0, 0, 0, 0]) != stored.get(span, [0, 0, 0, 0]):
                source_id, first, last = span
                self._find("fsck.sum", source=source_id, first=first, last=last)


def _microseconds(stored: object) -> int:
    if isinstance(stored, datetime):
        return microseconds(stored.astimezone(UTC))
    try:
        at = datetime.fromisoformat(str(stored))
        return microseconds(at) if utc_text(at) == stored else _NEVER
    except ValueError:
        return _NEVER


def _over_gap(head: ChainHead, last: int, found: Sequence[ChainedRow]) -> bytes:
    """Returns the digests that the chain would have up to a position if its rows were right; zeros where they do not count on."""
    if [row.position for row in found] == list(range(head.position + 1, last + 1)):
        return row_digests(head.digest, found)
    return bytes(DIGEST_BYTES * (last - head.position))


class _Ahead(Generic[_Item]):
    """What is numbered in ascending order, taken up to a number at a time."""

    def __init__(self, items: Iterator[tuple[int, _Item]]) -> None:
        self._items = items
        self._next = next(items, None)

    def before(self, number: int | None) -> Iterator[_Item]:
        """Yields what has a lower number and was not taken yet; all of it when the number is None."""
        while self._next is not None and (number is None or self._next[0] < number):
            taken = self._next[1]
            self._next = next(self._items, None)
            yield taken
