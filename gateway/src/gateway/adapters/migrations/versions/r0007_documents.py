"""Creates the library: documents, by what they are found, and their views."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.tenancy import protect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("document_id", identifier(), primary_key=True),
        sa.Column("version", big_integer(), primary_key=True, autoincrement=False),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("newest", big_integer(), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("issuing_body", sa.Text, nullable=False),
        sa.Column("issued_date", identifier(), nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size_bytes", big_integer(), nullable=False),
        sa.Column("saved_time", UtcDateTime, nullable=False),
        sa.Column("saved_month", sa.Text, nullable=False),
        sa.Column("saved_by", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "document_gram",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("gram", identifier(), primary_key=True),
        sa.Column("document_id", identifier(), primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "document_view",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("document_id", identifier(), primary_key=True),
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("park_id", sa.Text, nullable=False),
        sa.Column("views", big_integer(), nullable=False),
        sqlite_strict=True,
    )
    protect(op.get_bind(), "document", "document_gram", "document_view")
