"""The workload: the same seed gives the same stream, in the shares that it promises."""

from collections import Counter

from tests.faults.workload import Batch, Kind, Workload


def batches(seed: int, count: int = 60, size: int = 200) -> list[Batch]:
    workload = Workload(seed, "park")
    made = [workload.next_batch(size) for _ in range(count)]
    return [batch for batch in made if batch is not None]


def test_the_same_seed_gives_the_same_stream_and_another_another() -> None:
    assert batches(1) == batches(1)
    assert batches(1) != batches(2)


def test_rows_come_in_the_promised_shares() -> None:
    kinds = Counter(kind for batch in batches(3) for kind in batch.kinds)
    total = sum(kinds.values())
    assert total == 60 * 200
    # 12,000 rows: three standard deviations of 1 % are 0.3 %
    for kind, share in ((Kind.RESENT, 0.05), (Kind.OTHER_BODY, 0.02), (Kind.POISON, 0.01), (Kind.CORRECTION, 0.01)):
        assert abs(kinds[kind] / total - share) < 0.006
    assert 0 < kinds[Kind.LATE] / total < 0.02


def test_late_rows_lie_before_what_was_sent_already_by_at_most_thirty_days() -> None:
    newest: dict[str, str] = {}
    lateness = []
    for batch in batches(4):
        for kind, row in zip(batch.kinds, batch.rows, strict=True):
            if kind is Kind.LATE:
                lateness.append(newest[row["source_id"]] > row["period_start"])
            elif kind is Kind.NEW:
                newest[row["source_id"]] = max(newest.get(row["source_id"], ""), row["period_start"])
    assert lateness
    assert all(lateness)


def test_a_batch_refers_to_earlier_batches_only() -> None:
    known: set[str] = set()
    for batch in batches(5):
        new = [row["record_id"] for kind, row in zip(batch.kinds, batch.rows, strict=True) if kind in (Kind.NEW, Kind.LATE)]
        assert not known & set(new)
        for kind, row in zip(batch.kinds, batch.rows, strict=True):
            if kind in (Kind.RESENT, Kind.OTHER_BODY):
                assert row["record_id"] in known
            if kind is Kind.CORRECTION:
                assert row["supersedes"] in known
                new.append(row["record_id"])
        known.update(new)


def test_the_stream_ends_when_every_hour_of_every_source_has_its_record() -> None:
    workload = Workload(6, "park", sources_per_carrier=1)
    rows = 0
    while (batch := workload.next_batch(5000)) is not None:
        rows += len(batch.rows)
    assert rows > 60_000
