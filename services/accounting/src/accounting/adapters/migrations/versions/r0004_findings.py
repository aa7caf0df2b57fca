"""Findings of verifications, which are added to and kept."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import Rows, protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("finding", "finding_answer", "finding_closing")


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "finding",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("finding_id", identifier(), nullable=False),
        sa.Column("number", big_integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("material", big_integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("enterprise_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version", "finding_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "finding_answer",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("finding_id", identifier(), nullable=False),
        sa.Column("number", big_integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("restated_in", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("answered_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version", "finding_id", "number"),
        sqlite_strict=True,
    )
    op.create_table(
        "finding_closing",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("finding_id", identifier(), nullable=False),
        sa.Column("conclusion", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version", "finding_id"),
        sqlite_strict=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for what in ("UPDATE", "DELETE"):
                refused = "SELECT RAISE(ABORT, 'a finding is kept')"
                op.execute(f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {refused}; END")
    protect(op.get_bind(), *_TABLES, rows=Rows.KEPT)
