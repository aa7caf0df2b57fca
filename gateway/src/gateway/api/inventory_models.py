"""The bodies and answers of closed inventories. Decimals are text."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gateway.api.models import FactorAnswer
from gateway.api.schemas.model import Answer, RequestBody


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [value]})


def _shown(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


_INVENTORY: dict[str, Any] = {
    "park_id": "ganzhou-etdz",
    "inventory_id": "2022-v1",
    "year": 2022,
    "version": 1,
    "state": "in_force",
    "factor_set_id": "wang-2024",
    "last_position": 9,
    "records": 3,
    "records_sha256": "5f0c…",
    "content_sha256": "b71a…",
    "closed_by": "park-manager",
    "closed_time": "2026-11-21T02:00:00Z",
    "emissions_t_co2e": "1005953.9959278",
    "scope_1_t_co2e": "394680.9177218",
    "scope_2_t_co2e": "611273.078206",
    "scope_3_t_co2e": "0",
    "removals_t_co2e": "0",
    "biogenic_t_co2e": "0",
    "energy_tce": "327601.4561",
}
_LINE: dict[str, Any] = {
    "line": 1,
    "scope": 1,
    "item": "enterprise.fuel_combustion",
    "carrier": "natural_gas",
    "gas": "CO2",
    "sector": "energy",
    "counted_as": "total",
    "emissions_t_co2e": "63265.4",
    "energy_tce": "39312.0",
    "records": 1,
}


class CloseBody(RequestBody):
    """Which year to close, and why once more."""

    model_config = _example({"year": 2022})

    year: Annotated[int, Field(ge=1900, le=2200)]
    reason: Annotated[str, Field(max_length=500)] = ""


class InventoryAnswer(Answer):
    """A closed inventory. Removals and biogenic CO2 stand apart from the total of the scopes."""

    model_config = _shown(_INVENTORY)

    park_id: str
    inventory_id: str
    year: int
    version: int
    state: Literal["in_force", "restated"]
    reason: str | None = None
    factor_set_id: str
    last_position: int
    records: int
    records_sha256: str
    content_sha256: str
    closed_by: str
    closed_time: str
    emissions_t_co2e: str
    scope_1_t_co2e: str
    scope_2_t_co2e: str
    scope_3_t_co2e: str
    removals_t_co2e: str
    biogenic_t_co2e: str
    energy_tce: str


class InventoriesAnswer(Answer):
    """Inventories by year and version."""

    model_config = _shown({"inventories": [_INVENTORY], "next_page_token": ""})

    inventories: list[InventoryAnswer]
    next_page_token: str


class PartAnswer(Answer):
    """The part of the total that has one key in a dimension."""

    dimension: Literal["gas", "item", "sector"]
    key: str
    emissions_t_co2e: str
    energy_tce: str
    records: int


class WholeInventoryAnswer(InventoryAnswer):
    """A closed inventory with its parts and factor rows."""

    model_config = _shown(
        {
            **_INVENTORY,
            "parts": [
                {"dimension": "gas", "key": "CO2", "emissions_t_co2e": "1005953.9959278", "energy_tce": "327601.4561", "records": 3}
            ],
            "factors": [],
        }
    )

    parts: list[PartAnswer]
    factors: list[FactorAnswer]


class LineAnswer(Answer):
    """The sum over the records of one enterprise, scope, item, carrier and gas; no enterprise is the park itself."""

    line: int
    enterprise_id: str | None = None
    scope: int
    item: str
    carrier: str
    gas: str
    sector: str
    counted_as: Literal["total", "removal", "biogenic"]
    emissions_t_co2e: str
    energy_tce: str
    records: int


class LinesAnswer(Answer):
    """Lines in the order of their number."""

    model_config = _shown({"lines": [_LINE], "next_page_token": ""})

    lines: list[LineAnswer]
    next_page_token: str


class DifferenceAnswer(Answer):
    """Where a replay found another value than what was closed."""

    what: Literal["records", "records_sha256", "totals", "content_sha256", "record", "line"]
    key: str | None = None
    closed: str | None = None
    replayed: str | None = None


class ReplayAnswer(Answer):
    """What a replay found."""

    model_config = _shown({"equal": True, "records": 3, "differences": []})

    equal: bool
    records: int
    differences: list[DifferenceAnswer]


_CELL: dict[str, Any] = {"dimension": "total", "key": "", "status": "shown", "emissions_t_co2e": "1005953.9959278"}
_PUBLICATION: dict[str, Any] = {
    "inventory_id": "2022-v1",
    "year": 2022,
    "version": 1,
    "state": "in_force",
    "rule_id": "house-2026",
    "published_time": "2026-11-21T02:00:00Z",
}


class PublishBody(RequestBody):
    """Which parts of the total are published with it."""

    model_config = _example({"breakdowns": ["scope"]})

    breakdowns: Annotated[list[Literal["scope", "industry"]], Field(max_length=2)] = Field(default_factory=list)


class WithdrawBody(RequestBody):
    """Why a publication is taken back."""

    model_config = _example({"reason": "The bill of December was wrong"})

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class ReleaseBody(RequestBody):
    """Which year is released."""

    model_config = _example({"year": 2022})

    year: Annotated[int, Field(ge=1900, le=2200)]


class CellAnswer(Answer):
    """A published sum; one that is not shown says which rule it would break, and has no amount."""

    dimension: Literal["total", "scope", "industry", "region"]
    key: str
    status: Literal["shown", "minimum_contributors", "dominance", "p_percent", "differencing"]
    emissions_t_co2e: str | None


class PublicationAnswer(Answer):
    """What of an inventory is published."""

    model_config = _shown({"park_id": "ganzhou-etdz", **_PUBLICATION, "breakdowns": [], "cells": [_CELL]})

    park_id: str
    inventory_id: str
    year: int
    version: int
    state: Literal["in_force", "restated"]
    breakdowns: list[str]
    cells: list[CellAnswer]
    rule_id: str
    published_time: str


class WithdrawalAnswer(Answer):
    """That a publication is shown no more."""

    model_config = _shown({"withdrawn_time": "2026-11-21T02:00:00Z", "changed": True})

    withdrawn_time: str
    changed: bool


class ReleaseAnswer(Answer):
    """The sums of a year by region."""

    model_config = _shown(
        {
            "year": 2022,
            "rule_id": "house-2026",
            "released_time": "2026-11-21T02:00:00Z",
            "cells": [{**_CELL, "dimension": "region", "key": "36"}],
        }
    )

    year: int
    rule_id: str
    released_time: str
    cells: list[CellAnswer]


class PublishedParkAnswer(Answer):
    """A park of which something is published."""

    park_id: str
    name_zh: str
    name_en: str
    region_code: str


class PublishedParksAnswer(Answer):
    """Parks in order of id."""

    model_config = _shown(
        {
            "parks": [
                {"park_id": "ganzhou-etdz", "name_zh": "赣州经开区", "name_en": "Ganzhou ETDZ", "region_code": "360700"},
            ],
            "next_page_token": "",
        }
    )

    parks: list[PublishedParkAnswer]
    next_page_token: str


class PublishedRowAnswer(CellAnswer):
    """A published sum of a park, with the publication that it is of."""

    inventory_id: str
    year: int
    version: int
    state: Literal["in_force", "restated"]
    rule_id: str
    published_time: str


class PublishedEmissionsAnswer(Answer):
    """What of a park is published."""

    model_config = _shown({"park_id": "ganzhou-etdz", "emissions": [{**_PUBLICATION, **_CELL}], "next_page_token": ""})

    park_id: str
    emissions: list[PublishedRowAnswer]
    next_page_token: str


class RegionEmissionsAnswer(Answer):
    """The released sums of a region and of the regions in it."""

    model_config = _shown(
        {
            "region_code": "36",
            "year": 2022,
            "rule_id": "house-2026",
            "released_time": "2026-11-21T02:00:00Z",
            "emissions": [
                {**_CELL, "dimension": "region", "key": "36"},
                {"dimension": "region", "key": "3607", "status": "minimum_contributors", "emissions_t_co2e": None},
            ],
        }
    )

    region_code: str
    year: int
    rule_id: str
    released_time: str
    emissions: list[CellAnswer]


SENT = (CloseBody, PublishBody, WithdrawBody, ReleaseBody)
"""Every body, for the API's description."""
