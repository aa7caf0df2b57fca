"""Values that fill themselves from what the platform knows, each with its formula and the facts that it stands on.

A figure that cannot be given says why, and stays missing. Emissions are those of scopes 1 and 2 without removals and biogenic CO2;
energy is that of the same sources, in standard coal by calorific value. What is set beside a figure of the whole year, such as GDP,
needs records of all twelve months: part of a year's emissions over a whole year's output would look like a success.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from evaluation.domain.platforms import Platform
from evaluation.domain.systems import decimal
from parkcopies.parks import Source, SpanSum, YearFigures

_MG_PER_T = 10**9
_MONTHS = 12


@dataclass(frozen=True)
class YearAccount:
    """A park's year as this service knows it.

    Attributes:
        sums: those that lie within the year, whole.
        figures: in force, or None.
        assessments: evaluations of the park that were made in the year, whatever year they judge.
        platforms: those that were first seen at the park before the year ended, by the park's own time.
    """

    year: int
    sources: Mapping[str, Source]
    enterprises: int
    sums: Sequence[SpanSum]
    figures: YearFigures | None
    assessments: int = 0
    platforms: Sequence[Platform] = ()

    @cached_property
    def counted(self) -> list[tuple[Source, SpanSum]]:
        """The sums of known sources that hold records, with their sources; removals are apart."""
        return [
            (self.sources[each.source_id], each)
            for each in self.sums
            if each.records and each.source_id in self.sources and self.sources[each.source_id].counted_as != "removal"
        ]

    @cached_property
    def emissions_t(self) -> Fraction:
        """Scopes 1 and 2, t CO2e."""
        total = sum(each.emissions_mg for source, each in self.counted if source.scope <= 2 and source.counted_as == "total")
        return Fraction(total, _MG_PER_T)

    @cached_property
    def energy_tce(self) -> Fraction:
        """Energy used, tce."""
        return Fraction(sum(each.energy_mgce for _, each in self.counted), _MG_PER_T)

    @cached_property
    def months(self) -> int:
        """How many months of the year records are of."""
        covered = {
            month for _, each in self.counted for month in range(each.first_month, each.last_month + 1) if 1 <= month % 100 <= 12
        }
        return len(covered)

    @property
    def position(self) -> int:
        """The last position of the account that any of the sums includes."""
        return max((each.position for each in self.sums), default=0)


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived value with the facts that it stands on, or why there is none."""

    value: Fraction | None
    evidence: str
    missing: str = ""
    missing_zh: str = ""


def derive(name: str, account: YearAccount, before: YearAccount, clean_carriers: frozenset[str]) -> Derived:
    """Returns one derived value.

    Args:
        name: a key of DERIVATIONS.
        account: of the year.
        before: of the year before.
        clean_carriers: that count as clean energy.
    """
    return DERIVATIONS[name](account, before, clean_carriers)


def _missing(why: str, why_zh: str) -> Derived:
    return Derived(None, "", why, why_zh)


def _stands_on(account: YearAccount, formula: str) -> str:
    figures = f", figures of {account.year} version {account.figures.version}" if account.figures else ""
    return f"accounting: {formula}; records up to position {account.position}{figures}"


def _part_of_a_year(account: YearAccount) -> Derived | None:
    if account.months in (0, _MONTHS):
        return None
    return _missing(
        f"records of {account.year} are of {account.months} of 12 months",
        f"{account.year} 年仅有 {account.months} 个月的记录(共 12 个月)",
    )


def _no_energy(account: YearAccount) -> Derived | None:
    if account.energy_tce > 0:
        return None
    return _missing(f"no energy is recorded for {account.year}", f"{account.year} 年没有能源消费记录")


def _figure(account: YearAccount, name: str) -> Fraction | None:
    text = getattr(account.figures, name) if account.figures else ""
    value = Fraction(text) if text else None
    return value if value else None


def _not_reported(account: YearAccount, name: str) -> Derived:
    return _missing(f"{name} of {account.year} is not reported or 0", f"{account.year} 年的 {name} 未填报或为 0")


def _clean_energy_share(account: YearAccount, _before: YearAccount, clean_carriers: frozenset[str]) -> Derived:
    """Energy of clean carriers over all energy, %. Grid electricity counts as not clean: its origin is not known."""
    if missing := _no_energy(account):
        return missing
    clean = sum(each.energy_mgce for source, each in account.counted if source.carrier in clean_carriers)
    total = sum(each.energy_mgce for _, each in account.counted)
    return Derived(
        Fraction(100 * clean, total), _stands_on(account, "clean energy / energy, grid electricity not counted as clean")
    )


def _accounted_enterprises(account: YearAccount, _before: YearAccount, _clean: frozenset[str]) -> Derived:
    """Enterprises with records of the year over all that are registered, %."""
    if not account.enterprises:
        return _missing("no enterprise is registered", "没有登记企业")
    with_records = {source.enterprise_id for source, each in account.counted if source.enterprise_id}
    share = Fraction(100 * len(with_records), account.enterprises)
    return Derived(share, _stands_on(account, f"{len(with_records)} of {account.enterprises} registered enterprises have records"))


def _platform_in_use(account: YearAccount, _before: YearAccount, _clean: frozenset[str]) -> Derived:
    """Yes where this platform holds records of the year; it says nothing where it holds none, as another platform may."""
    if not account.counted:
        return _missing(f"no record of {account.year} is on this platform", f"本平台没有 {account.year} 年的记录")
    return Derived(Fraction(1), _stands_on(account, "records of the year are on this platform"))


def _energy_per_gdp(account: YearAccount, _before: YearAccount, _clean: frozenset[str]) -> Derived:
    """Energy over GDP, tce per 10⁴ CNY."""
    if missing := _no_energy(account) or _part_of_a_year(account):
        return missing
    gdp = _figure(account, "gdp_10k_cny")
    if gdp is None:
        return _not_reported(account, "gdp_10k_cny")
    return Derived(account.energy_tce / gdp, _stands_on(account, "energy / GDP"))


def _fall_of_emissions_per_gdp(account: YearAccount, before: YearAccount, _clean: frozenset[str]) -> Derived:
    """100·(1 − (E/GDP)/(E/GDP of the year before)), %; negative where it rose."""
    ratios = []
    for each in (before, account):
        gdp = _figure(each, "gdp_10k_cny")
        if gdp is None:
            return _not_reported(each, "gdp_10k_cny")
        if not each.emissions_t:
            return _missing(f"no emissions are recorded for {each.year}", f"{each.year} 年没有排放记录")
        if missing := _part_of_a_year(each):
            return missing
        ratios.append(each.emissions_t / gdp)
    return Derived(100 * (1 - ratios[1] / ratios[0]), _stands_on(account, f"fall of E/GDP from {before.year}, scopes 1 and 2"))


def _carbon_per_energy(account: YearAccount, _before: YearAccount, _clean: frozenset[str]) -> Derived:
    """Emissions of scopes 1 and 2 over energy, t/tce. Source: 发改环资〔2025〕910号."""
    if missing := _no_energy(account):
        return missing
    return Derived(account.emissions_t / account.energy_tce, _stands_on(account, "E of scopes 1 and 2 / energy"))


def _emissions_per_output(account: YearAccount, _before: YearAccount, _clean: frozenset[str]) -> Derived:
    """r = E/G, t per 10⁴ CNY. Source: [P] eq. (2)."""
    output = _figure(account, "gross_output_10k_cny")
    if output is None:
        return _not_reported(account, "gross_output_10k_cny")
    if not account.counted:
        return _missing(f"no emissions are recorded for {account.year}", f"{account.year} 年没有排放记录")
    if missing := _part_of_a_year(account):
        return missing
    return Derived(account.emissions_t / output, _stands_on(account, "E of scopes 1 and 2 / gross output"))


def _assessments(account: YearAccount, _before: YearAccount, _clean: frozenset[str]) -> Derived:
    """Evaluations that were made here in the year. None made is no zero, as others may have assessed the park."""
    if not account.assessments:
        return _missing(f"no evaluation was made here in {account.year}", f"{account.year} 年在本平台没有评价")
    return Derived(Fraction(account.assessments), f"evaluation: {account.assessments} evaluations made here in {account.year}")


def _regional_platform(account: YearAccount, _before: YearAccount, _clean: frozenset[str]) -> Derived:
    """Yes from the year on in which a platform first pulled the park for a region. None here is no no: others may be connected."""
    regional = [each for each in account.platforms if each.kind == "region"]
    if not regional:
        why, why_zh = "no regional platform had pulled the park here", "没有区域平台从本平台取过该园区的数据"
        return _missing(f"{why} by the end of {account.year}", f"截至 {account.year} 年底{why_zh}")
    first = min(regional, key=lambda each: (each.connected_time, each.platform_id))
    since = f"{first.connected_time.date().isoformat()} (UTC)"
    return Derived(Fraction(1), f"gateway: {first.platform_id} pulls the park for a region since {since}")


DERIVATIONS: Mapping[str, Callable[[YearAccount, YearAccount, frozenset[str]], Derived]] = {
    "clean_energy_share": _clean_energy_share,
    "accounted_enterprises_share": _accounted_enterprises,
    "platform_in_use": _platform_in_use,
    "energy_per_gdp": _energy_per_gdp,
    "fall_of_emissions_per_gdp": _fall_of_emissions_per_gdp,
    "carbon_per_energy": _carbon_per_energy,
    "emissions_per_output": _emissions_per_output,
    "assessments": _assessments,
    "regional_platform_connected": _regional_platform,
}
"""Every derivation by its name in the table of derivations."""


def rounded(value: Fraction) -> str:
    """Writes a derived value as it is kept with an evaluation: six decimals, half-even."""
    return decimal(value)
