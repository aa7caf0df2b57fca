"""The greenhouse gas inventory of a year, closed: the records in force as they were, summed, with digests of what it was made from.

Terms: ISO 14064-1:2018 (inventory, reporting period, base data), GHG Protocol Corporate Standard (scopes; a restatement is a new
version and never an edit). What a record counts as is `accounts.counted_as`, as for every figure of the account.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from accounting.domain.accounts import BIOGENIC, REMOVAL, TOTAL, Sum, counted_as
from accounting.domain.emissions import milligrams
from accounting.domain.errors import InventoryNotFound
from accounting.domain.factors import Basis
from accounting.domain.parks import Source
from accounting.domain.reference import ReferenceTables
from accounting.domain.stored import StoredRecord

MAX_REASON_CHARACTERS = 500
MAX_DIFFERENCES = 100
_INVENTORY_ID = re.compile(r"([1-9][0-9]{3})-v([1-9][0-9]{0,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """The sum over records of one enterprise, scope, item, carrier and gas; `enterprise_id` is empty for the park's own.

    Attributes:
        line: its number, from 1, in the order of what follows.
        counted_as: total, removal or biogenic.
    """

    line: int
    enterprise_id: str
    scope: int
    item: str
    carrier: str
    gas: str
    sector: str
    counted_as: str
    emissions_mg: int
    energy_mgce: int
    records: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What an inventory adds up to, in milligrams CO2e and of standard coal. `scope_mg` is of scopes 1, 2 and 3."""

    scope_mg: tuple[int, int, int] = (0, 0, 0)
    removals_mg: int = 0
    biogenic_mg: int = 0
    energy_mgce: int = 0

    @property
    def emissions_mg(self) -> int:
        """The total of the scopes; removals and biogenic CO2 stand apart."""
        return sum(self.scope_mg)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A closed inventory.

    Attributes:
        version: from 1; the highest of a year is in force.
        reason: why the year was restated; empty for version 1.
        last_position: of the park's account when it was closed: later records, and corrections by them, are not in it.
        head_sha256: of the park's hash chain at that position; empty in inventories from before there was one.
        records: how many were in force.
        records_sha256: over their rows, in order of position, as `record_text` writes them.
        content_sha256: over everything else that is closed, as `content_digest` writes it.
        factor_ids: the factor rows that the records were computed with.
    """

    park_id: str
    tenant_id: str
    year: int
    version: int
    reason: str
    factor_set_id: str
    last_position: int
    head_sha256: str
    records: int
    records_sha256: str
    content_sha256: str
    factor_ids: tuple[str, ...]
    totals: Totals
    closed_by: str
    closed_time: datetime

    @property
    def inventory_id(self) -> str:
        """Its name in the park, such as 2022-v1."""
        return f"{self.year}-v{self.version}"


@dataclass(frozen=True, slots=True)
class InventoryPart:
    """The part of the total that has one key in a dimension: item, gas or sector."""

    dimension: str
    key: str
    sum: Sum


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay found another value than what was closed: `what` kind of thing, and which one."""

    what: str
    key: str
    closed: str
    replayed: str


def inventory_key(inventory_id: str) -> tuple[int, int]:
    """Returns the year and version that an id names.

    Raises:
        InventoryNotFound: no inventory can have it.

    >>> inventory_key("2022-v1")
    (2022, 1)
    """
    match = _INVENTORY_ID.fullmatch(inventory_id)
    if match is None:
        raise InventoryNotFound(inventory_id)
    return int(match[1]), int(match[2])


def record_text(record: StoredRecord) -> str:
    """Writes everything that a record was accepted with as one line; no part of it can hold a tab.

    When it was recorded and what superseded it later are left out: neither is an input of the figure.
    """
    parts = (
        record.position,
        record.record_id,
        record.source_id,
        record.start_s,
        record.end_s,
        record.quantity_micro,
        record.unit,
        record.basis_id,
        record.emissions_mg,
        record.energy_mgce,
        record.supersedes,
    )
    return "\t".join(map(str, parts)) + "\n"


@dataclass(slots=True)
class Tally:
    """What the records of a year add up to, taken in part by part in order of position."""

    records: int = 0
    by_source: dict[str, Sum] = field(default_factory=dict)
    basis_ids: set[str] = field(default_factory=set)
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, part: Sequence[StoredRecord]) -> None:
        """Takes in the next records."""
        for record in part:
            counted = Sum(record.emissions_mg, record.energy_mgce, 1)
            self.by_source[record.source_id] = self.by_source.get(record.source_id, Sum()) + counted
            self.basis_ids.add(record.basis_id)
        self._digest.update("".join(map(record_text, part)).encode())
        self.records += len(part)

    @property
    def sha256(self) -> str:
        """The digest of the rows taken in, lower-case hex."""
        return self._digest.hexdigest()


def inventory_lines(
    by_source: Mapping[str, Sum], sources: Mapping[str, Source], reference: ReferenceTables
) -> Sequence[InventoryLine]:
    """Adds up the sums of sources by enterprise, scope, item, carrier, gas and sector.

    Returns:
        Lines in the order of these, numbered from 1: the same sums give the same lines.
    """
    sums: dict[tuple[str, int, str, str, str, str], Sum] = {}
    for source_id, counted in by_source.items():
        source = sources[source_id]
        key = (source.enterprise_id, source.scope, source.item, source.carrier, source.gas, source.sector)
        sums[key] = sums.get(key, Sum()) + counted
    return [
        InventoryLine(
            line=number,
            enterprise_id=enterprise_id,
            scope=scope,
            item=item,
            carrier=carrier,
            gas=gas,
            sector=sector,
            counted_as=counted_as(item, carrier, gas, reference),
            emissions_mg=each.emissions_mg,
            energy_mgce=each.energy_mgce,
            records=each.records,
        )
        for number, ((enterprise_id, scope, item, carrier, gas, sector), each) in enumerate(sorted(sums.items()), start=1)
    ]


def inventory_totals(lines: Sequence[InventoryLine]) -> Totals:
    """Adds up lines.

    Energy is that of what emits; a biogenic fuel is energy like any other, what is deducted is none.
    """

    def added(counted: str, scope: int | None = None) -> int:
        return sum(line.emissions_mg for line in lines if line.counted_as == counted and scope in (None, line.scope))

    return Totals(
        scope_mg=(added(TOTAL, 1), added(TOTAL, 2), added(TOTAL, 3)),
        removals_mg=added(REMOVAL),
        biogenic_mg=added(BIOGENIC),
        energy_mgce=sum(line.energy_mgce for line in lines if line.counted_as != REMOVAL),
    )


def inventory_parts(lines: Sequence[InventoryLine]) -> Sequence[InventoryPart]:
    """Returns the total by item, by gas and by sector, each dimension adding up to it; in order of dimension and key."""
    sums: dict[tuple[str, str], Sum] = {}
    for line in lines:
        if line.counted_as == TOTAL:
            for dimension in ("gas", "item", "sector"):
                key = (dimension, getattr(line, dimension))
                sums[key] = sums.get(key, Sum()) + Sum(line.emissions_mg, line.energy_mgce, line.records)
    return [InventoryPart(dimension, key, each) for (dimension, key), each in sorted(sums.items())]


def line_text(line: InventoryLine) -> str:
    """Writes a line of an inventory, its values separated by tabs, as it goes into the digest."""
    return "\t".join(str(getattr(line, name)) for name in InventoryLine.__dataclass_fields__)


def content_digest(inventory: Inventory, lines: Sequence[InventoryLine]) -> str:
    """Returns the SHA-256, lower-case hex, of what is closed: whose and which year it is, its inputs, and every line.

    Args:
        inventory: its own `content_sha256`, totals, and who closed it when are not part of it: totals follow from the lines.
        lines: every line, in order.
    """
    head = (
        inventory.tenant_id,
        inventory.park_id,
        inventory.year,
        inventory.version,
        inventory.reason,
        inventory.factor_set_id,
        inventory.last_position,
        inventory.records,
        inventory.records_sha256,
        ";".join(inventory.factor_ids),
    )
    text = "\n".join(["\t".join(map(str, head)), *map(line_text, lines)])
    return hashlib.sha256(text.encode()).hexdigest()


def line_differences(closed: Sequence[InventoryLine], replayed: Sequence[InventoryLine]) -> list[Difference]:
    """Returns the lines, by number, that are not the same in both; a line that one of them lacks is empty there."""
    before = {line.line: line_text(line) for line in closed}
    after = {line.line: line_text(line) for line in replayed}
    return [
        Difference("line", str(number), before.get(number, ""), after.get(number, ""))
        for number in sorted(before.keys() | after.keys())
        if before.get(number) != after.get(number)
    ]


def wrong_records(part: Sequence[StoredRecord], bases: Mapping[str, Basis]) -> list[Difference]:
    """Returns the records whose stored amounts are not their quantity times their basis."""
    missing = [Difference("record", each.record_id, each.basis_id, "") for each in part if each.basis_id not in bases]
    known = [each for each in part if each.basis_id in bases]
    order = {basis_id: place for place, basis_id in enumerate(bases)}
    quantity = np.array([each.quantity_micro for each in known], dtype=np.int64)
    index = np.array([order[each.basis_id] for each in known], dtype=np.intp)
    emissions = milligrams(quantity, index, [basis.emissions for basis in bases.values()]).tolist()
    energy = milligrams(quantity, index, [basis.energy for basis in bases.values()]).tolist()
    return missing + [
        Difference("record", each.record_id, f"{each.emissions_mg} {each.energy_mgce}", f"{again_mg} {again_mgce}")
        for each, again_mg, again_mgce in zip(known, emissions, energy, strict=True)
        if (each.emissions_mg, each.energy_mgce) != (again_mg, again_mgce)
    ]
