"""Pushes batches to the gateway until told to stop, then compares what is stored with what was acknowledged.

Runs in a pod of the cluster, given to Python as standard input: python - URL TOKEN PARK STOP_FILE. Prints one JSON object.
"""

import json
import sys
import tempfile
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from parkcarbon_client import ClientError, ParkCarbonClient

FIRST_DAY = date(2020, 1, 1)
DAYS = 1096
HOURS = 24


def batch(number: int) -> str:
    """Returns a day's readings as CSV, an hour each."""
    day = FIRST_DAY + timedelta(days=number)
    starts = [f"{day}T{hour:02}:00:00+08:00" for hour in range(HOURS)]
    ends = [*starts[1:], f"{day + timedelta(days=1)}T00:00:00+08:00"]
    rows = [f"{day}-{hour:02},electricity,{starts[hour]},{ends[hour]},1000.5,kWh" for hour in range(HOURS)]
    return "\n".join(["record_id,source_id,period_start,period_end,quantity,unit", *rows]) + "\n"


def main() -> None:
    """Pushes until the file appears or the three years are full."""
    url, token, park, stop_file = sys.argv[1:]
    pushed = kept = 0
    failed: list[str] = []
    slowest_seconds = 0.0
    with ParkCarbonClient(url, token, timeout_seconds=15, retries=8) as client, tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "batch.csv")
        while pushed < DAYS and not Path(stop_file).exists():
            file.write_text(batch(pushed), encoding="utf-8")
            start = time.monotonic()
            try:
                receipt = client.push_file(park, file)
            except ClientError as error:
                failed.append(f"batch {pushed}: {error!r}")
            else:
                # a duplicate is a row whose first answer was lost
                kept += receipt.accepted + receipt.duplicate
            slowest_seconds = max(slowest_seconds, time.monotonic() - start)
            pushed += 1
        records = list(client.iterate_activity_records(park))
        total = client.query_emissions(park, "2020-01", "2023-01").total.emissions_t_co2e
    answer = {
        "batches": pushed,
        "acknowledged": kept,
        "failed": failed,
        "slowest_seconds": round(slowest_seconds, 2),
        "records": len(records),
        "distinct": len({record.record_id for record in records}),
        "total_t_co2e": str(total),
        "sum_of_records_t_co2e": str(sum((record.emissions_t_co2e for record in records), Decimal(0))),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
