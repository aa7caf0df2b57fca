"""What is registered once: parks, enterprises, sources, and the figures of a year."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from accounting.domain.errors import ContentDiffers
from accounting.domain.reference import SECTORS, ReferenceTables
from kernel.access import Place
from kernel.periods import NotATimeZone, time_zone
from kernel.quantities import DECIMAL_RULE, MICRO, NotADecimal, format_scaled, parse_micro
from kernel.refusals import InvalidField

ID_RULE = "1 to 64 of A-Z a-z 0-9 . _ -, first a letter or digit"
DECIMAL_RULE_ZH = "普通十进制数字文本,小数点前至多 12 位、后至多 6 位,如 882077.299"
ID_RULE_ZH = "1 至 64 个字符,限 A-Z a-z 0-9 . _ -,首字符为字母或数字"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_REGION = re.compile(r"[0-9]{6}", re.ASCII)
_INDUSTRY = re.compile(r"([A-T])([0-9]{2,4})", re.ASCII)
_CREDIT_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}", re.ASCII)
MAX_NAME_CHARACTERS = 200
FIRST_YEAR = 1990
SETTLEMENT_BASES = ("bill", "meter")


@dataclass(frozen=True, slots=True)
class Park:
    """An industrial park. `tenant_id` owns it; `factor_set_id` is what every record of it is computed with."""

    park_id: str
    tenant_id: str
    name_zh: str
    name_en: str
    region_code: str
    time_zone: str
    latitude_deg: str
    longitude_deg: str
    factor_set_id: str
    registered_time: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the park's days, months and years are cut."""
        return time_zone(self.time_zone)

    @property
    def place(self) -> Place:
        """Where it belongs, for the rule of access."""
        return Place(self.tenant_id, self.park_id, self.region_code)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An enterprise of a park, with its GB/T 4754 industry."""

    park_id: str
    tenant_id: str
    enterprise_id: str
    name_zh: str
    name_en: str
    industry_code: str
    credit_code: str
    registered_time: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """What emits or uses energy. `enterprise_id` is empty for the park's own; its place in the inventory never changes."""

    park_id: str
    tenant_id: str
    source_id: str
    enterprise_id: str
    name_zh: str
    name_en: str
    item: str
    scope: int
    carrier: str
    gas: str
    sector: str
    settlement_basis: str
    registered_time: datetime


@dataclass(frozen=True, slots=True)
class AnnualFigures:
    """What a park reports for a year, as canonical decimal text; None is not reported. The highest version is in force."""

    park_id: str
    tenant_id: str
    year: int
    version: int
    gross_output_10k_cny: str | None
    value_added_10k_cny: str | None
    gdp_10k_cny: str | None
    employees_persons: str | None
    land_area_km2: str | None
    leading_industries_share_pct: str | None
    recorded_time: datetime


Registered = TypeVar("Registered", Park, Enterprise, Source)

FIGURE_NAMES = (
    "gross_output_10k_cny",
    "value_added_10k_cny",
    "gdp_10k_cny",
    "employees_persons",
    "land_area_km2",
    "leading_industries_share_pct",
)


def valid_identifier(field: str, value: str) -> str:
    """Returns an id.

    Raises:
        InvalidField: it is none.
    """
    if not _ID.fullmatch(value):
        raise InvalidField(field, value, ID_RULE, ID_RULE_ZH)
    return value


def _name(field: str, value: str) -> str:
    if not value.strip() or len(value) > MAX_NAME_CHARACTERS or not value.isprintable():
        raise InvalidField(
            field, value, f"1 to {MAX_NAME_CHARACTERS} printable characters", f"1 至 {MAX_NAME_CHARACTERS} 个可显示字符"
        )
    return value


def _not_one_of(field: str, found: str, allowed: Iterable[str]) -> InvalidField:
    listed = ", ".join(allowed)
    return InvalidField(field, found, f"one of {listed}", f"以下之一:{listed}")


def _degrees(field: str, value: str, limit: int) -> str:
    if value == "":
        return value
    rule = f"decimal degrees from -{limit} to {limit} with at most 6 decimals, or empty"
    rule_zh = f"-{limit} 至 {limit} 的十进制度数(至多 6 位小数),或为空"
    try:
        micro = parse_micro(value)
    except NotADecimal as error:
        raise InvalidField(field, value, rule, rule_zh) from error
    if abs(micro) > limit * MICRO:
        raise InvalidField(field, value, rule, rule_zh)
    return format_scaled(micro, 6)


def valid_park(park: Park, reference: ReferenceTables) -> Park:
    """Returns the park with its position in canonical form.

    Raises:
        InvalidField: a field breaks its rule; the first one is named.
    """
    valid_identifier("park_id", park.park_id)
    _name("name_zh", park.name_zh)
    _name("name_en", park.name_en)
    if not _REGION.fullmatch(park.region_code) or park.region_code[:2] not in reference.provinces:
        raise InvalidField(
            "region_code", park.region_code, "six digits of GB/T 2260, such as 360700", "GB/T 2260 的六位数字代码,如 360700"
        )
    try:
        time_zone(park.time_zone)
    except NotATimeZone as error:
        raise InvalidField(
            "time_zone", park.time_zone, "an IANA time zone, such as Asia/Shanghai", "IANA 时区名,如 Asia/Shanghai"
        ) from error
    if (park.latitude_deg == "") != (park.longitude_deg == ""):
        missing = "longitude_deg" if park.longitude_deg == "" else "latitude_deg"
        raise InvalidField(missing, "", "given whenever the other coordinate is", "填写另一坐标时一并给出的值")
    return replace(
        park,
        latitude_deg=_degrees("latitude_deg", park.latitude_deg, 90),
        longitude_deg=_degrees("longitude_deg", park.longitude_deg, 180),
    )


def valid_enterprise(enterprise: Enterprise, reference: ReferenceTables) -> Enterprise:
    """Returns the enterprise when every field keeps its rule.

    Raises:
        InvalidField: a field breaks its rule; the first one is named.
    """
    valid_identifier("enterprise_id", enterprise.enterprise_id)
    _name("name_zh", enterprise.name_zh)
    _name("name_en", enterprise.name_en)
    industry = _INDUSTRY.fullmatch(enterprise.industry_code)
    known = industry is not None and industry[1] in reference.industry_sections
    if known and industry is not None and industry[1] == "C":
        known = industry[2][:2] in reference.industry_divisions
    if not known:
        raise InvalidField(
            "industry_code",
            enterprise.industry_code,
            "a section of GB/T 4754-2017 with two to four digits, such as C39 or C3985",
            "GB/T 4754-2017 的门类字母加二至四位数字,如 C39 或 C3985",
        )
    if enterprise.credit_code and not _CREDIT_CODE.fullmatch(enterprise.credit_code):
        raise InvalidField(
            "credit_code", enterprise.credit_code, "18 characters of GB 32100, or empty", "GB 32100 的 18 位代码,或为空"
        )
    return enterprise


def valid_source(source: Source, reference: ReferenceTables) -> Source:
    """Returns the source when every field keeps its rule and its scope fits its item.

    Raises:
        InvalidField: a field breaks its rule; the first one is named.
    """
    valid_identifier("source_id", source.source_id)
    if source.enterprise_id:
        valid_identifier("enterprise_id", source.enterprise_id)
    _name("name_zh", source.name_zh)
    _name("name_en", source.name_en)
    item = reference.items.get(source.item)
    if item is None:
        raise _not_one_of("item", source.item, reference.items)
    if source.item.startswith("park.") and source.enterprise_id:
        raise InvalidField(
            "enterprise_id", source.enterprise_id, f"empty for the item {source.item}", f"空(排放项 {source.item} 属于园区自身)"
        )
    if source.scope not in item.scopes:
        scopes = ", ".join(map(str, sorted(item.scopes)))
        raise InvalidField(
            "scope",
            str(source.scope),
            f"one of {scopes} for the item {source.item}",
            f"以下之一:{scopes}(排放项 {source.item})",
        )
    carrier = reference.carriers.get(source.carrier)
    if carrier is None:
        raise _not_one_of("carrier", source.carrier, reference.carriers)
    if carrier.gas and source.gas != carrier.gas:
        raise InvalidField(
            "gas", source.gas, f"{carrier.gas} for the carrier {source.carrier}", f"{carrier.gas}(品种 {source.carrier})"
        )
    if not carrier.gas and source.gas not in ("CO2", "CH4", "N2O"):
        raise InvalidField(
            "gas",
            source.gas,
            f"one of CO2, CH4, N2O for the carrier {source.carrier}",
            f"以下之一:CO2, CH4, N2O(品种 {source.carrier})",
        )
    if source.sector not in SECTORS:
        raise _not_one_of("sector", source.sector, SECTORS)
    if source.settlement_basis not in SETTLEMENT_BASES:
        raise _not_one_of("settlement_basis", source.settlement_basis, SETTLEMENT_BASES)
    return source


def valid_figures(figures: AnnualFigures, last_year: int) -> AnnualFigures:
    """Returns the figures with every number in canonical form.

    A share between 0 and 1 % is refused, because no leading industry is that small and 0.28 is how 28 % is often mistyped.

    Args:
        figures: the figures as they came in.
        last_year: the newest year that can be reported.

    Raises:
        InvalidField: a field breaks its rule; the first one is named.
    """
    if not FIRST_YEAR <= figures.year <= last_year:
        raise InvalidField(
            "year", str(figures.year), f"a year from {FIRST_YEAR} to {last_year}", f"{FIRST_YEAR} 至 {last_year} 的年份"
        )
    canonical: dict[str, str | None] = {}
    for name in FIGURE_NAMES:
        text: str | None = getattr(figures, name)
        if text is None or text == "":
            canonical[name] = None
            continue
        try:
            micro = parse_micro(text)
        except NotADecimal as error:
            raise InvalidField(name, text, DECIMAL_RULE, DECIMAL_RULE_ZH) from error
        if micro < 0:
            raise InvalidField(name, text, "0 or more", "0 或更大")
        if name == "employees_persons" and micro % MICRO:
            raise InvalidField(name, text, "a whole number of persons", "整数人数")
        if name.endswith("_pct"):
            if micro > 100 * MICRO:
                raise InvalidField(name, text, "a percentage from 0 to 100", "0 至 100 的百分数")
            if 0 < micro < MICRO:
                likely = format_scaled(micro * 100, 6)
                raise InvalidField(
                    name,
                    text,
                    f"a percentage of 0 or from 1 to 100; for a fraction of {text} write {likely}",
                    f"0 或 1 至 100 的百分数;比例 {text} 应写为 {likely}",
                )
        canonical[name] = format_scaled(micro, 6)
    if not any(canonical.values()):
        names = ", ".join(FIGURE_NAMES)
        raise InvalidField("figures", "", f"at least one of {names}", f"以下至少一项:{names}")
    return replace(figures, **canonical)  # type: ignore[arg-type]  # the keys are FIGURE_NAMES, all text fields


def same_registration(what: str, identifier: str, recorded: Registered, given: Registered) -> Registered:
    """Returns what is recorded when the given one says the same, whenever it was registered.

    Raises:
        ContentDiffers: a field differs; the first one is named with both values.
    """
    for field in fields(recorded):
        if field.name == "registered_time":
            continue
        before, now = getattr(recorded, field.name), getattr(given, field.name)
        if before != now:
            raise ContentDiffers(what, identifier, field.name, str(now), str(before))
    return recorded


def figure(figures: AnnualFigures | None, name: str) -> Decimal | None:
    """Returns one of the year's figures as a number, or None when it is not reported."""
    text = getattr(figures, name) if figures is not None else None
    return Decimal(text) if text is not None else None


def local_year(at: datetime, zone: ZoneInfo) -> int:
    """Returns the calendar year of a zone that holds a moment."""
    return at.astimezone(zone).year
