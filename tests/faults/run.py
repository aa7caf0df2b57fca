"""Runs the faults from the command line.

Usage: python -m tests.faults.run [--site servers|embedded] [--minutes N] [--seed N] [--kills N]; exits with 1 when a check fails.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.disorder import Disorder
from tests.faults.driver import Plan, Report, run
from tests.faults.intents import IntentLog
from tests.faults.sites import EmbeddedSite, ServersSite

EMBEDDED_PARKS = ("faults-a", "faults-b")
TENANTS = {"north": ("faults-a", "faults-b"), "south": ("faults-c",)}


async def embedded(plan: Plan, folder: Path, watch: Path | None = None) -> Report:
    """Runs a plan against `parkcarbon up`.

    Args:
        plan: How long and how hard.
        folder: For data, outputs and the intent log.
        watch: Takes what each process says of the callbacks of its loop, which is asyncio's then in place of uvloop's; None
            measures nothing.
    """
    with IntentLog(folder / "intents.ndjson") as intents:
        disorder = Disorder(Random(f"{plan.seed} disorder"), intents, EMBEDDED_PARKS)
        return await run(EmbeddedSite(folder, EMBEDDED_PARKS, disorder, watch), plan, EMBEDDED_PARKS, disorder, intents)


async def servers(plan: Plan, folder: Path, watch: Path | None = None) -> Report:
    """Runs a plan against gateway and accounting as a process each, on PostgreSQL and Kafka. Arguments as `embedded`."""
    parks = [park for own in TENANTS.values() for park in own]
    with IntentLog(folder / "intents.ndjson") as intents:
        disorder = Disorder(Random(f"{plan.seed} disorder"), intents, parks)
        return await run(ServersSite(folder, TENANTS, disorder, watch), plan, parks, disorder, intents)


SITES = {"embedded": embedded, "servers": servers}


def main() -> int:
    """Runs as the arguments say; returns the exit code."""
    arguments = argparse.ArgumentParser(
        description="Kills and disturbs a platform while it is pushed to, then checks every figure."
    )
    arguments.add_argument("--site", choices=SITES, default="servers")
    arguments.add_argument("--minutes", type=float, default=10.0)
    arguments.add_argument("--kills", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    arguments.add_argument("--rows-per-second", type=float, default=400.0)
    arguments.add_argument("--keep", type=Path, help="keep everything in this folder")
    given = arguments.parse_args()
    seconds = given.minutes * 60
    plan = Plan(given.seed, seconds, given.kills, 0, 3 * seconds, (3.0, 10.0), given.rows_per_second, quiet_seconds=15.0)
    with tempfile.TemporaryDirectory(prefix="parkcarbon-faults-") as made:
        folder = given.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(_until_told(SITES[given.site](plan, folder)))
    print(report.text())
    return 1 if report.wrong else 0


async def _until_told(running: Coroutine[Any, Any, Report]) -> Report:
    # the processes under test outlive this one unless it ends in order
    task = asyncio.ensure_future(running)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
