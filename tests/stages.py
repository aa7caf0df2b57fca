"""The stages of `make test`: runs them in order, prints the time of each, and stops at the first that fails.

A stage fails where one of its commands does, where a test is skipped for a reason that tests/skips.toml does not have, or where it
used more than 1.5 times its budget of processor time. The last line is the sum of all tests.

Usage: stages.py [STAGE …]; without a name every stage runs.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from chassis.testing.postgres import SERVER, Server, served

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SCRIPTS = ["deploy/build_images.py", "deploy/make_secrets.py", "deploy/backup.py"]
MEMBERS = ["kernel", "chassis", "parkcopies", "client", "services/accounting", "services/evaluation", "gateway", "devstack"]
TOLERATED = 1.5
"""A stage may use so many times its budget: processors differ, and so does what runs beside it."""
_TICKS_PER_MINUTE = 60 * os.sysconf("SC_CLK_TCK")


def existing(*names: str) -> tuple[str, ...]:
    """Returns the folders of that name, one per member, that exist."""
    return tuple(f"{member}/{name}" for member in MEMBERS for name in names if (ROOT / member / name).is_dir())


@dataclass(frozen=True)
class Stage:
    """What belongs together.

    Attributes:
        minutes: Its budget of processor time, of all its processes together.
        commands: Run first.
        tests: Folders whose tests run after them, two at a time.
        options: More for pytest.
        databases: Whether the tests need PostgreSQL.
    """

    minutes: float
    commands: tuple[tuple[str, ...], ...] = ()
    tests: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    databases: bool = False


def stages() -> dict[str, Stage]:
    """Returns every stage by its name, in order."""
    sources = tuple(f"{member}/src" for member in MEMBERS)
    lint = (("ruff", "check", "--quiet", "."), ("ruff", "format", "--quiet", "--check", "."))
    types = ("mypy", *sources, *existing("tests"), "tests", "proto/generate.py", *SCRIPTS)
    contracts = ("tests/architecture", "tests/contracts", "tests/upgrades")
    return {
        "lint": Stage(0.5, lint),
        "types": Stage(1.5, (types,)),
        "contracts": Stage(2.0, (("lint-imports",),), contracts, databases=True),
        "unit": Stage(
            3.5, tests=(*sources, *existing("tests/unit"), "tests/benchmarks"), options=("--doctest-modules",), databases=True
        ),
        "integration": Stage(16.0, tests=existing("tests/integration", "tests/conformance"), databases=True),
        "system": Stage(7.0, tests=("tests/system", *existing("tests/system")), databases=True),
        # ten thousand requests on each database
        "security": Stage(7.0, tests=("tests/security",), databases=True),
        "api": Stage(2.0, tests=("tests/api",)),
        "faults": Stage(9.0, tests=("tests/faults",)),
        "alone": Stage(1.5, (("python", "tests/alone.py"),)),
        # one worker: the images are built once
        "compose": Stage(15.0, tests=("tests/compose",), options=("-n0",)),
    }


BY_HAND = {"tests/cluster": "needs the cluster of KUBECONFIG: make cluster-test"}
"""Folders of tests that no stage runs, and why."""


@dataclass(frozen=True)
class Skip:
    """A reason for which a test may be skipped.

    Attributes:
        reason: A regular expression, of the whole of it.
        without: Programs; the reason holds only where one of them is missing. With none it holds everywhere.
    """

    reason: str
    without: tuple[str, ...]

    def allows(self, reason: str) -> bool:
        """Says whether a test may be skipped for this reason on this machine."""
        missing = not self.without or any(shutil.which(program) is None for program in self.without)
        return missing and re.fullmatch(self.reason, reason, re.DOTALL) is not None


def skips() -> list[Skip]:
    """Reads the reasons that are known."""
    listed = tomllib.loads((ROOT / "tests" / "skips.toml").read_text(encoding="utf-8"))["skip"]
    return [Skip(each["reason"], tuple(each.get("without", ()))) for each in listed]


def unexpected(reasons: Iterable[str]) -> list[str]:
    """Returns those of some reasons for which no test may be skipped on this machine."""
    known = skips()
    return [reason for reason in reasons if not any(skip.allows(reason) for skip in known)]


@dataclass
class Counts:
    """How many tests passed, failed and were skipped, and the reasons of the skipped."""

    passed: int = 0
    failed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def skipped(self) -> int:
        """Returns how many were skipped."""
        return sum(self.reasons.values())

    def add(self, other: "Counts") -> None:
        """Adds those of another run."""
        self.passed += other.passed
        self.failed += other.failed
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count

    @classmethod
    def read(cls, report: Path) -> "Counts":
        """Reads the report of a run in the format of JUnit; without one nothing was counted."""
        counts = cls()
        for case in ElementTree.parse(report).iter("testcase") if report.exists() else ():
            if (skipped := case.find("skipped")) is not None:
                reason = skipped.get("message", "")
                counts.reasons[reason] = counts.reasons.get(reason, 0) + 1
            elif case.find("failure") is not None or case.find("error") is not None:
                counts.failed += 1
            else:
                counts.passed += 1
        return counts


def processor_minutes(server: Server | None) -> float:
    """Returns what the processes used that have ended and were waited for, and the database server so far."""
    ended = os.times()
    minutes = (ended.children_user + ended.children_system) / 60
    if server is not None:
        # of the process and of its children that have ended: proc(5), fields 14 to 17
        fields = Path(f"/proc/{server.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        minutes += sum(map(int, fields[11:15])) / _TICKS_PER_MINUTE
    return minutes


def run(stage: Stage, environment: Mapping[str, str]) -> tuple[bool, Counts]:
    """Runs the commands of a stage up to the first that fails, then its tests; says whether all was well."""
    for program, *arguments in stage.commands:
        if subprocess.run([str(BIN / program), *arguments], cwd=ROOT, env=environment, check=False).returncode != 0:
            return False, Counts()
    if not stage.tests:
        return True, Counts()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        shown = [f"--junitxml={report}", "--durations=5", "--durations-min=1"]
        command = [str(BIN / "pytest"), "-q", "-n", "2", "--dist", "worksteal", *shown, *stage.options, *stage.tests]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        counts = Counts.read(report)
    unknown = unexpected(counts.reasons)
    for reason in unknown:
        print(f"── skipped for a reason that tests/skips.toml does not have, or that does not hold here: {reason}", flush=True)
    return code == 0 and not unknown, counts


@contextmanager
def database_server(wanted: bool) -> Iterator[Server | None]:
    """Runs one PostgreSQL for all stages, and none where it is not wanted."""
    if not wanted:
        yield None
        return
    with served() as server:
        yield server


def run_all(wanted: Mapping[str, Stage]) -> int:
    """Runs stages up to the first that fails; prints their times and the sum of their tests, and returns the exit code."""
    total, times = Counts(), []
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    failed = ""
    with database_server(any(stage.databases for stage in wanted.values())) as server:
        if server is not None:
            environment[SERVER] = server.url
        for name, stage in wanted.items():
            print(f"── {name}", flush=True)
            start, used = time.monotonic(), processor_minutes(server)
            passed, counts = run(stage, environment)
            minutes, processor = (time.monotonic() - start) / 60, processor_minutes(server) - used
            total.add(counts)
            times.append(f"{name} {minutes:.1f} ({processor:.1f})")
            print(f"── {name}: {minutes:.1f} min; {processor:.1f} processor min of {stage.minutes:g}", flush=True)
            if not passed:
                failed = f"{name} failed"
            elif processor > stage.minutes * TOLERATED:
                failed = f"{name} used more than {TOLERATED} times its budget of processor time"
            if failed:
                # where no test failed, something else did
                total.failed = max(total.failed, 1)
                break
    for reason, count in sorted(total.reasons.items()):
        print(f"── skipped, {count}: {reason}")
    print(f"── {failed or 'all stages passed'}; minutes (processor minutes): " + ", ".join(times))
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if failed else 0


def main() -> int:
    """Runs the named stages, or all; returns the exit code."""
    known = stages()
    names = sys.argv[1:] or list(known)
    if unknown := [name for name in names if name not in known]:
        print(f"no stage {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    return run_all({name: known[name] for name in names})


if __name__ == "__main__":
    sys.exit(main())
