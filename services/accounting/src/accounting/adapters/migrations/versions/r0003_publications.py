"""What was published of inventories and regions, which nobody changes."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import Rows, protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = (
    "publication",
    "publication_cell",
    "publication_withdrawal",
    "region_release",
    "region_release_member",
    "region_release_cell",
)


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "publication",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("breakdowns", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version"),
        sqlite_strict=True,
    )
    op.create_table(
        "publication_cell",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("cell", big_integer(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("emissions_mg", big_integer(), nullable=True),
        sa.PrimaryKeyConstraint("park_id", "year", "version", "cell"),
        sqlite_strict=True,
    )
    op.create_table(
        "publication_withdrawal",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version"),
        sqlite_strict=True,
    )
    op.create_table(
        "region_release",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("released_by", sa.Text(), nullable=False),
        sa.Column("released_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "year"),
        sqlite_strict=True,
    )
    op.create_table(
        "region_release_member",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "park_id", "year"),
        sqlite_strict=True,
    )
    op.create_table(
        "region_release_cell",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("cell", big_integer(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("emissions_mg", big_integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "year", "cell"),
        sqlite_strict=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for what in ("UPDATE", "DELETE"):
                refused = "SELECT RAISE(ABORT, 'what was published is kept')"
                op.execute(f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {refused}; END")
    protect(op.get_bind(), *_TABLES, rows=Rows.KEPT)
