"""The tables of the evaluation.

Systems, sets, values and evaluations are accepted data and never updated in place. Park, enterprise, source, year_figures and
emissions_sum are a copy of accounting's and can be dropped: they are read anew the first time that a park is asked for. What is
known of platforms comes from the gateway's topic alone, which keeps it for ten years.
"""

from sqlalchemy import Column, MetaData, Table, Text

from chassis.columns import UtcDateTime, big_integer, identifier
from chassis.inbox import inbox_table
from chassis.outbox import outbox_table
from parkcopies.tables import copy_tables

metadata = MetaData()

copies = copy_tables(metadata)
park = copies.park
enterprise = copies.enterprise
source = copies.source
year_figures = copies.year_figures
emissions_sum = copies.emissions_sum

indicator_system = Table(
    "indicator_system",
    metadata,
    Column("tenant_id", identifier(), primary_key=True),
    Column("park_id", identifier(), nullable=False),
    Column("system_id", identifier(), primary_key=True),
    Column("document", Text, nullable=False),
    Column("stored_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

threshold_set = Table(
    "threshold_set",
    metadata,
    Column("tenant_id", identifier(), primary_key=True),
    Column("park_id", identifier(), nullable=False),
    Column("set_id", identifier(), primary_key=True),
    Column("document", Text, nullable=False),
    Column("stored_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

weight_set = Table(
    "weight_set",
    metadata,
    Column("tenant_id", identifier(), primary_key=True),
    Column("park_id", identifier(), nullable=False),
    Column("set_id", identifier(), primary_key=True),
    Column("document", Text, nullable=False),
    Column("stored_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

indicator_value = Table(
    "indicator_value",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("system_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("indicator_id", identifier(), primary_key=True),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

evaluation = Table(
    "evaluation",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("sequence", big_integer(), primary_key=True, autoincrement=False),
    Column("evaluation_id", identifier(), nullable=False, unique=True),
    Column("system_id", identifier(), nullable=False),
    Column("year", big_integer(), nullable=False),
    Column("scored_year", big_integer(), nullable=False),
    Column("scored_by", Text, nullable=False),
    Column("scored_time", UtcDateTime, nullable=False),
    # what the result was when it was made, to six decimals; it is computed again from the inputs
    Column("score", Text, nullable=False),
    Column("inputs_sha256", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    sqlite_strict=True,
)

connected_platform = Table(
    "connected_platform",
    metadata,
    Column("tenant_id", identifier(), primary_key=True),
    Column("park_id", identifier(), primary_key=True),
    Column("platform_id", identifier(), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("connected_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
