"""The account as it begins: parks and what they consist of, records, keys, sums, factors, and the tables of the chassis."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import Rows, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table."""
    op.create_table(
        "activity_key",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("record_id", identifier(), nullable=False),
        sa.Column("position", big_integer(), nullable=False),
        sa.Column("source_id", identifier(), nullable=False),
        sa.Column("period_start_s", big_integer(), nullable=False),
        sa.Column("period_end_s", big_integer(), nullable=False),
        sa.Column("superseded_by", identifier(), nullable=True),
        sa.PrimaryKeyConstraint("park_id", "record_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "activity_key_in_force",
        "activity_key",
        ["park_id", "source_id", "period_start_s"],
        unique=False,
        sqlite_where=sa.text("superseded_by IS NULL"),
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.create_table(
        "activity_record",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("position", big_integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", identifier(), nullable=False),
        sa.Column("source_id", identifier(), nullable=False),
        sa.Column("period_start_s", big_integer(), nullable=False),
        sa.Column("period_end_s", big_integer(), nullable=False),
        sa.Column("quantity_micro", big_integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("basis_id", identifier(), nullable=False),
        sa.Column("emissions_mg", big_integer(), nullable=False),
        sa.Column("energy_mgce", big_integer(), nullable=False),
        sa.Column("first_month", big_integer(), autoincrement=False, nullable=False),
        sa.Column("last_month", big_integer(), nullable=False),
        sa.Column("supersedes", identifier(), nullable=False),
        sa.Column("recorded_time", UtcDateTime(), nullable=False),
        sa.CheckConstraint("period_end_s > period_start_s", name="activity_record_period"),
        sa.PrimaryKeyConstraint("park_id", "position", "first_month"),
        postgresql_partition_by="RANGE (first_month)",
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "annual_figures",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), autoincrement=False, nullable=False),
        sa.Column("version", big_integer(), autoincrement=False, nullable=False),
        sa.Column("gross_output_10k_cny", sa.Text(), nullable=True),
        sa.Column("value_added_10k_cny", sa.Text(), nullable=True),
        sa.Column("gdp_10k_cny", sa.Text(), nullable=True),
        sa.Column("employees_persons", sa.Text(), nullable=True),
        sa.Column("land_area_km2", sa.Text(), nullable=True),
        sa.Column("leading_industries_share_pct", sa.Text(), nullable=True),
        sa.Column("recorded_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version"),
        sqlite_strict=True,
    )
    op.create_table(
        "basis",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("basis_id", identifier(), nullable=False),
        sa.Column("factor_set_id", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("gas", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("emissions_numerator", sa.Text(), nullable=False),
        sa.Column("emissions_denominator", sa.Text(), nullable=False),
        sa.Column("energy_numerator", sa.Text(), nullable=False),
        sa.Column("energy_denominator", sa.Text(), nullable=False),
        sa.Column("factor_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("basis_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "emissions_sum",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("source_id", identifier(), nullable=False),
        sa.Column("first_month", big_integer(), autoincrement=False, nullable=False),
        sa.Column("last_month", big_integer(), autoincrement=False, nullable=False),
        sa.Column("emissions_mg", big_integer(), nullable=False),
        sa.Column("energy_mgce", big_integer(), nullable=False),
        sa.Column("covered_s", big_integer(), nullable=False),
        sa.Column("records", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "source_id", "first_month", "last_month"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "enterprise",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("enterprise_id", identifier(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("industry_code", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=False),
        sa.Column("registered_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "enterprise_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "factor",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("factor_id", identifier(), nullable=False),
        sa.Column("table_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("gas", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text(), nullable=False),
        sa.Column("published", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("checked_where", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("factor_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "inbox",
        sa.Column("consumer_group", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("park_id", sa.Text(), nullable=False),
        sa.Column("handled_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("consumer_group", "event_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_inbox_expires_at"), "inbox", ["expires_at"], unique=False)
    op.create_table(
        "job",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("park_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_id"),
        sqlite_strict=True,
    )
    op.create_index("job_by_state", "job", ["state", "due_at"], unique=False)
    op.create_index("job_by_tenant", "job", ["tenant_id", "created_at", "job_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("sequence", big_integer(), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("park_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "park",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("latitude_deg", sa.Text(), nullable=False),
        sa.Column("longitude_deg", sa.Text(), nullable=False),
        sa.Column("factor_set_id", sa.Text(), nullable=False),
        sa.Column("registered_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id"),
        sqlite_strict=True,
    )
    op.create_index("park_by_tenant", "park", ["tenant_id", "park_id"], unique=False)
    op.create_table(
        "park_ledger",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("last_position", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("park_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "source",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("source_id", identifier(), nullable=False),
        sa.Column("enterprise_id", identifier(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("scope", big_integer(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("gas", sa.Text(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("settlement_basis", sa.Text(), nullable=False),
        sa.Column("registered_time", UtcDateTime(), nullable=False),
        sa.CheckConstraint("scope IN (1, 2, 3)", name="source_scope"),
        sa.PrimaryKeyConstraint("park_id", "source_id"),
        sqlite_strict=True,
    )
    protect(
        op.get_bind(),
        "activity_key",
        "activity_record",
        "annual_figures",
        "emissions_sum",
        "enterprise",
        "inbox",
        "job",
        "outbox",
        "park",
        "park_ledger",
        "source",
    )
    protect(op.get_bind(), "basis", "factor", rows=Rows.OF_THE_PLATFORM)
    if op.get_bind().dialect.name == "postgresql":
        # An event lives until it is published, a second at most: to compress it costs more than its place.
        op.execute("ALTER TABLE outbox ALTER COLUMN data SET STORAGE EXTERNAL")
        op.execute("CREATE TABLE activity_record_rest PARTITION OF activity_record DEFAULT")
        protect(op.get_bind(), "activity_record_rest")
        schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
        op.execute(_OPEN_YEARS.replace("{schema}", str(schema)))


# Runs with the rights of the tables' owner, as the service owns nothing. A partition is protected as its parent is, and
# granted for a dump, which reads each partition by itself. A year of which rows are in the rest already stays there: a service that
# starts is not the one to move them.
_OPEN_YEARS = """
CREATE FUNCTION open_activity_years(first_year integer, last_year integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    partition text;
    opened integer := 0;
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
        EXECUTE format(
            'CREATE POLICY of_its_tenant ON %I USING'
            ' (tenant_id = (SELECT current_setting(%L, true)) OR (SELECT current_setting(%L, true)) <> %L)',
            partition, 'parkcarbon.tenant', 'parkcarbon.platform', ''
        );
        EXECUTE format('GRANT SELECT ON %I TO %I', partition, session_user);
        opened := opened + 1;
    END LOOP;
    RETURN opened;
END
$$
"""
