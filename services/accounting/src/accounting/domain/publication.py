"""What was published: of a park's inventory by its manager, and of regions by the platform's operator. Nothing of it changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounting.domain.disclosure import BREAKDOWNS, SHOWN, Verdict
from kernel.refusals import InvalidField

MAX_REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class PublishedCell:
    """A sum as it was decided: shown with its amount, or suppressed with the rule that it would break and without one."""

    dimension: str
    key: str
    status: str
    emissions_mg: int | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a publication was taken back."""

    reason: str
    withdrawn_by: str
    withdrawn_time: datetime


@dataclass(frozen=True, slots=True)
class Publication:
    """What of one inventory is published."""

    park_id: str
    tenant_id: str
    year: int
    version: int
    breakdowns: tuple[str, ...]
    rule_id: str
    cells: tuple[PublishedCell, ...]
    published_by: str
    published_time: datetime
    withdrawal: Withdrawal | None = None

    @property
    def inventory_id(self) -> str:
        """The inventory's name in the park."""
        return f"{self.year}-v{self.version}"


@dataclass(frozen=True, slots=True)
class RegionRelease:
    """The sums of a year by region, over the inventories named by park and version; a year has one release."""

    tenant_id: str
    year: int
    rule_id: str
    members: tuple[tuple[str, int], ...]
    cells: tuple[PublishedCell, ...]
    released_by: str
    released_time: datetime


def decided(verdicts: Sequence[Verdict]) -> tuple[PublishedCell, ...]:
    """Returns cells as they are kept; of a suppressed one not even the amount is."""
    return tuple(
        PublishedCell(each.cell.dimension, each.cell.key, each.status, each.cell.amount_mg if each.status == SHOWN else None)
        for each in verdicts
    )


def valid_breakdowns(requested: Sequence[str]) -> tuple[str, ...]:
    """Returns breakdowns in the order in which they are decided.

    Raises:
        InvalidField: one is unknown or named twice.
    """
    known = ", ".join(BREAKDOWNS)
    for each in requested:
        if each not in BREAKDOWNS or list(requested).count(each) > 1:
            raise InvalidField("breakdowns", each, f"of {known}, none twice", f"{known} 中不重复的项")
    return tuple(each for each in BREAKDOWNS if each in requested)


def valid_reason(reason: str) -> str:
    """Returns why something is taken back.

    Raises:
        InvalidField: it is empty, too long or more than a line.
    """
    if not reason.strip() or len(reason) > MAX_REASON_CHARACTERS or not reason.isprintable():
        allowed = f"1 to {MAX_REASON_CHARACTERS} printable characters"
        raise InvalidField("reason", reason, allowed, f"1 至 {MAX_REASON_CHARACTERS} 个可显示字符")
    return reason


def region_prefix(region_code: str) -> str:
    """Returns what the codes of a region's counties begin with.

    Raises:
        InvalidField: it is no code of two, four or six digits.

    >>> region_prefix("360000"), region_prefix("3607"), region_prefix("360700")
    ('36', '3607', '3607')
    """
    if not (region_code.isascii() and region_code.isdigit() and len(region_code) in (2, 4, 6)):
        raise InvalidField("region_code", region_code, "2, 4 or 6 digits of GB/T 2260", "GB/T 2260 的 2、4 或 6 位数字")
    while len(region_code) > 2 and region_code.endswith("00"):
        region_code = region_code[:-2]
    return region_code
