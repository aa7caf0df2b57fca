"""The evaluation as it begins: the copy of accounts, systems, sets, values, evaluations, and the tables of the chassis."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table."""
    op.create_table(
        "emissions_sum",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("source_id", identifier(), nullable=False),
        sa.Column("first_month", big_integer(), autoincrement=False, nullable=False),
        sa.Column("last_month", big_integer(), autoincrement=False, nullable=False),
        sa.Column("emissions_mg", big_integer(), nullable=False),
        sa.Column("energy_mgce", big_integer(), nullable=False),
        sa.Column("records", big_integer(), nullable=False),
        sa.Column("position", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "source_id", "first_month", "last_month"),
        sqlite_strict=True,
    )
    op.create_index("emissions_sum_by_month", "emissions_sum", ["park_id", "first_month"], unique=False)
    op.create_table(
        "enterprise",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("enterprise_id", identifier(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "enterprise_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "evaluation",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("sequence", big_integer(), autoincrement=False, nullable=False),
        sa.Column("evaluation_id", identifier(), nullable=False),
        sa.Column("system_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("scored_year", big_integer(), nullable=False),
        sa.Column("scored_by", sa.Text(), nullable=False),
        sa.Column("scored_time", UtcDateTime(), nullable=False),
        sa.Column("score", sa.Text(), nullable=False),
        sa.Column("inputs_sha256", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "sequence"),
        sa.UniqueConstraint("evaluation_id"),
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
        "indicator_system",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("system_id", identifier(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("stored_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "system_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "indicator_value",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("system_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), autoincrement=False, nullable=False),
        sa.Column("indicator_id", identifier(), nullable=False),
        sa.Column("version", big_integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "system_id", "year", "indicator_id", "version"),
        sqlite_strict=True,
    )
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
        sa.Column("caught_up_time", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("park_id"),
        sqlite_strict=True,
    )
    op.create_index("park_by_tenant", "park", ["tenant_id", "park_id"], unique=False)
    op.create_table(
        "source",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("source_id", identifier(), nullable=False),
        sa.Column("enterprise_id", identifier(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("scope", big_integer(), nullable=False),
        sa.Column("counted_as", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "source_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "threshold_set",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("set_id", identifier(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("stored_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "set_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "weight_set",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("set_id", identifier(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("stored_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "set_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "year_figures",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), autoincrement=False, nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("gross_output_10k_cny", sa.Text(), nullable=False),
        sa.Column("gdp_10k_cny", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year"),
        sqlite_strict=True,
    )
    protect(
        op.get_bind(),
        "emissions_sum",
        "enterprise",
        "evaluation",
        "inbox",
        "indicator_system",
        "indicator_value",
        "outbox",
        "park",
        "source",
        "threshold_set",
        "weight_set",
        "year_figures",
    )
