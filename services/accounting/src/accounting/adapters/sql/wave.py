"""A wave of records on its way into the account.

It is staged in a temporary table by the driver's bulk path, looked up there by one statement, and moved from there into records,
keys and sums. The statements are the same for both databases; PostgreSQL moves a wave by a single one, because each round trip
costs it more than the rows of a small wave.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from accounting.adapters import tables
from accounting.domain.batches import Candidates
from accounting.domain.evidence import ChainLinks
from accounting.domain.facts import SpanSum
from accounting.domain.parks import Park
from chassis.database import Database

STAGE = "activity_stage"
_COLUMNS = (
    "n",
    "record_id",
    "source_id",
    "period_start_s",
    "period_end_s",
    "quantity_micro",
    "unit",
    "basis_id",
    "emissions_mg",
    "energy_mgce",
    "first_month",
    "last_month",
    "supersedes",
)
_CREATE = """
CREATE TEMP TABLE IF NOT EXISTS activity_stage (
    n bigint NOT NULL, record_id text{collation} NOT NULL, source_id text{collation} NOT NULL, period_start_s bigint NOT NULL,
    period_end_s bigint NOT NULL, quantity_micro bigint NOT NULL, unit text NOT NULL, basis_id text NOT NULL,
    emissions_mg bigint NOT NULL, energy_mgce bigint NOT NULL, first_month bigint NOT NULL, last_month bigint NOT NULL,
    supersedes text{collation} NOT NULL){on_commit}
"""
_EMPTY = text("DELETE FROM activity_stage")

# A probe per staged row is a subquery in the select list, because no planner turns that into a join: before a database has counted
# its rows, which SQLite never does, it would read the whole park for every wave.
#
# Records in force of one source never overlap each other, so only the last that starts before a period ends can overlap it. That
# holds for the staged rows of a source together as well, and mostly settles them with one probe; then no row has n = -1.
_TAKEN_OR_OVERLAPPING = text("""
SELECT n, position
FROM (
    SELECT s.n, (SELECT k.position FROM activity_key k WHERE k.park_id = :park_id AND k.record_id = s.record_id) AS position
    FROM activity_stage s
) p
WHERE position IS NOT NULL
UNION ALL
SELECT -1, COUNT(*)
FROM (
    SELECT source_id, MIN(period_start_s) AS period_start_s, MAX(period_end_s) AS period_end_s
    FROM activity_stage GROUP BY source_id
) s
WHERE s.period_start_s < (
    SELECT k.period_end_s
    FROM activity_key k
    WHERE k.park_id = :park_id AND k.source_id = s.source_id AND k.superseded_by IS NULL AND k.period_start_s < s.period_end_s
    ORDER BY k.period_start_s DESC LIMIT 1
)
HAVING COUNT(*) > 0
""")
# A record that is sent again overlaps itself; that its id is taken settles it.
_OVERLAPS = text("""
SELECT n, record_id
FROM (
    SELECT s.n, (
        SELECT CASE WHEN k.period_end_s > s.period_start_s THEN k.record_id END
        FROM activity_key k
        WHERE k.park_id = :park_id AND k.source_id = s.source_id AND k.superseded_by IS NULL
            AND k.period_start_s < s.period_end_s AND k.record_id <> s.supersedes
        ORDER BY k.period_start_s DESC LIMIT 1
    ) AS record_id
    FROM activity_stage s
    WHERE NOT EXISTS (SELECT 1 FROM activity_key k WHERE k.park_id = :park_id AND k.record_id = s.record_id)
) p
WHERE record_id IS NOT NULL
""")

SUM_COLUMNS = "tenant_id, park_id, source_id, first_month, last_month, emissions_mg, energy_mgce, covered_s, records"
_ADD_TO_SUMS = """
ON CONFLICT (park_id, source_id, first_month, last_month) DO UPDATE SET
    emissions_mg = emissions_sum.emissions_mg + excluded.emissions_mg,
    energy_mgce = emissions_sum.energy_mgce + excluded.energy_mgce,
    covered_s = emissions_sum.covered_s + excluded.covered_s,
    records = emissions_sum.records + excluded.records
RETURNING source_id, first_month, last_month, emissions_mg, energy_mgce, records
"""
# Within 64 bits: `SqlActivity` computes the sums where they could come near their bounds, and where records are corrected.
_PUT_INTO_SUMS = f"""
INSERT INTO emissions_sum ({SUM_COLUMNS})
SELECT :tenant_id, :park_id, source_id, first_month, last_month, CAST(SUM(emissions_mg) AS bigint),
    CAST(SUM(energy_mgce) AS bigint), CAST(SUM(period_end_s - period_start_s) AS bigint), COUNT(*)
FROM activity_stage
WHERE true
GROUP BY source_id, first_month, last_month
{_ADD_TO_SUMS}
"""  # noqa: S608 - constants of this module
SUPERSEDE = text("UPDATE activity_key SET superseded_by = :record_id WHERE park_id = :park_id AND record_id = :superseded")
_APPEND_RECORDS = """
INSERT INTO activity_record (tenant_id, park_id, position, record_id, source_id, period_start_s, period_end_s, quantity_micro, unit,
    basis_id, emissions_mg, energy_mgce, first_month, last_month, supersedes, recorded_time)
SELECT :tenant_id, :park_id, :first_position + n, record_id, source_id, period_start_s, period_end_s,
    quantity_micro, unit, basis_id, emissions_mg, energy_mgce, first_month, last_month, supersedes, :recorded_time
FROM activity_stage
"""
# In the order of the key: neighbours meet in one page of the index, which halves the price of a key.
_APPEND_KEYS = """
INSERT INTO activity_key (tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s)
SELECT :tenant_id, :park_id, record_id, :first_position + n, source_id, period_start_s, period_end_s
FROM activity_stage
ORDER BY record_id
"""
_APPEND_CHAIN = """
INSERT INTO activity_chain (tenant_id, park_id, first_position, last_position, digests)
VALUES (:tenant_id, :park_id, :first_position, :last_position, :digests)
"""
_ADVANCE = "UPDATE park_ledger SET last_position = :last_position, head_sha256 = :head_sha256 WHERE park_id = :park_id"


def _moving(*statements: str) -> Sequence[TextClause]:
    """Prepares the statements that move a wave; the last one returns the sums."""
    at = bindparam("recorded_time", type_=tables.activity_record.c.recorded_time.type)
    return [text(each).bindparams(at) if ":recorded_time" in each else text(each) for each in statements]


_MOVE = {
    "sqlite": _moving(_APPEND_RECORDS, _APPEND_KEYS, _APPEND_CHAIN, _ADVANCE, _PUT_INTO_SUMS),
    "postgresql": _moving(
        f"WITH record AS ({_APPEND_RECORDS}), key AS ({_APPEND_KEYS}), chain AS ({_APPEND_CHAIN}), ledger AS ({_ADVANCE})"
        f" {_PUT_INTO_SUMS}"
    ),
}
_MOVE_WITHOUT_SUMS = {
    "sqlite": _moving(_APPEND_RECORDS, _APPEND_KEYS, _APPEND_CHAIN, _ADVANCE),
    "postgresql": _moving(f"WITH record AS ({_APPEND_RECORDS}), key AS ({_APPEND_KEYS}), chain AS ({_APPEND_CHAIN}) {_ADVANCE}"),
}


@dataclass(slots=True)
class ConnectionMemory:
    """What transactions of one connection left behind for good, such as its temporary table.

    What a transaction learns becomes known with its commit and not before, because a rollback takes it back.
    """

    known: set[str]
    _learned: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, connection: AsyncConnection) -> "ConnectionMemory":
        """Returns what is remembered of a connection."""
        return cls(connection.info.setdefault("accounting", set()))

    def holds(self, fact: str) -> bool:
        """Tells whether it was left behind, by an earlier transaction or by this one."""
        return fact in self.known or fact in self._learned

    def learned(self, fact: str) -> bool:
        """Tells whether this transaction left it behind."""
        return fact in self._learned

    def learn(self, facts: Iterable[str]) -> None:
        """Takes down what this transaction leaves behind."""
        self._learned.update(facts)

    def committed(self) -> None:
        """Makes known what this transaction learned."""
        self.known |= self._learned
        self._learned.clear()


class TransactionMemory:
    """What one transaction knows of its connection, and leaves behind there once it is committed."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session; nothing is asked of it before something is remembered."""
        self._session = session
        self._memory: ConnectionMemory | None = None

    async def of_connection(self) -> ConnectionMemory:
        """Returns what is remembered of the transaction's connection."""
        if self._memory is None:
            self._memory = ConnectionMemory.of(await self._session.connection())
        return self._memory

    def committed(self) -> None:
        """Makes known what this transaction learned."""
        if self._memory is not None:
            self._memory.committed()


class Found(NamedTuple):
    """What the keys of a park know of a staged wave.

    Attributes:
        taken: Positions of the records whose ids the rows have.
        overlaps: Ids of the records in force that overlap the other rows.
    """

    taken: Mapping[int, int]
    overlaps: Mapping[int, str]


class StagedWave:
    """The wave that a transaction holds at present."""

    def __init__(self, database: Database, session: AsyncSession, connection: AsyncConnection, memory: ConnectionMemory) -> None:
        """Stores the parts.

        Args:
            database: Of the service.
            session: Of the transaction.
            connection: Of the session.
            memory: Of the connection.
        """
        self._database = database
        self._session = session
        self._connection = connection
        self._memory = memory
        self._rows = 0

    async def stage(self, wave: Candidates) -> None:
        """Puts a wave in the place of what was staged before."""
        postgresql = self._database.dialect == "postgresql"
        if not self._memory.holds(STAGE):
            create = _CREATE.format(
                collation=' COLLATE "C"' if postgresql else "", on_commit=" ON COMMIT DELETE ROWS" if postgresql else ""
            )
            await self._connection.execute(text(create))
        elif self._memory.learned(STAGE) or not postgresql:
            await self._connection.execute(_EMPTY)
        self._memory.learn([STAGE])
        columns = (
            range(len(wave)),
            wave.record_id,
            wave.source_id,
            _integers(wave.start_s),
            _integers(wave.end_s),
            _integers(wave.quantity_micro),
            wave.unit,
            wave.basis_id,
            _integers(wave.emissions_mg),
            _integers(wave.energy_mgce),
            _integers(wave.first_month),
            _integers(wave.last_month),
            wave.supersedes,
        )
        await self._database.copy_columns(self._session, STAGE, _COLUMNS, columns)
        self._rows = len(wave)

    async def look_up(self, park_id: str) -> Found:
        """Returns which staged ids are taken, and which staged periods overlap a record in force."""
        parameters = {"park_id": park_id}
        taken: dict[int, int] = {row.n: row.position for row in await self._connection.execute(_TAKEN_OR_OVERLAPPING, parameters)}
        overlaps = {}
        if taken.pop(-1, 0) and len(taken) < self._rows:
            overlaps = {row.n: row.record_id for row in await self._connection.execute(_OVERLAPS, parameters)}
        return Found(taken, overlaps)

    async def supersede(self, park: Park, corrections: Sequence[tuple[str, str]]) -> None:
        """Takes corrected records out of force; each correction is its id and that of the record that it corrects."""
        named = [{"park_id": park.park_id, "record_id": by, "superseded": target} for by, target in corrections]
        await self._connection.execute(SUPERSEDE, named)

    async def move(
        self, park: Park, accepted: Candidates, links: ChainLinks, recorded_time: datetime, *, with_sums: bool
    ) -> Sequence[SpanSum]:
        """Moves the accepted rows of the staged wave into records, keys and chain, and on request into sums; returns those.

        Args:
            park: Whose account it is.
            accepted: Those rows of the staged wave that are accepted.
            links: What they add to the park's chain.
            recorded_time: When.
            with_sums: Whether the database adds them to the sums; without, none are returned.
        """
        if len(accepted) < self._rows:
            await self.stage(accepted)
        first_position, head = links.before.position + 1, links.head
        parameters = {
            "tenant_id": park.tenant_id,
            "park_id": park.park_id,
            "first_position": first_position,
            "last_position": head.position,
            "head_sha256": head.sha256,
            "digests": links.digests,
            "recorded_time": recorded_time,
        }
        for statement in (_MOVE if with_sums else _MOVE_WITHOUT_SUMS)[self._database.dialect]:
            moved = await self._connection.execute(statement, parameters)
        return [_span_sum(row) for row in moved] if with_sums else []


def _integers(column: NDArray[np.int64]) -> "array[int]":
    """Returns a column as an array of which the database need not ask what each value is."""
    return array("q", column.astype(np.int64, copy=False).tobytes())


def _span_sum(row: Row[Any]) -> SpanSum:
    return SpanSum(row.source_id, row.first_month, row.last_month, row.emissions_mg, row.energy_mgce, row.records)
