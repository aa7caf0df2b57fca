"""Closed inventories and their lines, which nobody changes."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import Rows, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates both tables."""
    op.create_table(
        "inventory",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("factor_set_id", sa.Text(), nullable=False),
        sa.Column("last_position", big_integer(), nullable=False),
        sa.Column("records", big_integer(), nullable=False),
        sa.Column("records_sha256", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("factor_ids", sa.Text(), nullable=False),
        sa.Column("scope_1_mg", big_integer(), nullable=False),
        sa.Column("scope_2_mg", big_integer(), nullable=False),
        sa.Column("scope_3_mg", big_integer(), nullable=False),
        sa.Column("removals_mg", big_integer(), nullable=False),
        sa.Column("biogenic_mg", big_integer(), nullable=False),
        sa.Column("energy_mgce", big_integer(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version"),
        sqlite_strict=True,
    )
    op.create_table(
        "inventory_line",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("line", big_integer(), nullable=False),
        sa.Column("enterprise_id", identifier(), nullable=False),
        sa.Column("scope", big_integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("gas", sa.Text(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("counted_as", sa.Text(), nullable=False),
        sa.Column("emissions_mg", big_integer(), nullable=False),
        sa.Column("energy_mgce", big_integer(), nullable=False),
        sa.Column("records", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version", "line"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in ("inventory", "inventory_line"):
            for what in ("UPDATE", "DELETE"):
                refused = "SELECT RAISE(ABORT, 'a closed inventory is kept')"
                op.execute(f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {refused}; END")
    protect(op.get_bind(), "inventory", "inventory_line", rows=Rows.KEPT)
