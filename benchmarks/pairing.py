"""Paired timing: our path and the barest script that does the same work, in turns, judged by the processor time of each item.

Turns share whatever else the machine does, so their ratio holds where absolute figures do not. Processor time is that of this
process, of everything below it, and of the database server; time on the clock stands beside it.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the sides that are compared.

    Attributes:
        name: What runs.
        run: Does one round; returns how many items it handled.
        waits_s: To which `run` adds how long each answer took; stays empty where nobody waits for one.
    """

    name: str
    run: Callable[[], int]
    waits_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an item cost on one side; medians over the rounds.

    Attributes:
        cpu_us: Microseconds of processor time per item.
        wall_us: Microseconds on the clock per item.
        cpu_us_rounds: Each round's, in order.
        wall_us_rounds: Each round's, in order.
        p99_ms: Within which 99 of 100 answers of all rounds came, ms; None where nobody waited for one.
    """

    name: str
    items_per_round: int
    cpu_us: float
    wall_us: float
    cpu_us_rounds: Sequence[float]
    wall_us_rounds: Sequence[float]
    p99_ms: float | None = None


def paired(sides: Sequence[Side], *, rounds: int = 5, server_pid: int | None = None) -> dict[str, Cost]:
    """Runs the sides in turns, `rounds` times after a round that is thrown away.

    The order turns around with every round, so that none always comes after the same other.

    Args:
        sides: What is compared.
        rounds: >= 1.
        server_pid: First process of a database server whose processor time counts.

    Returns:
        The cost of each side by name.
    """
    measured: dict[str, list[tuple[int, float, float]]] = {side.name: [] for side in sides}
    for number in range(rounds + 1):
        for side in sides if number % 2 else reversed(sides):
            cpu, wall = processor_s(server_pid), time.perf_counter()
            items = side.run()
            taken = (items, processor_s(server_pid) - cpu, time.perf_counter() - wall)
            if number:
                measured[side.name].append(taken)
            else:
                side.waits_s.clear()
    return {side.name: _cost(side, measured[side.name]) for side in sides}


def _cost(side: Side, taken: Sequence[tuple[int, float, float]]) -> Cost:
    cpu = [round(cpu_s / items * 1e6, 4) for items, cpu_s, _ in taken]
    wall = [round(wall_s / items * 1e6, 4) for items, _, wall_s in taken]
    p99_ms = round(statistics.quantiles(side.waits_s, n=100)[98] * 1e3, 3) if len(side.waits_s) > 1 else None
    return Cost(side.name, taken[0][0], statistics.median(cpu), statistics.median(wall), cpu, wall, p99_ms)


def processor_s(server_pid: int | None) -> float:
    """Returns the processor time, in s, that this process and a server have used, with everything below them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    waiting = [os.getpid(), *([server_pid] if server_pid else [])]
    total = 0.0
    while waiting:
        pid = waiting.pop()
        waiting.extend(children.get(pid, ()))
        if stat := _stat(pid):
            # The clock of another process is in nanoseconds; what its ended children used is kept in ticks only.
            total += time.clock_gettime((~pid << 3) | 2) + (int(stat[13]) + int(stat[14])) / _TICKS_PER_SECOND
    return total


def _stat(pid: int) -> list[str]:
    """Returns the fields of a process from its state on; none when it has ended."""
    try:
        # The name before them stands in brackets and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table of limits: how our path stands to its divisor.

    Attributes:
        id: Of the row, such as I1.
        ours: What runs, and by what unit it is counted.
        divided_by: The other side.
        floor: The least ratio that is no defect.
        target: Where we want to be.
        ratio: Measured: the divisor's processor time per item over ours.
        wall_ratio: The same by the clock.
    """

    id: str
    ours: str
    divided_by: str
    floor: float
    target: float
    ratio: float
    wall_ratio: float


def compare(row_id: str, ours: Cost, divided_by: Cost, *, floor: float, target: float) -> Row:
    """Returns how ours stands to a divisor."""
    return Row(
        row_id,
        ours.name,
        divided_by.name,
        floor,
        target,
        round(divided_by.cpu_us / ours.cpu_us, 3),
        round(divided_by.wall_us / ours.wall_us, 3),
    )


def write_results(
    directory: Path, *, rows: Sequence[Row], costs: Iterable[Cost], packages: Sequence[str], facts: Mapping[str, object]
) -> None:
    """Prints the table, and writes it with everything that it was made from to `results/latest.json`.

    Args:
        directory: Of the question.
        rows: The table.
        costs: Every side.
        packages: Distributions whose versions matter.
        facts: Seed, sizes, the server's version.
    """
    costs = list(costs)
    for cost in costs:
        print(f"{cost.name:48} {cost.cpu_us:10.3f} us of processor, {cost.wall_us:10.3f} us by the clock per item")
    for row in rows:
        print(
            f"{row.id:4} {row.ratio:7.3f} (clock {row.wall_ratio:.3f})  floor {row.floor}  target {row.target}  "
            f"{_verdict(row.ratio, row.floor, row.target)}  "
            f"{row.ours} / {row.divided_by}"
        )
    result = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in packages},
        **facts,
        "rows": [asdict(row) for row in rows],
        "costs": [asdict(cost) for cost in costs],
    }
    path = directory / "results" / "latest.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_table(directory / "README.md", result)


_BEGIN, _END = "<!-- result -->\n", "<!-- end of result -->\n"


def _write_table(page: Path, result: Mapping[str, Any]) -> None:
    """Puts the table into the page of the question, between its two marks, so that page and results never differ."""
    lines = [
        "| row | ours | divided by | ratio | by the clock | floor | target | |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {row['id']} | {row['ours']} | {row['divided_by']} | **{row['ratio']:g}** | {row['wall_ratio']:g} "
            f"| {row['floor']:g} | {row['target']:g} | {_verdict(row['ratio'], row['floor'], row['target'])} |"
            for row in result["rows"]
        ),
        "",
        *_sides(result["costs"]),
        "",
        f"Measured {result['measured']} on {result['machine']['cores']} cores of {result['machine']['processor']}, Python "
        f"{result['python']}; " + ", ".join(f"{name} {version}" for name, version in result["versions"].items()) + ". "
        "Ratios compare processor time within one run; absolute figures move from machine to machine.",
    ]
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(before + _BEGIN + "\n".join(lines) + "\n" + _END + after, encoding="utf-8")


def _sides(costs: Sequence[Mapping[str, Any]]) -> list[str]:
    waited = any(cost["p99_ms"] is not None for cost in costs)
    return [
        "| side | processor µs per item | clock µs per item |" + (" p99 of an answer, ms |" if waited else ""),
        "|---|---|---|" + ("---|" if waited else ""),
        *(
            f"| {cost['name']} | {cost['cpu_us']:.2f} | {cost['wall_us']:.2f} |" + (f" {cost['p99_ms']:g} |" if waited else "")
            for cost in costs
        ),
    ]


def _verdict(ratio: float, floor: float, target: float) -> str:
    return "target reached" if ratio >= target else "above the floor" if ratio >= floor else "below the floor"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
