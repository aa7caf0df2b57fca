"""Creates files, jobs, mapping profiles and idempotency keys."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer
from chassis.jobs import job_table
from chassis.tenancy import protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stored_file",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("file_id", sa.Text, primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("size_bytes", big_integer(), nullable=False),
        sa.Column("chunks", big_integer(), nullable=False),
        sa.Column("begun_time", UtcDateTime, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("stored_file_by_time", "stored_file", ["begun_time"])
    op.create_table(
        "stored_chunk",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("file_id", sa.Text, primary_key=True),
        sa.Column("number", big_integer(), primary_key=True, autoincrement=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "mapping_profile",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("profile_id", sa.Text, primary_key=True),
        sa.Column("version", big_integer(), primary_key=True, autoincrement=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("profile_json", sa.Text, nullable=False),
        sa.Column("saved_time", UtcDateTime, nullable=False),
        sa.Column("saved_by", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "idempotency_key",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("begun_time", UtcDateTime, nullable=False),
        sa.Column("lease_until", UtcDateTime, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("status", big_integer(), nullable=False),
        sa.Column("headers_json", sa.Text, nullable=False),
        sa.Column("file_id", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("idempotency_key_by_time", "idempotency_key", ["begun_time"])
    job_table(sa.MetaData()).create(op.get_bind())
    protect(op.get_bind(), "stored_file", "stored_chunk", "mapping_profile", "idempotency_key", "job")
