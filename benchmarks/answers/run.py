"""Compares what an answer of 1,000 rows costs this checkout and another one. Run as `python -m benchmarks.answers.run OTHER`.

OTHER is the folder of another checkout with an environment of its own, such as a git worktree of an earlier commit. Both run as
`parkcarbon up` in a process of their own; their processor time is read from the system, in turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
ROWS, GETS, ROUNDS = 1_000, 60, 7
_TICKS = os.sysconf("SC_CLK_TCK")
PATHS = {
    "records": "/v1/parks/rows/activity-records?page_size=1000",
    "records as CSV": "/v1/parks/rows/activity-records?page_size=1000",
    "factors": "/v1/factor-sets/wang-2024/factors?page_size=1000",
}


@dataclass(frozen=True)
class Platform:
    """A platform that runs, and a client of it."""

    process: subprocess.Popen[bytes]
    http: httpx.Client

    def processor_s(self) -> float:
        """The processor time of its process and of those that it waited for, s."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


@contextmanager
def platform(checkout: Path) -> Iterator[Platform]:
    """Runs a checkout's platform with a park of 1,000 records."""
    with tempfile.TemporaryDirectory() as folder:
        connection = Path(folder) / "connection.json"
        command = [checkout / ".venv/bin/parkcarbon", "up", "--port", "0", "--data", f"{folder}/data", "--connection", connection]
        process = subprocess.Popen(command, cwd=checkout, stdout=subprocess.DEVNULL)
        try:
            while not connection.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"{checkout}: the platform ended")
                time.sleep(0.1)
            told = json.loads(connection.read_text(encoding="utf-8"))
            headers = {"Authorization": f"Bearer {told['tokens']['park_manager']}"}
            with httpx.Client(base_url=told["url"], headers=headers, timeout=60.0, trust_env=False) as http:
                _fill(http)
                yield Platform(process, http)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _fill(http: httpx.Client) -> None:
    park = {"park_id": "rows", "name_zh": "园", "name_en": "Rows", "region_code": "360700", "factor_set_id": "wang-2024"}
    source: dict[str, Any] = {"source_id": "power", "name_zh": "电", "name_en": "Power", "item": "enterprise.purchased_energy"}
    source |= {"scope": 2, "carrier": "electricity", "settlement_basis": "meter"}
    http.post("/v1/parks", json=park).raise_for_status()
    http.post("/v1/parks/rows/sources", json=source).raise_for_status()
    rows = [
        {
            "record_id": f"r-{number}",
            "source_id": "power",
            "period_start": f"2022-{1 + number // 84:02d}-{1 + number % 84 // 3:02d}T{number % 3 * 8:02d}:00:00+08:00",
            "period_end": f"2022-{1 + number // 84:02d}-{1 + number % 84 // 3:02d}T{number % 3 * 8 + 7:02d}:00:00+08:00",
            "quantity": f"{number + 1}.25",
            "unit": "kWh",
        }
        for number in range(ROWS)
    ]
    answer = http.post("/v1/parks/rows/activity-records", json=rows, params={"results": "none"}).raise_for_status().json()
    if answer["accepted"] != ROWS:
        raise RuntimeError(f"{answer['accepted']} of {ROWS} rows were accepted")


def measure(sides: dict[str, Platform]) -> dict[str, dict[str, list[float]]]:
    """Returns the processor time of an answer by path and side, ms, a value for each round after one that is thrown away."""
    found: dict[str, dict[str, list[float]]] = {name: {side: [] for side in sides} for name in PATHS}
    for number in range(ROUNDS + 1):
        for name, path in PATHS.items():
            headers = {"Accept": "text/csv"} if name.endswith("CSV") else {}
            for side, running in sides.items():
                before = running.processor_s()
                for _ in range(GETS):
                    running.http.get(path, headers=headers).raise_for_status()
                if number:
                    found[name][side].append(1000 * (running.processor_s() - before) / GETS)
    return found


def main() -> None:
    """Measures, prints, and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    other: Path = parser.parse_args().other.absolute()
    with ExitStack() as stack:
        found = measure({"before": stack.enter_context(platform(other)), "after": stack.enter_context(platform(ROOT))})
    medians = {name: {side: statistics.median(values) for side, values in sides.items()} for name, sides in found.items()}
    commits = {
        side: subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=where, capture_output=True, text=True, check=True
        ).stdout.strip()
        for side, where in (("before", other), ("after", ROOT))
    }
    result = {"commits": commits, "rows": ROWS, "gets": GETS, "rounds": ROUNDS, "processor_ms": found, "medians_ms": medians}
    target = Path(__file__).parent / "results" / "answers.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, sides in medians.items():
        print(
            f"{name}: {sides['before']:.2f} ms before, {sides['after']:.2f} ms after, ratio {sides['after'] / sides['before']:.3f}"
        )


if __name__ == "__main__":
    main()
