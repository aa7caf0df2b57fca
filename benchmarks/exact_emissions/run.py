"""Measures exact emissions: C1 to C4. Run as `python -m benchmarks.exact_emissions.run`."""

import asyncio
import random
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import psycopg
import pyarrow as pa
import uvloop
from numpy.typing import NDArray

from accounting.application.maintain import rebuild_sums
from accounting.application.report import query_emissions
from accounting.domain.emissions import Ratio, exact_sums, milligrams
from accounting.domain.evidence import DIGEST_BYTES, NUMBERS, TEXTS, ChainedRow, ChainHead, first_head, row_digests
from accounting.main import Accounting
from benchmarks.cluster import Cluster, postgresql
from benchmarks.pairing import Cost, Side, compare, paired, processor_s, write_results
from benchmarks.readings import METERS, PARK, SEED
from benchmarks.standing import CALLER, TENANT, accounting_alone

RECORDS = 1_000_000
STORED = 300_000
IN_PYTHON = 100_000
ORDERS = 10
ROUNDS = 5
# Milligrams per millionth of a unit, with the denominators that real factors have, one of them with many ties.
RATIOS = [Ratio.of(Fraction(text) * 10**6) for text in ("0.5703", "2.16219", "0.110", "3.1605", "0.0000005", "1000.25")]
_UTC_2020 = 1_577_836_800


def quantities(count: int) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Returns millionths of units below 10⁶ units, and which ratio each uses."""
    chosen = np.random.default_rng(SEED)
    return chosen.integers(0, 10**12, count, dtype=np.int64), chosen.integers(0, len(RATIOS), count).astype(np.intp)


def ours(quantity_micro: NDArray[np.int64], ratio_index: NDArray[np.intp]) -> list[int]:
    """Milligrams by ratio: each record rounded once, half-even, then added exactly."""
    return exact_sums(milligrams(quantity_micro, ratio_index, RATIOS), ratio_index, len(RATIOS))


def decimals(quantity_micro: Sequence[int], ratio_index: Sequence[int]) -> list[int]:
    """The same with Python's Decimal, record by record."""
    ratios = [(Decimal(ratio.numerator), Decimal(ratio.denominator)) for ratio in RATIOS]
    one = Decimal(1)
    totals = [Decimal(0)] * len(RATIOS)
    for quantity, index in zip(quantity_micro, ratio_index, strict=True):
        numerator, denominator = ratios[index]
        totals[index] += (Decimal(quantity) * numerator / denominator).quantize(one, rounding=ROUND_HALF_EVEN)
    return [int(total) for total in totals]


def in_memory() -> dict[str, Cost]:
    """Measures C1 and C2."""
    quantity_micro, ratio_index = quantities(RECORDS)
    factors = pl.DataFrame({"ratio": range(len(RATIOS)), "factor": [570, 2162, 110, 3160, 1, 1000]})
    frame = pl.DataFrame({"ratio": ratio_index, "quantity": quantity_micro // 10**6})
    some_quantities, some_ratios = quantity_micro[:IN_PYTHON].tolist(), ratio_index[:IN_PYTHON].tolist()

    def numpy_side() -> int:
        ours(quantity_micro, ratio_index)
        return RECORDS

    def polars_side() -> int:
        frame.lazy().join(factors.lazy(), on="ratio").group_by("ratio").agg((pl.col("quantity") * pl.col("factor")).sum()).collect()
        return RECORDS

    def decimal_side() -> int:
        decimals(some_quantities, some_ratios)
        return IN_PYTHON

    return paired(
        [
            Side("exact emissions, numpy", numpy_side),
            Side("polars int64 join, group_by", polars_side),
            Side("Python Decimal loop", decimal_side),
        ],
        rounds=ROUNDS,
    )


_HALF_EVEN = """
SELECT ratio, CAST(SUM(rounded) AS {text}) FROM (
    SELECT ratio, whole + CASE WHEN 2 * rest > denominator THEN 1 WHEN 2 * rest = denominator THEN whole % 2 ELSE 0 END AS rounded
    FROM (
        SELECT r.ratio, r.denominator, {whole} AS whole, {product} % CAST(r.denominator AS {wide}) AS rest
        FROM record r
    ) d
) e GROUP BY ratio ORDER BY ratio
"""


def _in_duckdb(quantity_micro: NDArray[np.int64], ratio_index: NDArray[np.intp]) -> list[int]:
    record = pa.table(_columns(quantity_micro, ratio_index))
    product = "CAST(r.quantity AS HUGEINT) * CAST(r.numerator AS HUGEINT)"
    query = _HALF_EVEN.format(text="VARCHAR", product=f"({product})", whole=f"({product}) // r.denominator", wide="HUGEINT")
    with duckdb.connect() as connection:
        connection.register("record", record)
        return [int(total) for _, total in connection.execute(query).fetchall()]


def _in_polars(quantity_micro: NDArray[np.int64], ratio_index: NDArray[np.intp]) -> list[int]:
    wide = {name: pl.col(name).cast(pl.Int128) for name in ("quantity", "numerator", "denominator")}
    product = wide["quantity"] * wide["numerator"]
    whole, rest = product // wide["denominator"], product % wide["denominator"]
    up = (2 * rest > wide["denominator"]) | ((2 * rest == wide["denominator"]) & (whole % 2 == 1))
    found = (
        pl.DataFrame(_columns(quantity_micro, ratio_index)).group_by("ratio").agg((whole + up.cast(pl.Int128)).sum().alias("mg"))
    )
    return [int(total) for total in found.sort("ratio")["mg"]]


def _in_postgresql(url: str, quantity_micro: NDArray[np.int64], ratio_index: NDArray[np.intp]) -> list[int]:
    product = "CAST(r.quantity AS numeric) * r.numerator"
    query = _HALF_EVEN.format(text="text", product=f"({product})", whole=f"div({product}, r.denominator)", wide="numeric")
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE record (ratio int, quantity bigint, numerator bigint, denominator bigint)")
        with cursor.copy("COPY record FROM STDIN") as copy:
            for row in zip(*(column.tolist() for column in _columns(quantity_micro, ratio_index).values()), strict=True):
                copy.write_row(row)
        return [int(total) for _, total in cursor.execute(query).fetchall()]


def _columns(quantity_micro: NDArray[np.int64], ratio_index: NDArray[np.intp]) -> dict[str, NDArray[np.int64]]:
    return {
        "ratio": ratio_index.astype(np.int64),
        "quantity": quantity_micro,
        "numerator": np.array([ratio.numerator for ratio in RATIOS], dtype=np.int64)[ratio_index],
        "denominator": np.array([ratio.denominator for ratio in RATIOS], dtype=np.int64)[ratio_index],
    }


def totals_are_identical(url: str) -> dict[str, object]:
    """Computes the totals in ten orders on each engine; C4."""
    quantity_micro, ratio_index = quantities(IN_PYTHON)
    orders = np.random.default_rng(SEED)
    found: dict[str, set[tuple[int, ...]]] = {}
    for _ in range(ORDERS):
        order = orders.permutation(IN_PYTHON)
        q, r = quantity_micro[order], ratio_index[order]
        totals = {
            "numpy (ours)": ours(q, r),
            "Decimal": decimals(q.tolist(), r.tolist()),
            "polars Int128": _in_polars(q, r),
            "DuckDB HUGEINT": _in_duckdb(q, r),
            "PostgreSQL numeric": _in_postgresql(url, q, r),
        }
        for engine, total in totals.items():
            found.setdefault(engine, set()).add(tuple(total))
    distinct = {total for each in found.values() for total in each}
    identical = len(distinct) == 1
    print(f"C4   {'identical' if identical else 'DIFFERENT'}: {len(found)} engines, {ORDERS} orders, {IN_PYTHON} records")
    return {"identical": identical, "engines": sorted(found), "orders": ORDERS, "records": IN_PYTHON}


def _chain(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Chains the records, without which no sum is made of them."""
    names = ", ".join((*NUMBERS[:-1], "(extract(epoch FROM recorded_time) * 1000000)::bigint", *TEXTS, "tenant_id"))
    head = first_head(TENANT, PARK)
    with connection.cursor("records") as cursor, connection.cursor() as link:
        cursor.execute(f"SELECT {names} FROM activity_record ORDER BY position".encode())
        while rows := [ChainedRow(*row) for row in cursor.fetchmany(5_000)]:
            digests = row_digests(head.digest, rows)
            last = rows[-1].position
            link.execute("INSERT INTO activity_chain VALUES (%s, %s, %s, %s, %s)", (TENANT, PARK, head.position + 1, last, digests))
            head = ChainHead(last, digests[-DIGEST_BYTES:].hex())
        link.execute("UPDATE park_ledger SET last_position = %s, head_sha256 = %s", (head.position, head.sha256))


def fill(url: str) -> None:
    """Puts records into the account as ingest leaves them; their keys and sums follow from a rebuild."""
    hours = STORED // METERS
    chosen = random.Random(SEED)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY activity_record FROM STDIN") as copy:
            position = 0
            for hour in range(hours):
                start = _UTC_2020 + 3600 * hour
                month = 202001 + hour // 730
                for number in range(METERS):
                    position += 1
                    quantity = chosen.randrange(1, 10**9)
                    copy.write_row(
                        (
                            TENANT,
                            PARK,
                            position,
                            f"c-{number}-{hour}",
                            f"meter-{number:04d}",
                            start,
                            start + 3600,
                            quantity,
                            "kWh",
                            "basis",
                            quantity * 57 // 100,
                            quantity // 8,
                            month,
                            month,
                            "",
                            "2026-01-01T00:00:00Z",
                        )
                    )
        _chain(connection)
        # The divisor's own tables: integers only, as bare as can be.
        cursor.execute("CREATE TABLE bare_factor (source_id int PRIMARY KEY, factor bigint NOT NULL)")
        cursor.execute("CREATE TABLE bare_record (source_id int NOT NULL, quantity_micro bigint NOT NULL)")
        cursor.execute("INSERT INTO bare_factor SELECT n, 57 FROM generate_series(0, %s) n", (METERS - 1,))
        cursor.execute(
            "INSERT INTO bare_record SELECT right(source_id, 4)::int, quantity_micro FROM activity_record ORDER BY position"
        )
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")


async def totals(accounting: Accounting) -> int:
    """Asks the account for the totals of the three years, by source."""
    _, _, found, _ = await query_emissions(accounting.ports, CALLER, PARK, "2020-01", "2023-01", ("source",))
    return sum(group.records for _, group in found.groups)


def from_the_database(cluster: Cluster, folder: Path, runner: asyncio.Runner) -> tuple[dict[str, Cost], dict[str, object]]:
    """Measures C3, and what it costs to compute the sums anew from the records."""
    url = cluster.database()
    running = accounting_alone(folder, url)
    accounting = runner.run(running.__aenter__())
    fill(url)

    async def rebuild() -> None:
        await rebuild_sums(accounting.ports, TENANT, PARK)

    before = processor_s(cluster.pid)
    runner.run(rebuild())
    rebuilt = {"records": STORED, "cpu_us_per_record": round((processor_s(cluster.pid) - before) / STORED * 1e6, 3)}
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("VACUUM ANALYZE")

    def account() -> int:
        # Many times, because once is too short for a clock.
        for _ in range(20):
            assert runner.run(totals(accounting)) == STORED
        return 20 * STORED

    def bare() -> int:
        connection.execute(
            "SELECT r.source_id, SUM(r.quantity_micro * f.factor) FROM bare_record r JOIN bare_factor f USING (source_id) "
            "GROUP BY r.source_id"
        ).fetchall()
        return STORED

    costs = paired(
        [Side("query of the account, by source", account), Side("PostgreSQL bigint join, sum", bare)],
        rounds=ROUNDS,
        server_pid=cluster.pid,
    )
    connection.close()
    runner.run(running.__aexit__(None, None, None))
    return costs, rebuilt


def main() -> None:
    """Runs every comparison and writes the results."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-emissions-")))
        cluster = stack.enter_context(postgresql())
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        memory = in_memory()
        identical = totals_are_identical(cluster.database())
        stored, rebuilt = from_the_database(cluster, folder, runner)
        numpy_name, account_name = next(iter(memory)), next(iter(stored))
        write_results(
            Path(__file__).parent,
            rows=[
                compare("C1", memory[numpy_name], memory["polars int64 join, group_by"], floor=0.50, target=0.90),
                compare("C2", memory[numpy_name], memory["Python Decimal loop"], floor=10, target=25),
                compare("C3", stored[account_name], stored["PostgreSQL bigint join, sum"], floor=0.35, target=1.0),
            ],
            costs=[*memory.values(), *stored.values()],
            packages=["numpy", "polars", "duckdb", "psycopg", "sqlalchemy"],
            facts={"seed": SEED, "postgresql": cluster.version, "C4": identical, "rebuild": rebuilt},
        )


if __name__ == "__main__":
    main()
