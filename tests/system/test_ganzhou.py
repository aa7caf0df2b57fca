"""The main job, as a user does it: push a park's activity through the gateway and read its account."""

import json
import signal
from decimal import Decimal

import httpx
import pytest

from tests.system import ganzhou
from tests.system.conftest import Platform, register


def push(client: httpx.Client, park: str, content: bytes, media_type: str) -> dict[str, object]:
    answer = client.post(f"/v1/parks/{park}/activity-records", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 200, answer.text
    receipt: dict[str, object] = answer.json()
    return receipt


def counts(receipt: dict[str, object]) -> dict[str, object]:
    return {name: receipt[name] for name in ("rows", "accepted", "duplicate", "superseded", "rejected")}


BODIES = {
    "application/json": json.dumps(ganzhou.rows(), ensure_ascii=False).encode(),
    "application/x-ndjson": b"\n".join(json.dumps(row, ensure_ascii=False).encode() for row in ganzhou.rows()),
    "text/csv": ganzhou.csv_text().encode(),
    "text/csv; charset=gb18030": ganzhou.csv_text().encode("gb18030"),
}


@pytest.mark.parametrize("media_type", BODIES)
def test_the_published_quantities_give_the_published_figures(platform: Platform, park: str, media_type: str) -> None:
    with platform.client() as client:
        receipt = push(client, park, BODIES[media_type], media_type)
        assert counts(receipt) == {"rows": 9, "accepted": 9, "duplicate": 0, "superseded": 0, "rejected": 0}
        for year, output in ganzhou.GROSS_OUTPUT_10K_CNY.items():
            body = {"gross_output_10k_cny": output, "leading_industries_share_pct": "28.21"}
            assert client.put(f"/v1/parks/{park}/annual-figures/{year}", json=body).status_code == 200

        for year, published in ganzhou.PUBLISHED_EMISSIONS_10K_T.items():
            query = {"from": f"{year}-01", "to": f"{year + 1}-01", "group_by": "scope,carrier"}
            emissions = client.get(f"/v1/parks/{park}/emissions", params=query).json()
            total_t = Decimal(emissions["total"]["emissions_t_co2e"])
            assert f"{total_t / 10_000:.4f}" == ganzhou.EMISSIONS_10K_T[year]
            assert abs(total_t / 10_000 / published - 1) < Decimal("0.001")
            assert sum(Decimal(group["emissions_t_co2e"]) for group in emissions["groups"]) == total_t

            yearly = client.get(f"/v1/parks/{park}/indicators", params={"year": year}).json()
            figures = {each["name"]: each["value"] for each in yearly["indicators"]}
            assert Decimal(figures["emissions_t_co2e"]) == total_t
            assert f"{Decimal(figures['energy_tce']) / 10_000:.2f}" == ganzhou.ENERGY_10K_TCE[year]
            assert figures["emissions_intensity_t_per_10k_cny"] == ganzhou.INTENSITY_T_PER_10K_CNY[year]
            assert sum(Decimal(share["share_pct"]) for share in yearly["energy_mix"]) == 100


def test_the_same_file_pushed_twice_changes_nothing(platform: Platform, park: str) -> None:
    with platform.client() as client:
        push(client, park, BODIES["text/csv"], "text/csv")
        query = {"from": "2020-01", "to": "2023-01", "group_by": "year,source"}
        before = client.get(f"/v1/parks/{park}/emissions", params=query).json()
        records = client.get(f"/v1/parks/{park}/activity-records").json()

        receipt = push(client, park, BODIES["text/csv"], "text/csv")

        assert counts(receipt) == {"rows": 9, "accepted": 0, "duplicate": 9, "superseded": 0, "rejected": 0}
        assert client.get(f"/v1/parks/{park}/emissions", params=query).json() == before
        assert client.get(f"/v1/parks/{park}/activity-records").json() == records


def test_half_the_file_then_kill_then_the_whole_file_gives_the_same_totals(own_platform: Platform) -> None:

    lines = ganzhou.csv_text().splitlines(keepends=True)
    query = {"from": "2020-01", "to": "2023-01", "group_by": "year"}
    own_platform.start()
    with own_platform.client() as client:
        register(client, "whole")
        register(client, "half")
        push(client, "whole", BODIES["text/csv"], "text/csv")
        expected = client.get("/v1/parks/whole/emissions", params=query).json()
        push(client, "half", "".join(lines[:5]).encode(), "text/csv")
    own_platform.end(signal.SIGKILL)

    own_platform.start()
    with own_platform.client() as client:
        receipt = push(client, "half", BODIES["text/csv"], "text/csv")
        assert counts(receipt) == {"rows": 9, "accepted": 5, "duplicate": 4, "superseded": 0, "rejected": 0}
        found = client.get("/v1/parks/half/emissions", params=query).json()
    assert found["groups"] == expected["groups"]
    assert found["total"] == expected["total"]
