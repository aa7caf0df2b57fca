"""The calls of the accounting service; see `core.call`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import httpx

from parkcarbon_client.core.answers import ActivityOutcome, Job, Page, Registered
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.decoding import decode
from parkcarbon_client.core.errors import AnswerNotUnderstood
from parkcarbon_client.core.requests import JSON, json_body, list_page, path, query, register, send_json
from parkcarbon_client.core.responses import content_of, object_of, registered, value_of
from parkcarbon_client.services.accounting_answers import (
    ActivityRecord,
    AnnualFigures,
    Emissions,
    EmissionsGroup,
    EmissionsSum,
    Enterprise,
    Factor,
    FactorSet,
    Finding,
    Indicators,
    Inventory,
    InventoryLine,
    Park,
    Publication,
    PublishedEmissions,
    PublishedPark,
    RegionEmissions,
    RegionRelease,
    Replay,
    Source,
    Withdrawal,
)
from parkcarbon_client.services.accounting_entries import (
    ActivityRow,
    NewEnterprise,
    NewFinding,
    NewPark,
    NewSource,
    YearFigures,
)

_PARK = "/v1/parks/{park_id}"
_INVENTORY = _PARK + "/inventories/{inventory_id}"
_FINDING = _INVENTORY + "/findings/{finding_id}"


def create_park(park: NewPark) -> Call[Registered[Park]]:
    """Registers a park."""
    return register("POST", "/v1/parks", park, Park)


def list_parks(page_token: str = "") -> Call[Page[Park]]:
    """Reads a page of parks."""
    return list_page("/v1/parks", "parks", Park, page_token)


def list_region_parks(region_code: str, page_token: str = "") -> Call[Page[Park]]:
    """Reads a page of the parks of a region."""
    return list_page(path("/v1/regions/{region_code}/parks", region_code=region_code), "parks", Park, page_token)


def park(park_id: str) -> Call[Park]:
    """Reads a park."""
    return Call("GET", path(_PARK, park_id=park_id), value_of(Park))


def create_enterprise(park_id: str, enterprise: NewEnterprise) -> Call[Registered[Enterprise]]:
    """Registers an enterprise."""
    return register("POST", path(_PARK + "/enterprises", park_id=park_id), enterprise, Enterprise)


def list_enterprises(park_id: str, page_token: str = "") -> Call[Page[Enterprise]]:
    """Reads a page of enterprises."""
    return list_page(path(_PARK + "/enterprises", park_id=park_id), "enterprises", Enterprise, page_token)


def create_source(park_id: str, source: NewSource) -> Call[Registered[Source]]:
    """Registers an emission source."""
    return register("POST", path(_PARK + "/sources", park_id=park_id), source, Source)


def list_sources(park_id: str, page_token: str = "") -> Call[Page[Source]]:
    """Reads a page of sources."""
    return list_page(path(_PARK + "/sources", park_id=park_id), "sources", Source, page_token)


def record_annual_figures(park_id: str, year: int, figures: YearFigures) -> Call[AnnualFigures]:
    """Records the figures of a year."""
    return send_json("PUT", path(_PARK + "/annual-figures/{year}", park_id=park_id, year=year), figures, value_of(AnnualFigures))


def list_annual_figures(park_id: str, page_token: str = "") -> Call[Page[AnnualFigures]]:
    """Reads a page of the versions of annual figures."""
    return list_page(path(_PARK + "/annual-figures", park_id=park_id), "annual_figures", AnnualFigures, page_token)


def record_activity(park_id: str, rows: Sequence[ActivityRow], results: str) -> Call[ActivityOutcome]:
    """Sends rows."""
    return send_activity(park_id, json_body(list(rows)), JSON, results)


def send_activity(park_id: str, body: bytes, media_type: str, results: str, profile: str = "") -> Call[ActivityOutcome]:
    """Sends a body of rows as it is."""
    return Call(
        "POST",
        path(_PARK + "/activity-records", park_id=park_id),
        value_of(ActivityOutcome),
        params=query(results=results, profile=profile),
        content=body,
        media_type=f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
    )


def list_activity_records(park_id: str, page_token: str = "") -> Call[Page[ActivityRecord]]:
    """Reads a page of accepted records."""
    return list_page(path(_PARK + "/activity-records", park_id=park_id), "records", ActivityRecord, page_token)


def activity_template(language: str) -> Call[bytes]:
    """Reads the workbook for activity data."""
    return Call("GET", "/v1/templates/activity-records.xlsx", content_of, params=query(lang=language))


def emissions(park_id: str, from_month: str, to_month: str, group_by: Sequence[str]) -> Call[Emissions]:
    """Reads totals within [from_month, to_month)."""
    params = query(from_=from_month, to=to_month, group_by=",".join(group_by))
    return Call("GET", path(_PARK + "/emissions", park_id=park_id), _emissions, params=params)


def indicators(park_id: str, year: int) -> Call[Indicators]:
    """Reads the indicators of a year."""
    return Call("GET", path(_PARK + "/indicators", park_id=park_id), value_of(Indicators), params=query(year=year))


def rebuild_sums(park_id: str) -> Call[Job]:
    """Starts the job that computes a park's sums anew."""
    return Call("POST", path(_PARK + "/sums:rebuild", park_id=park_id), value_of(Job))


def close_inventory(park_id: str, year: int, reason: str) -> Call[Registered[Inventory]]:
    """Closes the inventory of a year."""
    return register("POST", path(_PARK + "/inventories", park_id=park_id), {"year": year, "reason": reason}, Inventory)


def list_inventories(park_id: str, page_token: str = "") -> Call[Page[Inventory]]:
    """Reads a page of inventories."""
    return list_page(path(_PARK + "/inventories", park_id=park_id), "inventories", Inventory, page_token)


def inventory(park_id: str, inventory_id: str) -> Call[Inventory]:
    """Reads an inventory with its parts and factors."""
    return Call("GET", path(_INVENTORY, park_id=park_id, inventory_id=inventory_id), value_of(Inventory))


def list_inventory_lines(park_id: str, inventory_id: str, page_token: str = "") -> Call[Page[InventoryLine]]:
    """Reads a page of the lines of an inventory."""
    url_path = path(_INVENTORY + "/lines", park_id=park_id, inventory_id=inventory_id)
    return list_page(url_path, "lines", InventoryLine, page_token)


def replay_inventory(park_id: str, inventory_id: str) -> Call[Replay]:
    """Computes a closed inventory again."""
    return Call("POST", path(_INVENTORY + ":replay", park_id=park_id, inventory_id=inventory_id), value_of(Replay))


def write_finding(park_id: str, inventory_id: str, finding: NewFinding) -> Call[Registered[Finding]]:
    """Writes a finding."""
    return register("POST", path(_INVENTORY + "/findings", park_id=park_id, inventory_id=inventory_id), finding, Finding)


def list_findings(park_id: str, inventory_id: str, page_token: str = "") -> Call[Page[Finding]]:
    """Reads a page of findings."""
    url_path = path(_INVENTORY + "/findings", park_id=park_id, inventory_id=inventory_id)
    return list_page(url_path, "findings", Finding, page_token)


def answer_finding(
    park_id: str, inventory_id: str, finding_id: str, text: str, restated_in: str, evidence: Sequence[str]
) -> Call[Finding]:
    """Adds a reply to a finding."""
    url_path = path(_FINDING + ":answer", park_id=park_id, inventory_id=inventory_id, finding_id=finding_id)
    body = {"text": text, "restated_in": restated_in, "evidence": list(evidence)}
    return send_json("POST", url_path, body, value_of(Finding))


def close_finding(park_id: str, inventory_id: str, finding_id: str, conclusion: str, text: str) -> Call[Finding]:
    """Closes a finding."""
    url_path = path(_FINDING + ":close", park_id=park_id, inventory_id=inventory_id, finding_id=finding_id)
    return send_json("POST", url_path, {"conclusion": conclusion, "text": text}, value_of(Finding))


def publish_inventory(park_id: str, inventory_id: str, breakdowns: Sequence[str]) -> Call[Registered[Publication]]:
    """Publishes an inventory."""
    url_path = path(_INVENTORY + ":publish", park_id=park_id, inventory_id=inventory_id)
    return register("POST", url_path, {"breakdowns": list(breakdowns)}, Publication)


def withdraw_publication(park_id: str, inventory_id: str, reason: str) -> Call[Withdrawal]:
    """Withdraws a publication."""
    url_path = path(_INVENTORY + ":withdraw", park_id=park_id, inventory_id=inventory_id)
    return send_json("POST", url_path, {"reason": reason}, value_of(Withdrawal))


def release_regions(year: int) -> Call[Registered[RegionRelease]]:
    """Releases the sums of a year by region."""
    return send_json("POST", "/v1/region-releases", {"year": year}, registered(RegionRelease))


def list_published_parks(page_token: str = "") -> Call[Page[PublishedPark]]:
    """Reads a page of the parks of which something is published."""
    return list_page("/v1/published/parks", "parks", PublishedPark, page_token)


def list_published_emissions(park_id: str, page_token: str = "") -> Call[Page[PublishedEmissions]]:
    """Reads a page of the published sums of a park."""
    url_path = path("/v1/published/parks/{park_id}/emissions", park_id=park_id)
    return list_page(url_path, "emissions", PublishedEmissions, page_token)


def region_emissions(region_code: str, year: int) -> Call[RegionEmissions]:
    """Reads the released sums of a region."""
    url_path = path("/v1/published/regions/{region_code}/emissions", region_code=region_code)
    return Call("GET", url_path, value_of(RegionEmissions), params=query(year=year))


def list_factor_sets(page_token: str = "") -> Call[Page[FactorSet]]:
    """Reads a page of factor sets."""
    return list_page("/v1/factor-sets", "factor_sets", FactorSet, page_token)


def list_factors(set_id: str, page_token: str = "") -> Call[Page[Factor]]:
    """Reads a page of a set's factors."""
    return list_page(path("/v1/factor-sets/{set_id}/factors", set_id=set_id), "factors", Factor, page_token)


def _emissions(response: httpx.Response) -> Emissions:
    answer = object_of(response)
    try:
        return Emissions(
            park_id=answer["park_id"],
            from_month=answer["from"],
            to_month=answer["to"],
            group_by=tuple(answer["group_by"]),
            factor_set_id=answer["factor_set_id"],
            groups=tuple(_emissions_group(group) for group in answer["groups"]),
            total=decode(EmissionsSum, answer["total"]),
            removals=decode(EmissionsSum, answer["removals"]),
            biogenic=decode(EmissionsSum, answer["biogenic"]),
            straddling=decode(EmissionsSum, answer["straddling"]),
        )
    except (KeyError, TypeError) as error:
        raise AnswerNotUnderstood("Emissions", "park_id, from, to, group_by, factor_set_id, groups, …", answer) from error


_SUM_MEMBERS = frozenset(field.name for field in fields(EmissionsSum))


def _emissions_group(group: Any) -> EmissionsGroup:
    total = decode(EmissionsSum, group, "Emissions.groups")
    keys = {name: str(value) for name, value in group.items() if name not in _SUM_MEMBERS}
    return EmissionsGroup(keys, total.emissions_t_co2e, total.energy_tce, total.records)
