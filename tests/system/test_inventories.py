"""The published account of Ganzhou as closed inventories, through the gateway: closed, pulled, followed and computed again."""

import time
from decimal import Decimal

import httpx

from tests.system import ganzhou
from tests.system.conftest import Platform

CLOSED = "parkcarbon.accounting.events.v1.InventoryClosed"


def _closed_years(client: httpx.Client, park: str) -> dict[int, str]:
    """Pushes the three years, closes each, and returns the total of each."""
    pushed = client.post(
        f"/v1/parks/{park}/activity-records", content=ganzhou.csv_text().encode(), headers={"Content-Type": "text/csv"}
    )
    assert pushed.json()["rejected"] == 0, pushed.text
    found = {}
    for year in ganzhou.QUANTITIES:
        answer = client.post(f"/v1/parks/{park}/inventories", json={"year": year})
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/v1/parks/{park}/inventories/{year}-v1"
        found[year] = answer.json()["emissions_t_co2e"]
    return found


def test_the_published_totals_are_closed_and_computed_again(platform: Platform, park: str) -> None:
    with platform.client() as client:
        for year, total_t in _closed_years(client, park).items():
            assert f"{Decimal(total_t) / 10_000:.4f}" == ganzhou.EMISSIONS_10K_T[year]
            assert abs(Decimal(total_t) / 10_000 / ganzhou.PUBLISHED_EMISSIONS_10K_T[year] - 1) < Decimal("0.001")
            replay = client.post(f"/v1/parks/{park}/inventories/{year}-v1:replay")
            assert replay.json() == {"equal": True, "records": 3, "differences": []}
            assert client.post(f"/v1/parks/{park}/inventories", json={"year": year}).status_code == 200


def test_inventories_are_pulled_as_json_and_csv_with_entity_tags(platform: Platform, park: str) -> None:
    with platform.client() as client:
        totals = _closed_years(client, park)
        address = f"/v1/parks/{park}/inventories"
        listed = client.get(address).json()
        assert [(each["inventory_id"], each["emissions_t_co2e"]) for each in listed["inventories"]] == [
            (f"{year}-v1", total) for year, total in totals.items()
        ]
        table = client.get(f"{address}?fields=year,emissions_t_co2e,state", headers={"Accept": "text/csv"})
        assert table.text.splitlines() == ["year,emissions_t_co2e,state", *(f"{y},{t},in_force" for y, t in totals.items())]
        one = client.get(f"{address}/2022-v1")
        assert len(one.json()["factors"]) > 0
        assert sum(Decimal(each["emissions_t_co2e"]) for each in one.json()["parts"] if each["dimension"] == "item") == Decimal(
            totals[2022]
        )
        unchanged = client.get(f"{address}/2022-v1", headers={"If-None-Match": one.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        lines = client.get(f"{address}/2022-v1/lines").json()["lines"]
        assert sum(Decimal(each["emissions_t_co2e"]) for each in lines) == Decimal(totals[2022])


def test_a_restatement_stands_beside_what_was_closed_and_changes_its_state(platform: Platform, park: str) -> None:
    with platform.client() as client:
        _closed_years(client, park)
        address = f"/v1/parks/{park}/inventories"
        before = client.get(f"{address}/2022-v1")
        correction = {**ganzhou.rows()[-1], "record_id": "oil-2022-b", "quantity": "108000", "supersedes": "oil-2022"}
        assert client.post(f"/v1/parks/{park}/activity-records", json=[correction]).json()["rejected"] == 0
        refused = client.post(address, json={"year": 2022})
        assert (refused.status_code, refused.json()["field"]) == (422, "reason")
        restated = client.post(address, json={"year": 2022, "reason": "Oil was weighed again"})
        assert (restated.status_code, restated.json()["inventory_id"]) == (201, "2022-v2")
        after = client.get(f"{address}/2022-v1", headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        assert after.json() == before.json() | {"state": "restated"}


def test_whoever_follows_the_changes_hears_of_a_closed_inventory(platform: Platform, park: str) -> None:
    with platform.client() as client:
        totals = _closed_years(client, park)
        heard: dict[int, str] = {}
        since, deadline = "", time.monotonic() + 60
        while len(heard) < len(totals) and time.monotonic() < deadline:
            part = client.get("/v1/changes", params={"limit": 1000, **({"since": since} if since else {})}).json()
            since = part["next"]
            for change in part["changes"]:
                if change["type"] == CLOSED and change["park_id"] == park:
                    heard[change["data"]["year"]] = change["data"]["emissions_mg_co2e"]
        assert heard == {year: str(int(Decimal(total) * 10**9)) for year, total in totals.items()}


def test_everyone_reads_what_is_published_until_it_is_withdrawn(platform: Platform, park: str) -> None:
    with platform.client() as client, platform.client("platform_operator") as operator:
        totals = _closed_years(client, park)
        public = f"public-{park}"
        caller = operator.put(f"/v1/callers/{public}", json={"name": "anyone", "roles": ["public"]})
        assert caller.is_success, caller.text
        key = operator.post("/v1/api-keys", json={"caller_id": public, "name": "anyone"}).json()["api_key"]
        anyone = {"Authorization": f"Bearer {key}"}
        address, inventory = f"/v1/published/parks/{park}/emissions", f"/v1/parks/{park}/inventories/2022-v1"
        assert client.get(address, headers=anyone).json()["emissions"] == []
        assert client.get(inventory, headers=anyone).status_code == 403

        made = client.post(f"{inventory}:publish", json={"breakdowns": ["scope"]})
        assert (made.status_code, made.headers["location"]) == (201, address)
        rows = client.get(address, headers=anyone).json()["emissions"]
        # the paper's park is one without enterprises: what is shown is the park itself
        assert [(row["dimension"], row["key"], row["status"]) for row in rows] == [
            ("total", "", "shown"),
            ("scope", "1", "shown"),
            ("scope", "2", "shown"),
        ]
        assert rows[0]["emissions_t_co2e"] == totals[2022]
        table = client.get(f"{address}?fields=year,key,emissions_t_co2e", headers={**anyone, "Accept": "text/csv"}).text
        assert table.splitlines()[:2] == ["year,key,emissions_t_co2e", f"2022,,{totals[2022]}"]
        assert park in [
            each["park_id"] for each in client.get("/v1/published/parks?page_size=1000", headers=anyone).json()["parks"]
        ]

        assert client.post(f"{inventory}:withdraw", json={"reason": "a mistake"}).json()["changed"]
        assert client.get(address, headers=anyone).json()["emissions"] == []
        again = client.post(f"{inventory}:publish", json={})
        assert (again.status_code, again.json()["reason"]) == (409, "ALREADY_WITHDRAWN")


def test_a_suppressed_region_is_null_and_says_why(platform: Platform, park: str) -> None:
    with platform.client() as client, platform.client("platform_operator") as operator:
        _closed_years(client, park)
        year = 2020
        made = operator.post("/v1/region-releases", json={"year": year})
        assert made.status_code in (200, 201), made.text
        assert operator.post("/v1/region-releases", json={"year": year}).json() == made.json()
        answer = client.get(f"/v1/published/regions/360000/emissions?year={year}").json()
        assert {cell["key"][:2] for cell in answer["emissions"]} == {"36"}
        for cell in answer["emissions"]:
            assert (cell["emissions_t_co2e"] is None) is (cell["status"] != "shown")
        missing = client.get("/v1/published/regions/36/emissions?year=1999")
        assert (missing.status_code, missing.json()["reason"]) == (404, "RELEASE_NOT_FOUND")


def test_a_verifier_writes_findings_and_the_management_answers_them(platform: Platform, park: str) -> None:
    with platform.client() as client, platform.client("platform_operator") as operator:
        _closed_years(client, park)
        name = f"verifier-{park}"
        assert operator.put(f"/v1/callers/{name}", json={"name": "v", "roles": ["verifier"], "parks": [park]}).is_success
        key = operator.post("/v1/api-keys", json={"caller_id": name, "name": "v"}).json()["api_key"]
        verifier = {"Authorization": f"Bearer {key}"}
        address = f"/v1/parks/{park}/inventories/2022-v1/findings"
        said = {"finding_id": "f-1", "kind": "misstatement", "material": True, "record_id": "oil-2022", "text": "A bill is missing"}
        assert client.post(address, json=said).status_code == 403
        written = client.post(address, json=said, headers=verifier)
        assert (written.status_code, written.json()["state"], written.json()["written_by"]) == (201, "open", name)
        assert client.post(address, json=said, headers=verifier).status_code == 200
        answered = client.post(f"{address}/f-1:answer", json={"text": "It came late"})
        assert (answered.status_code, answered.json()["state"]) == (200, "answered")
        closing = {"conclusion": "accepted", "text": "Below the threshold"}
        assert client.post(f"{address}/f-1:close", json=closing).status_code == 403
        ended = client.post(f"{address}/f-1:close", json=closing, headers=verifier).json()
        assert (ended["state"], ended["closing"]["conclusion"]) == ("closed", "accepted")
        assert client.get(address).json() == {"findings": [ended], "next_page_token": ""}
        late = client.post(f"{address}/f-1:answer", json={"text": "One more thing"})
        assert (late.status_code, late.json()["reason"]) == (409, "FINDING_IS_CLOSED")
