"""Keeps what was accepted, in both databases, and puts a hash chain over the records of each park (docs/decisions/0034).

The records that stand are chained as they stand: evidence begins here. A position without a record has zeros for a digest.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from accounting.domain.evidence import DIGEST_BYTES, NUMBERS, TEXTS, ChainedRow, ChainHead, first_head, microseconds, row_digests
from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import Platform, Rows, enter, keep, protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEPT = ("annual_figures", "enterprise", "park", "source")
_OF_THE_PLATFORM = ("basis", "factor")
_PART = 5_000
"""Positions of one row of the chain."""


def upgrade() -> None:
    """Creates the chain, fills it, and lets nobody change what it stands for."""
    connection = op.get_bind()
    op.create_table(
        "activity_chain",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("first_position", big_integer(), autoincrement=False, nullable=False),
        sa.Column("last_position", big_integer(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "first_position"),
        sqlite_strict=True,
    )
    op.add_column("park_ledger", sa.Column("head_sha256", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("inventory", sa.Column("head_sha256", sa.Text(), nullable=True))
    protect(connection, "activity_chain", rows=Rows.KEPT)
    records = ["activity_record"]
    if connection.dialect.name == "postgresql":
        enter(connection, Platform("migration"))
        # Digests are as good as random: to compress them costs and saves nothing.
        op.execute("ALTER TABLE activity_chain ALTER COLUMN digests SET STORAGE EXTERNAL")
        partitions = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'activity_record'::regclass")
        records += sorted(connection.scalars(partitions))
        schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
        op.execute(_OPEN_YEARS.replace("{schema}", str(schema)))
    _chain_records(connection)
    keep(connection, "activity_chain", *records, *_KEPT, *_OF_THE_PLATFORM)


def _chain_records(connection: sa.Connection) -> None:
    ledgers = sa.text(
        "SELECT l.tenant_id, l.park_id, l.last_position,"
        " (SELECT COALESCE(MAX(r.position), 0) FROM activity_record r WHERE r.park_id = l.park_id)"
        " FROM park_ledger l ORDER BY l.park_id"
    )
    link = sa.text("INSERT INTO activity_chain VALUES (:tenant_id, :park_id, :first_position, :last_position, :digests)")
    ledger = sa.text("UPDATE park_ledger SET last_position = :position, head_sha256 = :head_sha256 WHERE park_id = :park_id")
    for tenant_id, park_id, told, found in connection.execute(ledgers).all():
        head, last = first_head(tenant_id, park_id), max(told, found)
        while head.position < last:
            after, upto = head.position, min(head.position + _PART, last)
            digests = b"".join(_digests(connection, park_id, head, upto))
            place = {"tenant_id": tenant_id, "park_id": park_id, "first_position": after + 1, "last_position": upto}
            connection.execute(link, {**place, "digests": digests})
            head = ChainHead(upto, digests[-DIGEST_BYTES:].hex())
        connection.execute(ledger, {"park_id": park_id, "position": head.position, "head_sha256": head.sha256})


def _digests(connection: sa.Connection, park_id: str, head: ChainHead, upto: int) -> Iterator[bytes]:
    names = ["recorded_time" if name == "recorded_us" else name for name in NUMBERS]
    columns = [sa.column(name, UtcDateTime() if name == "recorded_time" else None) for name in (*names, *TEXTS, "tenant_id")]
    position = sa.column("position")
    query = (
        sa.select(*columns)
        .select_from(sa.table("activity_record"))
        .where(sa.column("park_id") == park_id, position > head.position, position <= upto)
        .order_by(position)
    )
    time = names.index("recorded_time")
    rows = [ChainedRow(*row[:time], microseconds(row[time]), *row[time + 1 :]) for row in connection.execute(query)]
    digest, next_position = head.digest, head.position + 1
    if [row.position for row in rows] == list(range(next_position, upto + 1)):
        yield row_digests(digest, rows)
        return
    by_position = {row.position: row for row in rows}
    for place in range(next_position, upto + 1):
        digest = row_digests(digest, [by_position[place]]) if place in by_position else bytes(DIGEST_BYTES)
        yield digest


# As in the first revision, but for the policies: a partition keeps its rows by itself, also from who names it.
_OPEN_YEARS = """
CREATE OR REPLACE FUNCTION open_activity_years(first_year integer, last_year integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    partition text;
    opened integer := 0;
    own text := format(
        'tenant_id = (SELECT current_setting(%L, true)) OR (SELECT current_setting(%L, true)) <> %L',
        'parkcarbon.tenant', 'parkcarbon.platform', ''
    );
BEGIN
    IF first_year < 1990 OR last_year > 2200 THEN
        RAISE EXCEPTION 'years are 1990 to 2200, got % to %', first_year, last_year;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.activity_record partitions', 0));
    FOR year IN first_year .. last_year LOOP
        partition := 'activity_record_' || year;
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF activity_record FOR VALUES FROM (%s) TO (%s)', partition, year * 100, year * 100 + 100
            );
        EXCEPTION WHEN check_violation THEN
            CONTINUE;
        END;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', partition);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', partition);
        EXECUTE format('CREATE POLICY of_its_tenant ON %I FOR SELECT USING (%s)', partition, own);
        EXECUTE format('CREATE POLICY added_by_its_tenant ON %I FOR INSERT WITH CHECK (%s)', partition, own);
        EXECUTE format('GRANT SELECT ON %I TO %I', partition, session_user);
        opened := opened + 1;
    END LOOP;
    RETURN opened;
END
$$
"""
