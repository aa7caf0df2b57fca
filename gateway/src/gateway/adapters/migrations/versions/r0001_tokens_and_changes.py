"""Creates tokens, the change feed with its counter, and the inbox."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer
from chassis.inbox import inbox_table
from chassis.tenancy import protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bearer_token",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("granted_at", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "change_counter",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("park_id", sa.Text, primary_key=True),
        sa.Column("last_position", big_integer(), nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "change",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("position", big_integer(), primary_key=True, autoincrement=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("time", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("data_json", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    inbox_table(sa.MetaData()).create(op.get_bind())
    protect(op.get_bind(), "bearer_token", "change", "change_counter", "inbox")
