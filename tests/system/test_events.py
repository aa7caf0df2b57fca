"""From the push to the pull: what was committed is heard through the event log, in order, once."""

import signal
import time
from typing import Any

import httpx

from tests.system import ganzhou
from tests.system.conftest import Platform, register


def changes_of(client: httpx.Client, park: str, wanted: int, limit: int = 1000) -> list[dict[str, Any]]:
    """Reads the feed from its beginning until it holds so many changes of a park."""
    deadline = time.monotonic() + 60
    while True:
        found, since, more = [], "", True
        while more:
            page = client.get("/v1/changes", params={"since": since, "limit": limit}).json()
            found += [change for change in page["changes"] if change["park_id"] == park]
            since, more = page["next"], page["more"]
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_every_fact_reaches_the_feed_in_order_and_once_across_a_kill(own_platform: Platform) -> None:
    own_platform.start()
    with own_platform.client("platform_operator") as client:
        register(client, "heard")
        for row in ganzhou.rows()[:6]:
            assert client.post("/v1/parks/heard/activity-records", json=[row]).status_code == 200
    own_platform.end(signal.SIGKILL)

    own_platform.start()
    with own_platform.client("platform_operator") as client:
        client.post("/v1/parks/heard/activity-records", json=ganzhou.rows())
        changes = changes_of(client, "heard", wanted=4 + 2 * 7, limit=5)

    kinds: dict[str, list[str]] = {}
    for change in changes:
        kinds.setdefault(change["topic"], []).append(change["type"].rpartition(".")[2])
    # between topics no order is promised
    assert kinds == {
        "accounting.park.v1": ["ParkRegistered"] + ["SourceRegistered"] * 3,
        "accounting.activity.v1": ["ActivityRecorded", "EmissionsCalculated"] * 7,
    }
    positions = [change["position"] for change in changes]
    assert positions == sorted(set(positions))
    assert len({change["event_id"] for change in changes}) == len(changes)
    recorded = [
        record for change in changes if change["type"].endswith("ActivityRecorded") for record in change["data"]["record_id"]
    ]
    assert recorded == [row["record_id"] for row in ganzhou.rows()]


def test_the_last_sums_of_the_feed_are_the_account(platform: Platform, park: str) -> None:
    with platform.client("platform_operator") as client:
        client.post(f"/v1/parks/{park}/activity-records", json=ganzhou.rows())
        [calculated] = [c for c in changes_of(client, park, wanted=6) if c["type"].endswith("EmissionsCalculated")]
        heard_mg = sum(int(amount) for amount in calculated["data"]["emissions_mg_co2e"])
        total = client.get(f"/v1/parks/{park}/emissions", params={"from": "2020-01", "to": "2023-01"}).json()["total"]
    assert heard_mg == 2_868_178_069_697_395
    assert total["emissions_t_co2e"] == "2868178.069697395"
