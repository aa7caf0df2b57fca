"""Creates the platforms that are connected, and the outbox that tells of them."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_serial, identifier
from chassis.tenancy import protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connected_platform",
        sa.Column("tenant_id", identifier(), primary_key=True),
        sa.Column("park_id", identifier(), primary_key=True),
        sa.Column("platform_id", identifier(), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("connected_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "outbox",
        sa.Column("sequence", big_serial(), primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("time", UtcDateTime, nullable=False),
        sa.Column("traceparent", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    protect(op.get_bind(), "connected_platform", "outbox")
