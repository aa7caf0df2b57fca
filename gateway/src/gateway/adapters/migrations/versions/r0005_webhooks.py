"""Creates webhooks and their deliveries."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer
from chassis.tenancy import protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("webhook_id", sa.Text, primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("webhook_json", sa.Text, nullable=False),
        sa.Column("active", big_integer(), nullable=False),
        sa.Column("due_time", UtcDateTime, nullable=False),
        sa.Column("lease_until", UtcDateTime, nullable=False),
        sa.Column("made_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("webhook_by_time", "webhook", ["active", "due_time"])
    op.create_table(
        "webhook_delivery",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("webhook_id", sa.Text, primary_key=True),
        sa.Column("position", big_integer(), primary_key=True, autoincrement=False),
        sa.Column("attempt", big_integer(), primary_key=True, autoincrement=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("status", big_integer(), nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    protect(op.get_bind(), "webhook", "webhook_delivery")
