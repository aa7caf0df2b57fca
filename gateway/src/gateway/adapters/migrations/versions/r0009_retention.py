"""Keeps where a request came from, and lets the retention, and nobody else, take old entries of the audit log away."""

import sqlalchemy as sa
from alembic import op

from chassis.tenancy import let_expire

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LEAST_DAYS = 30


def upgrade() -> None:
    op.add_column("audit", sa.Column("address", sa.Text, nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_no_delete")
        young = f"OLD.time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{_LEAST_DAYS} days')"
        refused = "SELECT RAISE(ABORT, 'the audit log is kept')"
        op.execute(f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN {young} BEGIN {refused}; END")
    let_expire(op.get_bind(), "audit", work="audit retention", after_days=_LEAST_DAYS)
