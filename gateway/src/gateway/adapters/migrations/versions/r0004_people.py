"""Creates logins of people, the codes that set passwords, and sessions."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("tenant_id", identifier(), primary_key=True),
        sa.Column("caller_id", identifier(), primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("failures", big_integer(), nullable=False),
        sa.Column("locked_until", UtcDateTime),
        sqlite_strict=True,
    )
    op.create_index("person_by_login", "person", ["login"], unique=True)
    op.create_table(
        "ticket",
        sa.Column("tenant_id", identifier(), primary_key=True),
        sa.Column("caller_id", identifier(), primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("expires_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ticket_by_sha256", "ticket", ["sha256"], unique=True)
    op.create_table(
        "session",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("caller_id", identifier(), nullable=False),
        sa.Column("began_time", UtcDateTime, nullable=False),
        sa.Column("used_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("session_by_caller", "session", ["tenant_id", "caller_id", "began_time"])
    protect(op.get_bind(), "person", "ticket", "session")
