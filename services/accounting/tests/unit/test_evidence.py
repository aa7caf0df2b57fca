"""The hash chain, held against the form that docs/decisions/0034 writes down, in plain hashlib."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accounting.domain.batches import Candidates
from accounting.domain.evidence import (
    NUMBERS,
    TEXTS,
    ChainedRow,
    ChainPart,
    chain_links,
    first_head,
    microseconds,
    row_digests,
    stitched,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HEAD = first_head("tenant", "park")
numbers = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">I", len(encoded)) + encoded


def record(row: ChainedRow) -> bytes:
    texts = (row.source_id, row.unit, row.basis_id, row.supersedes, row.record_id)
    return struct.pack(">9q", *row[: len(NUMBERS)]) + b"".join(map(text, texts))


def chain(before: bytes, rows: list[ChainedRow]) -> list[bytes]:
    found = []
    for row in rows:
        before = hashlib.sha256(before + record(row)).digest()
        found.append(before)
    return found


def rows(count: int, first: int = 1) -> list[ChainedRow]:
    return [
        ChainedRow(n, n * 10, n * 10 + 9, 7 * n, -n, n, 202601, 202602, 5, f"源-{n % 3}", "kWh", "b", "", f"r{n}", "tenant")
        for n in range(first, first + count)
    ]


def part(found: list[ChainedRow], whole: list[ChainedRow]) -> ChainPart:
    return ChainPart(found, row_digests(HEAD.digest, whole))


def test_the_chain_begins_with_the_tag_the_tenant_and_the_park() -> None:
    begun = hashlib.sha256(b"parkcarbon activity records 1" + text("tenant") + text("park"))
    assert (HEAD.position, HEAD.sha256) == (0, begun.hexdigest())
    assert len({first_head(*names).sha256 for names in (("tenant", "park"), ("tenantp", "ark"), ("park", "tenant"))}) == 3


@given(st.lists(st.builds(ChainedRow, *[numbers] * len(NUMBERS), *[texts] * len(TEXTS), st.just("t")), max_size=5))
def test_stored_rows_are_chained_as_it_is_written_down(found: list[ChainedRow]) -> None:
    assert row_digests(HEAD.digest, found) == b"".join(chain(HEAD.digest, found))


def test_a_text_of_more_than_255_bytes_is_chained_likewise() -> None:
    long = [row._replace(record_id="字" * 90, source_id="s" * 300) for row in rows(2)]
    assert row_digests(HEAD.digest, long) == b"".join(chain(HEAD.digest, long))


@given(
    st.builds(ChainedRow, *[numbers] * len(NUMBERS), *[texts] * len(TEXTS), st.just("t")),
    st.builds(ChainedRow, *[numbers] * len(NUMBERS), *[texts] * len(TEXTS), st.just("t")),
)
def test_no_two_records_share_a_digest(one: ChainedRow, other: ChainedRow) -> None:
    assert (row_digests(HEAD.digest, [one]) == row_digests(HEAD.digest, [other])) == (one == other)


def test_what_is_accepted_is_chained_as_it_will_be_stored() -> None:
    count = 3
    column = np.arange(1, count + 1, dtype=np.int64)
    accepted = Candidates(
        index=np.arange(count),
        record_id=[f"r{n}" for n in column],
        source_id=["源-1", "源-1", "源-2"],
        start_s=column * 10,
        end_s=column * 20,
        quantity_micro=-column,
        unit=["kWh", "t", "t"],
        basis_id=["b"] * count,
        emissions_mg=column * 2**40,
        energy_mgce=column * 3,
        first_month=column + 202600,
        last_month=column + 202601,
        supersedes=["", "r1", ""],
        confirmed=np.zeros(count, dtype=np.bool_),
    )
    after = chain_links(HEAD, accepted, NOW).at(1)
    stored = [
        ChainedRow(
            n, n * 10, n * 20, -n, n * 2**40, n * 3, 202600 + n, 202601 + n, microseconds(NOW),
            accepted.source_id[n - 1], accepted.unit[n - 1], "b", accepted.supersedes[n - 1], f"r{n}", "tenant",
        )
        for n in range(1, count + 1)
    ]  # fmt: skip
    links = chain_links(HEAD, accepted, NOW)
    assert links.digests == b"".join(chain(HEAD.digest, stored))
    assert (after.position, after.sha256) == (1, chain(HEAD.digest, stored)[0].hex())
    assert links.head == links.at(count)
    assert microseconds(NOW) == 1_772_366_400_123_456
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1
    assert timedelta(microseconds=microseconds(NOW)) + datetime(1970, 1, 1, tzinfo=UTC) == NOW


def test_nothing_is_broken_where_nothing_was_touched() -> None:
    assert list(part(rows(5), rows(5)).breaks(HEAD, "tenant")) == []
    assert part(rows(5), rows(5)).head(HEAD).position == 5


def test_each_break_is_named_by_its_position() -> None:
    whole = rows(6)
    changed = [row._replace(unit="MWh") if row.position in (2, 5) else row for row in whole]
    assert list(part(changed, whole).breaks(HEAD, "tenant")) == [2, 5]
    assert list(part([row for row in whole if row.position != 4], whole).breaks(HEAD, "tenant")) == [4]
    assert list(part([*whole[:3], whole[2]._replace(first_month=202501), *whole[3:]], whole).breaks(HEAD, "tenant")) == [3]
    assert list(
        part([row._replace(tenant_id="other") if row.position == 6 else row for row in whole], whole).breaks(HEAD, "tenant")
    ) == [6]
    exchanged = [whole[0], whole[2]._replace(position=2), whole[1]._replace(position=3), *whole[3:]]
    assert list(part(exchanged, whole).breaks(HEAD, "tenant")) == [2, 3]


def test_a_row_and_its_digest_changed_together_break_the_chain_at_the_next() -> None:
    whole = rows(4)
    forged = whole[1]._replace(quantity_micro=9)
    digests = bytearray(row_digests(HEAD.digest, whole))
    digests[32:64] = row_digests(bytes(digests[:32]), [forged])
    assert list(ChainPart([whole[0], forged, *whole[2:]], bytes(digests)).breaks(HEAD, "tenant")) == [3]


def test_digests_are_cut_out_of_the_pieces_that_hold_them() -> None:
    digests = [bytes([n]) * 32 for n in range(1, 7)]
    pieces = [(1, 2, b"".join(digests[:2])), (3, 6, b"".join(digests[2:]))]
    assert stitched(1, 4, pieces) == b"".join(digests[1:4])
    assert stitched(0, 6, pieces) == b"".join(digests)
    assert stitched(4, 8, pieces) == b"".join(digests[4:]) + bytes(64), "what is missing is zeros"
    assert stitched(0, 2, [(1, 2, digests[0])]) == bytes(64), "a piece of another length holds nothing"
