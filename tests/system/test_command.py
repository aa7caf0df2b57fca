"""The command as a user runs it."""

import json
import signal
import stat
import subprocess
import time
from pathlib import Path

from tests.system import ganzhou
from tests.system.conftest import COMMAND, Platform, register


def run(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], env=platform.environment, capture_output=True, text=True, timeout=60, check=False)


def test_up_shows_the_park_and_says_where_it_is(platform: Platform) -> None:
    shown = platform.output()
    for year, emissions in ganzhou.EMISSIONS_10K_T.items():
        [line] = [line for line in shown.splitlines() if f" {year} " in line]
        assert emissions in line
        assert str(ganzhou.PUBLISHED_EMISSIONS_10K_T[year]) in line
        assert ganzhou.INTENSITY_T_PER_10K_CNY[year] in line
    assert platform.connection["url"] in shown
    assert platform.connection["docs_url"] in shown
    file = platform.data / "connection.json"
    assert str(file) in shown
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(token in shown for token in platform.connection["tokens"].values())


def test_up_again_is_quick_keeps_the_data_and_ends_cleanly(own_platform: Platform) -> None:
    own_platform.start()
    with own_platform.client() as client:
        before = client.get("/v1/parks/ganzhou-etdz/activity-records").json()
    tokens = own_platform.connection["tokens"]
    assert own_platform.end(signal.SIGINT) == 0

    started = time.monotonic()
    own_platform.start()
    # a bound for a hang, not a measurement: the machine may be busy
    assert time.monotonic() - started < 30
    with own_platform.client() as client:
        assert client.get("/v1/parks/ganzhou-etdz/activity-records").json() == before
    assert own_platform.connection["tokens"] == tokens
    assert own_platform.end(signal.SIGTERM) == 0
    assert "Traceback" not in own_platform.output()


def test_two_stacks_on_one_folder_and_a_taken_port_are_refused_with_the_remedy(platform: Platform, tmp_path: Path) -> None:
    same_folder = run(platform, "up")
    assert same_folder.returncode != 0
    assert "PARKCARBON_DATA" in same_folder.stderr + same_folder.stdout
    port = platform.connection["url"].rpartition(":")[2]
    environment = platform.environment | {"PARKCARBON_DATA": str(tmp_path / "other"), "PARKCARBON_PORT": port}
    same_port = subprocess.run([COMMAND, "up"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert same_port.returncode != 0
    assert "PARKCARBON_PORT" in same_port.stderr + same_port.stdout
    assert "Traceback" not in same_folder.stderr + same_port.stderr


def test_push_and_report_work_from_a_file(platform: Platform, park: str, tmp_path: Path) -> None:
    file = tmp_path / "ganzhou.csv"
    file.write_bytes(ganzhou.csv_text().encode("utf-8-sig"))
    pushed = run(platform, "--lang", "en", "push", str(file), "--park", park)
    assert pushed.returncode == 0, pushed.stderr + pushed.stdout
    reported = run(platform, "--lang", "en", "report", "--park", park, "--year", "2020")
    assert reported.returncode == 0, reported.stderr
    assert "887874.155667" in reported.stdout.replace(",", "")

    bad = tmp_path / "bad.csv"
    bad.write_text(ganzhou.csv_text().replace("MWh", "kg", 1), encoding="utf-8")
    refused = run(platform, "--lang", "en", "push", str(bad), "--park", park)
    assert refused.returncode == 1
    assert "kg" in refused.stdout + refused.stderr


def test_rebuilding_sums_finds_nothing_wrong_with_them(platform: Platform, park: str) -> None:
    with platform.client() as client:
        client.post(f"/v1/parks/{park}/activity-records", json=ganzhou.rows())
    rebuilt = run(platform, "--lang", "en", "rebuild-sums", "--park", park)
    assert rebuilt.returncode == 0, rebuilt.stderr + rebuilt.stdout


def test_the_door_stays_shut_without_a_token(platform: Platform) -> None:
    import httpx  # noqa: PLC0415  # the one test that calls without the platform's client

    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = httpx.get(platform.connection["url"] + "/v1/parks", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert json.loads(answer.content)["status"] == 401
    with platform.client("reader") as reader:
        assert reader.get("/v1/parks").status_code == 200
        refused = reader.post("/v1/parks/ganzhou-etdz/activity-records", json=[])
        assert refused.status_code == 403


def test_another_set_of_factors_gives_other_figures_and_none_are_mixed(platform: Platform) -> None:
    with platform.client() as client:
        register(client, f"mixed-{time.monotonic_ns()}")
        sets = {each["set_id"] for each in client.get("/v1/factor-sets").json()["factor_sets"]}
        assert {"wang-2024", "cn-provincial-national-grid", "cn-enterprise-24", "ipcc-2006"} <= sets
        rows = client.get("/v1/factor-sets/wang-2024/factors").json()["factors"]
        assert {row["table_id"] for row in rows} == {"wang_2024", "gwp_ar5"}
        assert all(row["unit"] and row["source"] and row["published_date"] and row["checked_where"] for row in rows)
