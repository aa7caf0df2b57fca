"""The tables of the account. What they hold is accepted data, and the database itself lets nobody change or delete a row of it.

The others are activity_key and emissions_sum, which are derived from it and can be rebuilt, and park_ledger, which follows the
newest record.
"""

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, MetaData, Table, Text, text

from chassis.columns import ExactInteger, UtcDateTime, big_integer, exact_integers, identifier
from chassis.inbox import inbox_table
from chassis.jobs import job_table
from chassis.outbox import outbox_table

metadata = MetaData()

park = Table(
    "park",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("region_code", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("latitude_deg", Text, nullable=False),
    Column("longitude_deg", Text, nullable=False),
    Column("factor_set_id", Text, nullable=False),
    Column("registered_time", UtcDateTime, nullable=False),
    Index("park_by_tenant", "tenant_id", "park_id"),
    sqlite_strict=True,
)

enterprise = Table(
    "enterprise",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("enterprise_id", identifier(), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("industry_code", Text, nullable=False),
    Column("credit_code", Text, nullable=False),
    Column("registered_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

source = Table(
    "source",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("source_id", identifier(), primary_key=True),
    Column("enterprise_id", identifier(), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("scope", big_integer(), nullable=False),
    Column("carrier", Text, nullable=False),
    Column("gas", Text, nullable=False),
    Column("sector", Text, nullable=False),
    Column("settlement_basis", Text, nullable=False),
    Column("registered_time", UtcDateTime, nullable=False),
    CheckConstraint("scope IN (1, 2, 3)", name="source_scope"),
    sqlite_strict=True,
)

annual_figures = Table(
    "annual_figures",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    # Decimals as text: SQLite would make floats of them.
    Column("gross_output_10k_cny", Text),
    Column("value_added_10k_cny", Text),
    Column("gdp_10k_cny", Text),
    Column("employees_persons", Text),
    Column("land_area_km2", Text),
    Column("leading_industries_share_pct", Text),
    Column("recorded_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

# One row per park: its lock, and the head of its records' hash chain: the position of the newest, and the digest there.
park_ledger = Table(
    "park_ledger",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("last_position", big_integer(), nullable=False),
    # Lower-case hex. Empty is what the migration that added it found, and fills.
    Column("head_sha256", Text, nullable=False, server_default=text("''")),
    sqlite_strict=True,
)

activity_record = Table(
    "activity_record",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("position", big_integer(), primary_key=True, autoincrement=False),
    Column("record_id", identifier(), nullable=False),
    Column("source_id", identifier(), nullable=False),
    Column("period_start_s", big_integer(), nullable=False),
    Column("period_end_s", big_integer(), nullable=False),
    Column("quantity_micro", big_integer(), nullable=False),
    Column("unit", Text, nullable=False),
    Column("basis_id", identifier(), nullable=False),
    Column("emissions_mg", big_integer(), nullable=False),
    Column("energy_mgce", big_integer(), nullable=False),
    # In the key because PostgreSQL partitions by it; park and position are unique without it.
    Column("first_month", big_integer(), primary_key=True, autoincrement=False),
    Column("last_month", big_integer(), nullable=False),
    Column("supersedes", identifier(), nullable=False),
    Column("recorded_time", UtcDateTime, nullable=False),
    CheckConstraint("period_end_s > period_start_s", name="activity_record_period"),
    # By year, see docs/decisions/0016.
    postgresql_partition_by="RANGE (first_month)",
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# The hash chain over the records, see docs/decisions/0034: the digests of the positions that a wave was given, 32 bytes each.
activity_chain = Table(
    "activity_chain",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("first_position", big_integer(), primary_key=True, autoincrement=False),
    Column("last_position", big_integer(), nullable=False),
    Column("digests", LargeBinary, nullable=False),
    sqlite_strict=True,
)

# The ids that are taken, and which records are in force: what a new record is checked against.
activity_key = Table(
    "activity_key",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("record_id", identifier(), primary_key=True),
    Column("position", big_integer(), nullable=False),
    Column("source_id", identifier(), nullable=False),
    Column("period_start_s", big_integer(), nullable=False),
    Column("period_end_s", big_integer(), nullable=False),
    Column("superseded_by", identifier()),
    Index(
        "activity_key_in_force",
        "park_id",
        "source_id",
        "period_start_s",
        sqlite_where=text("superseded_by IS NULL"),
        postgresql_where=text("superseded_by IS NULL"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Bounded, so that 64 bits are enough (docs/decisions/0033); what adds it up is an ExactInteger.
emissions_sum = Table(
    "emissions_sum",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("source_id", identifier(), primary_key=True),
    Column("first_month", big_integer(), primary_key=True, autoincrement=False),
    Column("last_month", big_integer(), primary_key=True, autoincrement=False),
    Column("emissions_mg", big_integer(), nullable=False),
    Column("energy_mgce", big_integer(), nullable=False),
    Column("covered_s", big_integer(), nullable=False),
    Column("records", big_integer(), nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Factors and bases belong to the platform: tenant_id is "platform" and park_id empty.
factor = Table(
    "factor",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), nullable=False),
    Column("factor_id", identifier(), primary_key=True),
    Column("table_id", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("gas", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("valid_from", Text, nullable=False),
    Column("valid_to", Text, nullable=False),
    Column("published", Text, nullable=False),
    Column("confidence", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("checked_where", Text, nullable=False),
    Column("note", Text, nullable=False),
    sqlite_strict=True,
)

basis = Table(
    "basis",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), nullable=False),
    Column("basis_id", identifier(), primary_key=True),
    Column("factor_set_id", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("gas", Text, nullable=False),
    Column("unit", Text, nullable=False),
    # Milligrams per millionth of the unit, as exact ratios; text because they may exceed 64 bits.
    Column("emissions_numerator", Text, nullable=False),
    Column("emissions_denominator", Text, nullable=False),
    Column("energy_numerator", Text, nullable=False),
    Column("energy_denominator", Text, nullable=False),
    Column("factor_ids", Text, nullable=False),
    sqlite_strict=True,
)

# Closed once and kept: the database itself lets nobody change a row of these two.
inventory = Table(
    "inventory",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("factor_set_id", Text, nullable=False),
    Column("last_position", big_integer(), nullable=False),
    # Of the park's hash chain there; none in inventories from before there was one.
    Column("head_sha256", Text),
    Column("records", big_integer(), nullable=False),
    Column("records_sha256", Text, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("factor_ids", Text, nullable=False),
    Column("scope_1_mg", ExactInteger, nullable=False),
    Column("scope_2_mg", ExactInteger, nullable=False),
    Column("scope_3_mg", ExactInteger, nullable=False),
    Column("removals_mg", ExactInteger, nullable=False),
    Column("biogenic_mg", ExactInteger, nullable=False),
    Column("energy_mgce", ExactInteger, nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("closed_time", UtcDateTime, nullable=False),
    *exact_integers("inventory", "scope_1_mg", "scope_2_mg", "scope_3_mg", "removals_mg", "biogenic_mg", "energy_mgce"),
    sqlite_strict=True,
)

inventory_line = Table(
    "inventory_line",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("line", big_integer(), primary_key=True, autoincrement=False),
    Column("enterprise_id", identifier(), nullable=False),
    Column("scope", big_integer(), nullable=False),
    Column("item", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("gas", Text, nullable=False),
    Column("sector", Text, nullable=False),
    Column("counted_as", Text, nullable=False),
    Column("emissions_mg", ExactInteger, nullable=False),
    Column("energy_mgce", ExactInteger, nullable=False),
    Column("records", big_integer(), nullable=False),
    *exact_integers("inventory_line", "emissions_mg", "energy_mgce"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What was published is kept, as are the inventories; a suppressed cell has no amount. A release is the tenant's: park_id is empty.
publication = Table(
    "publication",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("breakdowns", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

publication_cell = Table(
    "publication_cell",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("cell", big_integer(), primary_key=True, autoincrement=False),
    Column("dimension", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("emissions_mg", ExactInteger),
    *exact_integers("publication_cell", "emissions_mg"),
    sqlite_strict=True,
)

publication_withdrawal = Table(
    "publication_withdrawal",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("withdrawn_by", Text, nullable=False),
    Column("withdrawn_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

region_release = Table(
    "region_release",
    metadata,
    Column("tenant_id", identifier(), primary_key=True),
    Column("park_id", identifier(), nullable=False),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("rule_id", Text, nullable=False),
    Column("released_by", Text, nullable=False),
    Column("released_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

region_release_member = Table(
    "region_release_member",
    metadata,
    Column("tenant_id", identifier(), primary_key=True),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), nullable=False),
    sqlite_strict=True,
)

region_release_cell = Table(
    "region_release_cell",
    metadata,
    Column("tenant_id", identifier(), primary_key=True),
    Column("park_id", identifier(), nullable=False),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("cell", big_integer(), primary_key=True, autoincrement=False),
    Column("dimension", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("emissions_mg", ExactInteger),
    *exact_integers("region_release_cell", "emissions_mg"),
    sqlite_strict=True,
)

# What a verification found, was answered and concluded: added to and kept.
finding = Table(
    "finding",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("finding_id", identifier(), primary_key=True),
    Column("number", big_integer(), nullable=False),
    Column("kind", Text, nullable=False),
    Column("material", big_integer(), nullable=False),
    Column("item", Text, nullable=False),
    Column("enterprise_id", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("written_by", Text, nullable=False),
    Column("written_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

finding_answer = Table(
    "finding_answer",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("finding_id", identifier(), primary_key=True),
    Column("number", big_integer(), primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("restated_in", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("answered_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

finding_closing = Table(
    "finding_closing",
    metadata,
    Column("tenant_id", identifier(), nullable=False),
    Column("park_id", identifier(), primary_key=True),
    Column("year", big_integer(), primary_key=True, autoincrement=False),
    Column("version", big_integer(), primary_key=True, autoincrement=False),
    Column("finding_id", identifier(), primary_key=True),
    Column("conclusion", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("closed_time", UtcDateTime, nullable=False),
    sqlite_strict=True,
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
job = job_table(metadata)
