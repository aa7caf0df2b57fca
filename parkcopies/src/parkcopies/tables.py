"""The tables of a copy. They can be dropped: a copy is read anew the first time that a park is asked for."""

from dataclasses import dataclass

from sqlalchemy import Column, Index, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, identifier


@dataclass(frozen=True, slots=True)
class CopyTables:
    """The tables of one service's copy."""

    park: Table
    enterprise: Table
    source: Table
    year_figures: Table
    emissions_sum: Table


def copy_tables(metadata: MetaData) -> CopyTables:
    """Adds the tables to a service's metadata, for its migrations and for `SqlParkCopies`."""
    return CopyTables(
        park=Table(
            "park",
            metadata,
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", identifier(), primary_key=True),
            Column("name_zh", Text, nullable=False),
            Column("name_en", Text, nullable=False),
            Column("region_code", Text, nullable=False),
            Column("time_zone", Text, nullable=False),
            Column("synced_time", UtcDateTime, nullable=True),
            Index("park_by_tenant", "tenant_id", "park_id"),
            sqlite_strict=True,
        ),
        enterprise=Table(
            "enterprise",
            metadata,
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", identifier(), primary_key=True),
            Column("enterprise_id", identifier(), primary_key=True),
            sqlite_strict=True,
        ),
        source=Table(
            "source",
            metadata,
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", identifier(), primary_key=True),
            Column("source_id", identifier(), primary_key=True),
            Column("enterprise_id", identifier(), nullable=False),
            Column("carrier", Text, nullable=False),
            Column("scope", big_integer(), nullable=False),
            Column("counted_as", Text, nullable=False),
            sqlite_strict=True,
        ),
        year_figures=Table(
            "year_figures",
            metadata,
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", identifier(), primary_key=True),
            Column("year", big_integer(), primary_key=True, autoincrement=False),
            Column("version", big_integer(), nullable=False),
            Column("gross_output_10k_cny", Text, nullable=False),
            Column("gdp_10k_cny", Text, nullable=False),
            sqlite_strict=True,
        ),
        emissions_sum=Table(
            "emissions_sum",
            metadata,
            Column("tenant_id", identifier(), nullable=False),
            Column("park_id", identifier(), primary_key=True),
            Column("source_id", identifier(), primary_key=True),
            Column("first_month", big_integer(), primary_key=True, autoincrement=False),
            Column("last_month", big_integer(), primary_key=True, autoincrement=False),
            Column("emissions_mg", big_integer(), nullable=False),
            Column("energy_mgce", big_integer(), nullable=False),
            Column("records", big_integer(), nullable=False),
            Column("position", big_integer(), nullable=False),
            Index("emissions_sum_by_month", "park_id", "first_month"),
            sqlite_strict=True,
        ),
    )
