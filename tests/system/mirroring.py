"""A regional platform's mirror, as a program of its own: follows /v1/changes into a file, and may be killed at any moment.

Usage: python -m tests.system.mirroring URL TOKEN FILE. It ends when the file `FILE.stop` exists and nothing is left to read.
"""

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

from parkcarbon_client import ParkCarbonClient

PAGE = 7
"""Small, so that a kill comes between pages and in their middle."""


def opened(file: Path) -> sqlite3.Connection:
    """Opens a mirror, made when it is not there."""
    mirror = sqlite3.connect(file, isolation_level=None)
    mirror.executescript(
        """
        CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), next TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY, position INTEGER UNIQUE NOT NULL);
        CREATE TABLE IF NOT EXISTS record (
            park TEXT, id TEXT, position INTEGER, quantity_micro INTEGER, emissions_mg INTEGER, superseded_by TEXT,
            PRIMARY KEY (park, id));
        CREATE TABLE IF NOT EXISTS total (
            park TEXT, source TEXT, first INTEGER, last INTEGER, emissions_mg INTEGER, records INTEGER,
            PRIMARY KEY (park, source, first, last));
        """
    )
    return mirror


def apply(mirror: sqlite3.Connection, change: Any) -> None:
    """Applies one fact. Plain inserts: a change that came twice would fail."""
    mirror.execute("INSERT INTO seen VALUES (?, ?)", (change.event_id, change.position))
    data = change.data
    match change.type.rpartition(".")[2]:
        case "ActivityRecorded":
            for at, record_id in enumerate(data["record_id"]):
                position = int(data["first_position"]) + at
                values = (change.park_id, record_id, position, int(data["quantity_micro"][at]), int(data["emissions_mg_co2e"][at]))
                mirror.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, NULL)", values)
            for pair in data["supersessions"]:
                mirror.execute(
                    "UPDATE record SET superseded_by = ? WHERE park = ? AND id = ?",
                    (pair["record_id"], change.park_id, pair["superseded_record_id"]),
                )
        case "EmissionsCalculated":
            for at, source in enumerate(data["source_id"]):
                key = (change.park_id, source, data["first_month"][at], data["last_month"][at])
                figures = (int(data["emissions_mg_co2e"][at]), int(data["records"][at]))
                mirror.execute("INSERT OR REPLACE INTO total VALUES (?, ?, ?, ?, ?, ?)", (*key, *figures))


def main() -> None:
    """Follows until it is told to stop."""
    url, token, name = sys.argv[1:]
    file = Path(name)
    mirror = opened(file)
    row = mirror.execute("SELECT next FROM cursor").fetchone()
    since = row[0] if row else ""
    with ParkCarbonClient(url, token) as client:
        while True:
            stopping = file.with_suffix(".stop").exists()
            page = client.get_changes(since, limit=PAGE)
            mirror.execute("BEGIN IMMEDIATE")
            for change in page.changes:
                apply(mirror, change)
            # With what it stands for, in one transaction: a kill leaves both or neither.
            mirror.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (page.next,))
            mirror.execute("COMMIT")
            since = page.next
            print(json.dumps(len(page.changes)), flush=True)
            if stopping and not page.more and not page.changes:
                return


if __name__ == "__main__":
    main()
