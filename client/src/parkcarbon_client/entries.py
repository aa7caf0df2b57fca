"""What a program sends: parks, sources, rows. Each knows its JSON form; what is None is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class NewFinding:
    """A finding about a closed inventory.

    Attributes:
        kind: misstatement, nonconformity or observation.
        material: Whether it could change what a reader of the inventory decides.
        item: What it is about, as `enterprise_id` and `record_id`; "" for something else.
        evidence: Ids of documents.
    """

    finding_id: str
    kind: str
    material: bool
    text: str
    item: str = ""
    enterprise_id: str = ""
    record_id: str = ""
    evidence: Sequence[str] = ()


@dataclass(frozen=True)
class NewPark:
    """A park to register. Ids are 1 to 64 characters of A-Z a-z 0-9 . _ -, first a letter or digit.

    Args:
        park_id: Chosen by the caller, unique on the platform.
        name_zh: Chinese name.
        name_en: English name.
        region_code: Six digits of GB/T 2260.
        factor_set_id: Which factor set computes every record of the park.
        time_zone: IANA name; months and years are cut in it.
        latitude_deg: WGS 84, -90 to 90, at most 6 decimals.
        longitude_deg: WGS 84, -180 to 180, at most 6 decimals.
    """

    park_id: str
    name_zh: str
    name_en: str
    region_code: str
    factor_set_id: str
    time_zone: str = "Asia/Shanghai"
    latitude_deg: Decimal | None = None
    longitude_deg: Decimal | None = None


@dataclass(frozen=True)
class NewEnterprise:
    """An enterprise to register in a park.

    Args:
        enterprise_id: Chosen by the caller, unique in the park.
        name_zh: Chinese name.
        name_en: English name.
        industry_code: GB/T 4754-2017, such as C39 or C3985.
        credit_code: Unified social credit code of GB 32100, 18 characters.
    """

    enterprise_id: str
    name_zh: str
    name_en: str
    industry_code: str
    credit_code: str | None = None


@dataclass(frozen=True)
class NewSource:
    """An emission source to register; a meter is a source.

    Args:
        source_id: Chosen by the caller, unique in the park.
        name_zh: Chinese name.
        name_en: English name.
        item: A leaf of the inventory tree, such as enterprise.fuel_combustion.
        scope: 1, 2 or 3.
        carrier: What is used, such as electricity or natural_gas.
        settlement_basis: "bill" or "meter".
        enterprise_id: None for a source of the park itself.
        gas: CO2, CH4, N2O, or the gas that the carrier is.
        sector: energy, industrial_processes, agriculture, land_use or waste.
    """

    source_id: str
    name_zh: str
    name_en: str
    item: str
    scope: int
    carrier: str
    settlement_basis: str
    enterprise_id: str | None = None
    gas: str = "CO2"
    sector: str = "energy"


@dataclass(frozen=True)
class YearFigures:
    """The figures of a year that intensities divide by; None is not reported.

    Args:
        gross_output_10k_cny: Gross industrial output, 10^4 CNY, > 0.
        value_added_10k_cny: Industrial value added, 10^4 CNY, > 0.
        gdp_10k_cny: Gross domestic product, 10^4 CNY, > 0.
        employees_persons: Employees, persons, > 0.
        land_area_km2: Area, km2, > 0.
        leading_industries_share_pct: Share of the leading industries, per cent, 0 to 100 inclusive.
    """

    gross_output_10k_cny: Decimal | None = None
    value_added_10k_cny: Decimal | None = None
    gdp_10k_cny: Decimal | None = None
    employees_persons: Decimal | None = None
    land_area_km2: Decimal | None = None
    leading_industries_share_pct: Decimal | None = None


@dataclass(frozen=True)
class ActivityRow:
    """One row of activity data: how much of what was used, from when to when.

    Args:
        record_id: Chosen by the caller. The same id with the same content counts once; with other content it is refused.
        source_id: Where it was used.
        period_start: Inclusive. A date means midnight in the park's time zone; a datetime needs an offset.
        period_end: Exclusive.
        quantity: In `unit`, exact.
        unit: Such as kWh, MWh, t.
        supersedes: The id of the record that this row corrects.
        confirmed: True says that an implausible quantity is meant.
    """

    record_id: str
    source_id: str
    period_start: datetime | date
    period_end: datetime | date
    quantity: Decimal
    unit: str
    supersedes: str | None = None
    confirmed: bool | None = None


@dataclass(frozen=True)
class NewNode:
    """A node of an indicator system; an indicator where it has a kind.

    Args:
        node_id: Unique in its system.
        name_zh: Chinese name.
        name_en: English name.
        weight: Of its parent, > 0; those below one node sum to 1.
        parent_id: The node above; "" at the top.
        kind: share, rate, count, amount or boolean; "" for a node that others are below.
        unit: Of its values, such as %.
        direction: "+" where more is better, "-" where less is.
        description_zh: What it is, in Chinese.
        description_en: What it is, in English.
        veto: Whether missing its target fails the whole.
    """

    node_id: str
    name_zh: str
    name_en: str
    weight: Decimal
    parent_id: str = ""
    kind: str = ""
    unit: str = ""
    direction: str = ""
    description_zh: str = ""
    description_en: str = ""
    veto: bool = False


@dataclass(frozen=True)
class NewIndicatorSystem:
    """An indicator system of one's own; parents stand before children."""

    system_id: str
    name_zh: str
    name_en: str
    source: str
    nodes: Sequence[NewNode]
    scale: Decimal = Decimal(100)
    basis: str = "score"


@dataclass(frozen=True)
class NewThreshold:
    """Between which values the score of an indicator runs, in its unit."""

    node_id: str
    minimum: Decimal
    maximum: Decimal
    source: str


@dataclass(frozen=True)
class NewThresholdSet:
    """A version of thresholds.

    Args:
        threshold_set_id: Chosen by the caller.
        source: Where they are from.
        rows: The thresholds; none with peers.
        origin: region, park, peers or synthetic.
        peer_park_ids: With origin peers: the parks whose least and greatest values they are.
        peer_year: The year of those values.
    """

    threshold_set_id: str
    source: str
    rows: Sequence[NewThreshold] = ()
    origin: str = "park"
    peer_park_ids: Sequence[str] = ()
    peer_year: int | None = None


@dataclass(frozen=True)
class NewWeight:
    """A weight of a node."""

    node_id: str
    weight: Decimal


@dataclass(frozen=True)
class NewWeightSet:
    """A version of weights, of every node of its system; `method` is ahp, delphi or given."""

    weight_set_id: str
    source: str
    weights: Sequence[NewWeight]
    method: str = "given"


@dataclass(frozen=True)
class NewValue:
    """A value of an indicator.

    Args:
        indicator_id: Of the system.
        year: YYYY.
        value: In `unit`; yes and no are True and False.
        unit: "" for the indicator's own.
        evidence: Where the proof is: a document's id or address.
        confirmed: True stands by a 0, and by a share of 1 % or less.
    """

    indicator_id: str
    year: int
    value: Decimal | bool
    unit: str = ""
    evidence: str = ""
    confirmed: bool = False


@dataclass(frozen=True)
class NewStep:
    """Something that a park could do about an indicator.

    Args:
        step_id: Chosen by the caller.
        indicator_id: What it changes.
        change: By how much, in the indicator's unit.
        cost_10k_cny: 10^4 CNY, >= 0.
        divisible: Whether a part of it can be done for a part of the cost.
    """

    step_id: str
    indicator_id: str
    change: Decimal
    cost_10k_cny: Decimal
    divisible: bool = False


@dataclass(frozen=True)
class OwnData:
    """Data of one's own to evaluate, of which the platform keeps nothing.

    Args:
        year: Of the values.
        values: What is known.
        system_id: A stored system, such as pdi, or enterprise-credit for the rating of an enterprise.
        system: Or a system of one's own.
        weight_set_id: annex, equal or a stored set; the system's own when left out.
        weights: Or weights of one's own.
        thresholds: Over the platform's.
        industry: electronics, automotive, new_energy or "": for advice.
        energy_tce: For targets that depend on it, t standard coal, >= 0.
        scopes_1_and_2_t_co2e: The same, t CO2e, >= 0.
        intensity_t_per_10k_cny: Of an enterprise, for its standing among peers, t CO2e per 10^4 CNY, >= 0.
        peer_intensities_t_per_10k_cny: Of its peers, itself left out.
    """

    year: int
    values: Sequence[NewValue]
    system_id: str = ""
    system: NewIndicatorSystem | None = None
    weight_set_id: str = ""
    weights: Sequence[NewWeight] = ()
    thresholds: Sequence[NewThreshold] = ()
    industry: str = ""
    energy_tce: Decimal | None = None
    scopes_1_and_2_t_co2e: Decimal | None = None
    intensity_t_per_10k_cny: Decimal | None = None
    peer_intensities_t_per_10k_cny: Sequence[Decimal] = ()


@dataclass(frozen=True)
class Expert:
    """One expert's matrix of judgements as text: "3", "1/3", or "" for a missing one."""

    expert_id: str
    rows: Sequence[Sequence[str]]
    group: str = ""


@dataclass(frozen=True)
class NewJudgements:
    """Pairwise judgements of experts (AHP); `method` is eigenvector or geometric_mean."""

    items: Sequence[str]
    experts: Sequence[Expert]
    group_weights: Mapping[str, Decimal] = field(default_factory=dict)
    method: str = "eigenvector"
    random_index_table: str = "saaty-1980"


@dataclass(frozen=True)
class NewRounds:
    """Rounds of estimates (Delphi): points by round, expert and item; the bounds say when they have converged."""

    items: Sequence[str]
    rounds: Sequence[Sequence[Sequence[Decimal]]]
    variation_below: Decimal | None = None
    shift_below: Decimal | None = None
    significance_below: Decimal | None = None


@dataclass(frozen=True)
class NewCaller:
    """Who may call, and what they may. All bounds hold together; None is none.

    Args:
        name: For people.
        roles: Such as enterprise, park_manager, region_reader.
        parks: Park ids.
        regions: Beginnings of GB/T 2260 codes, 2 to 6 digits.
        enterprises: `<park>/<enterprise>`.
        issuer: An identity provider that vouches for the caller.
        external_subject: Who it is there.
        active: False shuts the caller out.
    """

    name: str
    roles: Sequence[str]
    parks: Sequence[str] | None = None
    regions: Sequence[str] | None = None
    enterprises: Sequence[str] | None = None
    issuer: str = ""
    external_subject: str = ""
    active: bool = True


@dataclass(frozen=True)
class NewKey:
    """A key to make.

    Args:
        name: For people, such as "MES, line 2".
        kind: api, client or signing.
        caller_id: Whose; None for oneself.
        scopes: What it is narrowed to; None for all that its caller may.
        expires_time: At most two years ahead; a year when left out.
    """

    name: str
    kind: str = "api"
    caller_id: str | None = None
    scopes: Sequence[str] | None = None
    expires_time: datetime | None = None


@dataclass(frozen=True)
class NewDocument:
    """What a document of the library is; `kind` is policy, standard, news, case or training, `issued_date` YYYY-MM-DD."""

    kind: str
    title: str
    issuing_body: str
    issued_date: str
    summary: str = ""


@dataclass(frozen=True)
class MappingProfile:
    """How own files are read.

    Args:
        columns: The platform's field of each own heading.
        ignore_other_columns: Whether columns of other names are left out, instead of refusing the file.
        defaults: What a field holds in rows that bring nothing for it.
        units: The unit that each own one stands for.
        utc_offset: For times without one, such as +08:00.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    ignore_other_columns: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    utc_offset: str = ""


Entry = (
    NewPark
    | NewEnterprise
    | NewSource
    | YearFigures
    | ActivityRow
    | NewIndicatorSystem
    | NewThresholdSet
    | NewWeightSet
    | NewStep
    | OwnData
    | NewJudgements
    | NewRounds
    | NewCaller
    | NewKey
    | NewDocument
    | MappingProfile
    | NewFinding
)


def to_json(entry: Entry) -> dict[str, Any]:
    """Returns the JSON object of an entry: decimals as plain decimal strings, instants as RFC 3339, None left out.

    Raises:
        ValueError: A datetime has no offset from UTC.
        TypeError: A decimal was given as float, which has already lost digits.
    """
    return _object(entry)


def value_row(value: NewValue) -> dict[str, Any]:
    """Returns the row of a value; the API takes years and truths as text, as tables have them.

    Raises:
        TypeError: The value was given as float, or as another number than a Decimal.
    """
    if not isinstance(value.value, Decimal | bool):
        raise TypeError(f"value must be a Decimal or a bool, got {value.value!r}")
    told = ("no", "yes")[value.value] if isinstance(value.value, bool) else format(value.value, "f")
    return {**_object(value), "year": str(value.year), "value": told}


def _object(entry: Any) -> dict[str, Any]:
    return {
        member.name: _to_json_value(member.name, value)
        for member in fields(entry)
        if (value := getattr(entry, member.name)) is not None
    }


def _to_json_value(name: str, value: object) -> object:
    if isinstance(value, NewValue):
        return value_row(value)
    if is_dataclass(value):
        return _object(value)
    if isinstance(value, Mapping):
        return {key: _to_json_value(name, member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json_value(name, member) for member in value]
    if isinstance(value, float):
        raise TypeError(f"{name} must be a Decimal, got the float {value!r}")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{name} must have an offset from UTC, got {value.isoformat()}")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value
