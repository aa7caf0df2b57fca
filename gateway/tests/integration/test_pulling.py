"""Platforms that pull: entity tags, chosen members, CSV, and the parks of a region."""

import csv
import io
from typing import Any

import httpx
import pytest

PARK = {
    "park_id": "etdz",
    "name_zh": "赣州经开区",
    "name_en": "=Ganzhou",
    "region_code": "360700",
    "factor_set_id": "wang-2024",
}
RECORDS = "/v1/parks/etdz/activity-records"
ROW = {
    "record_id": "r-1",
    "source_id": "s-1",
    "period_start": "2022-01-01",
    "period_end": "2022-02-01",
    "quantity": "12.5",
    "unit": "MWh",
}
CSV = {"Accept": "text/csv"}


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8", answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
async def filled(served: Any) -> Any:
    async with served.client() as client:
        for park_id, code in (("etdz", "360700"), ("a", "360102"), ("b", "110101")):
            assert (await client.post("/v1/parks", json={**PARK, "park_id": park_id, "region_code": code})).status_code == 201
        await client.post(RECORDS, json=[ROW, {**ROW, "record_id": "r-2"}])
    return served


async def test_what_has_not_changed_is_not_sent_again(filled: Any) -> None:
    async with filled.client() as client:
        first = await client.get("/v1/parks/etdz")
        tag = first.headers["etag"]
        for condition in (tag, f'"other", W/{tag}', "*"):
            again = await client.get("/v1/parks/etdz", headers={"If-None-Match": condition})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await client.get("/v1/parks/etdz", headers={"If-None-Match": '"other"'})).json() == first.json()
        records = await client.get(RECORDS)
        await client.post(RECORDS, json=[{**ROW, "record_id": "r-3"}])
        changed = await client.get(RECORDS, headers={"If-None-Match": records.headers["etag"]})
        assert (changed.status_code, len(changed.json()["records"])) == (200, 3)


async def test_only_the_members_that_are_asked_for_come(filled: Any) -> None:
    async with filled.client() as client:
        assert (await client.get("/v1/parks/etdz?fields=region_code,park_id")).json() == {
            "region_code": "360700",
            "park_id": "etdz",
        }
        listed = (await client.get("/v1/parks?fields=park_id&page_size=2")).json()
        assert listed["parks"] == [{"park_id": "a"}, {"park_id": "b"}]
        assert listed["next_page_token"]
        emissions = await client.get("/v1/parks/etdz/emissions?from=2022&to=2023&group_by=scope&fields=scope,records")
        assert emissions.json()["groups"] == [{"scope": "x", "records": 2}]
        refused = await client.get("/v1/parks?fields=park_id,colour")
        assert (refused.status_code, refused.json()["errors"][0]["found"]) == (422, "colour")
        assert "park_id" in refused.json()["errors"][0]["allowed"]


async def test_lists_come_as_tables(filled: Any) -> None:
    async with filled.client() as client:
        answer = await client.get("/v1/parks?page_size=2", headers=CSV)
        rows = table(answer)
        assert [row["park_id"] for row in rows] == ["a", "b"]
        assert rows[0]["name_en"] == "'=Ganzhou"
        assert rows[0]["latitude_deg"] == ""
        rest = await client.get("/v1/parks", params={"page_token": answer.headers["x-next-page-token"]}, headers=CSV)
        assert [row["park_id"] for row in table(rest)] == ["etdz"]
        assert "x-next-page-token" not in rest.headers
        assert list(table(await client.get(RECORDS + "?fields=quantity,record_id", headers=CSV))[0]) == ["quantity", "record_id"]
        groups = table(await client.get("/v1/parks/etdz/emissions?from=2022&to=2023&group_by=scope", headers=CSV))
        assert groups == [{"scope": "x", "emissions_t_co2e": "14.5250", "energy_tce": "0", "records": "2"}]
        [park] = table(await client.get("/v1/parks/etdz", headers=CSV))
        assert park["region_code"] == "360700"
        assert table(await client.get("/v1/parks/etdz/indicators?year=2022", headers=CSV))[0]["name"] == "emissions_t_co2e"


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        ("text/csv", True),
        ("text/csv, application/json;q=0.5", True),
        ("application/json, text/csv", False),
        ("text/csv;q=0", False),
        ("*/*", False),
        ("text/*", False),
        ("text/csv;q=nonsense", False),
    ],
)
async def test_accept_decides(filled: Any, accept: str, is_csv: bool) -> None:
    async with filled.client() as client:
        answer = await client.get("/v1/parks", headers={"Accept": accept})
        assert answer.headers["content-type"].startswith("text/csv") is is_csv
        assert "Accept" in answer.headers["vary"]


async def test_a_refusal_is_a_problem_whatever_is_accepted(filled: Any) -> None:
    async with filled.client() as client:
        answer = await client.get("/v1/parks/none", headers={**CSV, "If-None-Match": "*"})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("code", "parks"),
    [
        ("36", ["a", "etdz"]),
        ("3607", ["etdz"]),
        ("360000", ["a", "etdz"]),
        ("360100", ["a"]),
        ("110101", ["b"]),
        ("990000", []),
    ],
)
async def test_a_region_has_its_parks(filled: Any, code: str, parks: list[str]) -> None:
    async with filled.client() as client:
        assert [park["park_id"] for park in (await client.get(f"/v1/regions/{code}/parks")).json()["parks"]] == parks
    async with filled.client("stranger-token") as client:
        assert (await client.get(f"/v1/regions/{code}/parks")).json()["parks"] == []


async def test_what_is_no_region_is_refused(filled: Any) -> None:
    async with filled.client() as client:
        for code in ("3", "360", "36070a", "3607000"):
            assert (await client.get(f"/v1/regions/{code}/parks")).status_code == 422
