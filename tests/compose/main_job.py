"""The main job against a platform anywhere: push the published activity of Ganzhou, read the published account."""

import time
from decimal import Decimal
from typing import Any

import httpx

from tests.system import ganzhou
from tests.system.conftest import register

PATIENCE_SECONDS = 60


def push_ganzhou(client: httpx.Client, park_id: str) -> None:
    """Registers a park and pushes the nine records of its three years."""
    register(client, park_id)
    assert pushed(client, park_id) == {"rows": 9, "accepted": 9, "duplicate": 0, "superseded": 0, "rejected": 0}
    for year, output in ganzhou.GROSS_OUTPUT_10K_CNY.items():
        body = {"gross_output_10k_cny": output, "leading_industries_share_pct": "28.21"}
        assert client.put(f"/v1/parks/{park_id}/annual-figures/{year}", json=body).status_code == 200


def pushed(client: httpx.Client, park_id: str) -> dict[str, int]:
    """Pushes the records and returns what became of them."""
    content = ganzhou.csv_text().encode()
    answer = client.post(f"/v1/parks/{park_id}/activity-records", content=content, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    return {name: receipt[name] for name in ("rows", "accepted", "duplicate", "superseded", "rejected")}


def check_ganzhou(client: httpx.Client, park_id: str) -> None:
    """Compares emissions, energy and intensity of each year with what is published."""
    for year, published in ganzhou.PUBLISHED_EMISSIONS_10K_T.items():
        query = {"from": f"{year}-01", "to": f"{year + 1}-01", "group_by": "scope,carrier"}
        answer = client.get(f"/v1/parks/{park_id}/emissions", params=query)
        assert answer.status_code == 200, answer.text
        total_t = Decimal(answer.json()["total"]["emissions_t_co2e"])
        assert f"{total_t / 10_000:.4f}" == ganzhou.EMISSIONS_10K_T[year]
        assert abs(total_t / 10_000 / published - 1) < Decimal("0.001")
        yearly = client.get(f"/v1/parks/{park_id}/indicators", params={"year": year}).json()
        figures = {each["name"]: each["value"] for each in yearly["indicators"]}
        assert f"{Decimal(figures['energy_tce']) / 10_000:.2f}" == ganzhou.ENERGY_10K_TCE[year]
        assert figures["emissions_intensity_t_per_10k_cny"] == ganzhou.INTENSITY_T_PER_10K_CNY[year]


def changes_of(client: httpx.Client, park_id: str, at_least: int) -> list[dict[str, Any]]:
    """Reads the change feed until it tells so many changes of a park; they come a moment after the answer to a push."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found: list[dict[str, Any]] = []
        since = ""
        while True:
            page = client.get("/v1/changes", params={"since": since, "limit": 1000} if since else {"limit": 1000}).json()
            found += [change for change in page["changes"] if change["park_id"] == park_id]
            if not page["changes"]:
                break
            since = page["next"]
        if len(found) >= at_least or time.monotonic() > deadline:
            return found
        time.sleep(0.5)
