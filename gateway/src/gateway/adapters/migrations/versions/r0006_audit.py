"""Creates the audit log, which nobody changes, and what callers have used of their minutes."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, big_serial, identifier
from chassis.tenancy import Rows, protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("position", big_serial(), primary_key=True, autoincrement=True),
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("status", big_integer(), nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("time", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("audit_by_tenant", "audit", ["tenant_id", "position"])
    op.create_table(
        "quota",
        sa.Column("tenant_id", identifier(), primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("start_s", big_integer(), nullable=False),
        sa.Column("used", big_integer(), nullable=False),
        sqlite_strict=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            refused = "SELECT RAISE(ABORT, 'the audit log is kept')"
            op.execute(f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit BEGIN {refused}; END")
    protect(op.get_bind(), "audit", rows=Rows.KEPT)
    protect(op.get_bind(), "quota")
