"""The evidence of a park's records: a hash chain over them in order of position.

The digest at position n is SHA-256 of the digest at n - 1 and the canonical bytes of record n; at position 0 it is that of a tag
with tenant and park. The canonical form is written down in docs/decisions/0034, so that anybody can compute it without this code.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accounting.domain.batches import Candidates

DIGEST_BYTES: Final = 32
_TAG: Final = b"parkcarbon activity records 1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

NUMBERS: Final = (
    "position",
    "period_start_s",
    "period_end_s",
    "quantity_micro",
    "emissions_mg",
    "energy_mgce",
    "first_month",
    "last_month",
    "recorded_us",
)
"""The numbers of a record in the order of the canonical form, 8 bytes each, big-endian, two's complement."""
TEXTS: Final = ("source_id", "unit", "basis_id", "supersedes", "record_id")
"""Its texts, after the numbers: each as the length of its UTF-8 in 4 bytes, big-endian, and the UTF-8."""
_ROW_BYTES: Final = 8 * len(NUMBERS)


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The position of a park's last record, and the digest there: it stands for all records up to it.

    Attributes:
        position: 0 before the first record.
        sha256: The digest, in lower-case hex.
    """

    position: int
    sha256: str

    @property
    def digest(self) -> bytes:
        """The digest itself, 32 bytes."""
        return bytes.fromhex(self.sha256)


@dataclass(frozen=True, slots=True)
class ChainLinks:
    """What accepted rows add to a park's chain.

    Attributes:
        before: The head that they follow.
        digests: 32 bytes for each.
    """

    before: ChainHead
    digests: bytes

    @property
    def head(self) -> ChainHead:
        """The head after the last of them."""
        return self.at(len(self.digests) // DIGEST_BYTES)

    def at(self, count: int) -> ChainHead:
        """Returns the head after the first `count` of them, at least one."""
        return ChainHead(self.before.position + count, self.digests[DIGEST_BYTES * (count - 1) : DIGEST_BYTES * count].hex())


class ChainedRow(NamedTuple):
    """A stored record with everything that its canonical form is made of, and whose it is."""

    position: int
    period_start_s: int
    period_end_s: int
    quantity_micro: int
    emissions_mg: int
    energy_mgce: int
    first_month: int
    last_month: int
    recorded_us: int
    source_id: str
    unit: str
    basis_id: str
    supersedes: str
    record_id: str
    tenant_id: str


def first_head(tenant_id: str, park_id: str) -> ChainHead:
    """Returns the head of a park without records, from which its chain begins."""
    return ChainHead(0, sha256(_TAG + _with_length(tenant_id) + _with_length(park_id)).hexdigest())


def microseconds(at: datetime) -> int:
    """Returns a moment as microseconds since 1970-01-01T00:00:00Z."""
    return (at - _EPOCH) // _MICROSECOND


def chain_links(head: ChainHead, accepted: Candidates, recorded_time: datetime) -> ChainLinks:
    """Returns what accepted rows, which follow a head without gaps, add to the chain."""
    count = len(accepted)
    numbers = np.empty((count, len(NUMBERS)), dtype=">i8")
    columns = (
        np.arange(head.position + 1, head.position + 1 + count),
        accepted.start_s,
        accepted.end_s,
        accepted.quantity_micro,
        accepted.emissions_mg,
        accepted.energy_mgce,
        accepted.first_month,
        accepted.last_month,
        microseconds(recorded_time),
    )
    for place, column in enumerate(columns):
        numbers[:, place] = column
    texts = (accepted.source_id, accepted.unit, accepted.basis_id, accepted.supersedes, accepted.record_id)
    return ChainLinks(head, _digests(head.digest, numbers, texts))


def row_digests(before: bytes, rows: Sequence[ChainedRow]) -> bytes:
    """Returns the digests of stored rows, 32 bytes for each, the first of which follows a digest."""
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(ChainedRow._fields)
    numbers = np.array(columns[: len(NUMBERS)], dtype=">i8").T
    return _digests(before, numbers, columns[len(NUMBERS) : len(NUMBERS) + len(TEXTS)])


def _digests(digest: bytes, numbers: NDArray[np.int64], texts: Sequence[Sequence[str]]) -> bytes:
    """Computes the chain: texts are those of TEXTS by column, all but the last of which repeat from row to row."""
    *repeated, last = texts
    with_length, ids = _Written(), _encoded(last)
    written = map(
        b"".join,
        zip(
            # Numpy cuts the rows into bytes by itself, several times faster than slice by slice.
            np.ascontiguousarray(numbers).view(f"V{_ROW_BYTES}").ravel().tolist(),
            *(map(with_length.__getitem__, column) for column in repeated),
            map(_Lengths().__getitem__, map(len, ids)),
            ids,
            strict=True,
        ),
    )
    return b"".join([digest := sha256(digest + row).digest() for row in written])


class _Written(dict[str, bytes]):
    """Texts with their lengths before them: each is written once."""

    def __missing__(self, key: str) -> bytes:
        written = self[key] = _with_length(key)
        return written


class _Lengths(dict[int, bytes]):
    """Lengths as they stand before texts: each is written once."""

    def __missing__(self, key: int) -> bytes:
        written = self[key] = key.to_bytes(4, "big")
        return written


def _encoded(texts: Sequence[str]) -> list[bytes]:
    try:
        return list(map(str.encode, texts))
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogateescape") for text in texts]


def _with_length(text: str) -> bytes:
    # Bytes that are no UTF-8 can stand in SQLite, and are read as what Python escapes them to: they are no reason to stop.
    encoded = text.encode("utf-8", "surrogateescape")
    return len(encoded).to_bytes(4, "big") + encoded


def stitched(after: int, upto: int, pieces: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Returns the digests of the positions after one up to another, zeros where there is none.

    Args:
        after: The position before the first.
        upto: The last.
        pieces: First and last position, and the digests of these, as they are stored.
    """
    found = bytearray(DIGEST_BYTES * (upto - after))
    for first, last, digests in pieces:
        start, end = max(first, after + 1), min(last, upto)
        if start <= end and len(digests) == DIGEST_BYTES * (last - first + 1):
            cut = digests[DIGEST_BYTES * (start - first) : DIGEST_BYTES * (end - first + 1)]
            found[DIGEST_BYTES * (start - after - 1) : DIGEST_BYTES * (end - after)] = cut
    return bytes(found)


@dataclass(frozen=True, slots=True)
class ChainPart:
    """A part of a park's stored records, with the digests that are stored for its positions.

    Attributes:
        rows: In order of position.
        digests: 32 bytes for each position of the part.
    """

    rows: Sequence[ChainedRow]
    digests: bytes

    def breaks(self, before: ChainHead, tenant_id: str) -> Iterator[int]:
        """Yields the positions at which the rows are not what was recorded, in order.

        A position is yielded where the stored digest does not follow from the stored digest before it and the stored row. So it
        names a row that was changed, removed, added or exchanged; where a row and its own digest were changed together, the next.

        Args:
            before: What the part follows.
            tenant_id: Whose the rows have to be.
        """
        first, count = before.position + 1, len(self.digests) // DIGEST_BYTES
        whole = len(self.rows) == count and all(row.position == place for place, row in enumerate(self.rows, start=first))
        if whole and row_digests(before.digest, self.rows) == self.digests and all(row.tenant_id == tenant_id for row in self.rows):
            return
        by_position: dict[int, list[ChainedRow]] = {}
        for row in self.rows:
            by_position.setdefault(row.position, []).append(row)
        digest = before.digest
        for position in range(first, first + count):
            stored = self.digests[DIGEST_BYTES * (position - first) : DIGEST_BYTES * (position - first + 1)]
            here = by_position.get(position, ())
            if len(here) != 1 or here[0].tenant_id != tenant_id or row_digests(digest, here) != stored:
                yield position
            digest = stored

    def head(self, before: ChainHead) -> ChainHead:
        """Returns the head at the end of the part as its digests have it, which follows a head."""
        if not self.digests:
            return before
        return ChainHead(before.position + len(self.digests) // DIGEST_BYTES, self.digests[-DIGEST_BYTES:].hex())
