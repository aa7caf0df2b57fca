"""Sums of inventories and publications beyond 64 bits."""

import sqlalchemy as sa
from alembic import op

from chassis.columns import ExactInteger, UtcDateTime, big_integer, exact_integers, identifier

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SUMS = {
    "inventory": ("scope_1_mg", "scope_2_mg", "scope_3_mg", "removals_mg", "biogenic_mg", "energy_mgce"),
    "inventory_line": ("emissions_mg", "energy_mgce"),
    "publication_cell": ("emissions_mg",),
    "region_release_cell": ("emissions_mg",),
}
_KEPT = {
    "inventory": "a closed inventory is kept",
    "inventory_line": "a closed inventory is kept",
    "publication_cell": "what was published is kept",
    "region_release_cell": "what was published is kept",
}
_NEW = "_beyond_64_bits"


def upgrade() -> None:
    """Gives each sum the type of an exact integer; what is stored stays as it is."""
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in _SUMS.items():
            # A change of type is no change of a row: the policies that keep rows stay as they are.
            changed = [f"ALTER COLUMN {column} TYPE numeric(40, 0)" for column in columns]
            checked = [f"ADD CONSTRAINT {table}_{column} CHECK ({column} <> 'NaN'::numeric)" for column in columns]
            op.execute(f"ALTER TABLE {table} {', '.join([*changed, *checked])}")
        return
    _inventory()
    _inventory_line()
    _cells("publication_cell", ("park_id", "year", "version", "cell"))
    _cells("region_release_cell", ("tenant_id", "year", "cell"))


def _inventory() -> None:
    op.create_table(
        f"inventory{_NEW}",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("factor_set_id", sa.Text(), nullable=False),
        sa.Column("last_position", big_integer(), nullable=False),
        sa.Column("records", big_integer(), nullable=False),
        sa.Column("records_sha256", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("factor_ids", sa.Text(), nullable=False),
        sa.Column("scope_1_mg", ExactInteger(), nullable=False),
        sa.Column("scope_2_mg", ExactInteger(), nullable=False),
        sa.Column("scope_3_mg", ExactInteger(), nullable=False),
        sa.Column("removals_mg", ExactInteger(), nullable=False),
        sa.Column("biogenic_mg", ExactInteger(), nullable=False),
        sa.Column("energy_mgce", ExactInteger(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version"),
        *exact_integers("inventory", *_SUMS["inventory"]),
        sqlite_strict=True,
    )
    _replace("inventory")


def _inventory_line() -> None:
    op.create_table(
        f"inventory_line{_NEW}",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        sa.Column("version", big_integer(), nullable=False),
        sa.Column("line", big_integer(), nullable=False),
        sa.Column("enterprise_id", identifier(), nullable=False),
        sa.Column("scope", big_integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("gas", sa.Text(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("counted_as", sa.Text(), nullable=False),
        sa.Column("emissions_mg", ExactInteger(), nullable=False),
        sa.Column("energy_mgce", ExactInteger(), nullable=False),
        sa.Column("records", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "year", "version", "line"),
        *exact_integers("inventory_line", *_SUMS["inventory_line"]),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    _replace("inventory_line")


def _cells(table: str, key: tuple[str, ...]) -> None:
    version = [sa.Column("version", big_integer(), nullable=False)] if "version" in key else []
    op.create_table(
        f"{table}{_NEW}",
        sa.Column("tenant_id", identifier(), nullable=False),
        sa.Column("park_id", identifier(), nullable=False),
        sa.Column("year", big_integer(), nullable=False),
        *version,
        sa.Column("cell", big_integer(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("emissions_mg", ExactInteger(), nullable=True),
        sa.PrimaryKeyConstraint(*key),
        *exact_integers(table, "emissions_mg"),
        sqlite_strict=True,
    )
    _replace(table)


def _replace(table: str) -> None:
    """Takes the rows over, column by column in their order, and puts the new table in the place of the old one."""
    op.execute(f"INSERT INTO {table}{_NEW} SELECT * FROM {table}")  # noqa: S608 - names of this module
    op.drop_table(table)
    op.rename_table(f"{table}{_NEW}", table)
    for what in ("UPDATE", "DELETE"):
        refused = f"SELECT RAISE(ABORT, '{_KEPT[table]}')"
        op.execute(f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {refused}; END")
