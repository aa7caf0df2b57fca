"""The benchmark of the door runs: it stands on the gateway's own `build`, and nobody runs it with each change."""

import asyncio
from pathlib import Path

from benchmarks.door.run import BOUNDS, Counts, Databases, measure


def test_every_row_is_measured_with_each_credential(tmp_path: Path) -> None:
    databases = Databases(
        accounting=f"sqlite:///{tmp_path}/accounting.sqlite3",
        gateway=f"sqlite:///{tmp_path}/gateway.sqlite3",
        door=f"sqlite:///{tmp_path}/door.sqlite3",
    )
    counts = Counts(posts=9, gets=9, batches=2, rows=100, rounds=1)
    with asyncio.Runner() as runner:
        found = measure(tmp_path, databases, runner, counts)
    assert list(found) == list(BOUNDS)
    for costs in found.values():
        token, key, bare = costs.values()
        assert (token.name.rpartition(", ")[2], key.name.rpartition(", ")[2]) == ("token", "API key")
        # Every answer of the counted round was waited for, and the client raises at any but 200.
        assert all(cost.p99_ms is not None and cost.p99_ms > 0 for cost in (token, key, bare))
    assert [next(iter(costs.values())).items_per_round for costs in found.values()] == [9, 200, 9]
