"""The stages of `make test`: runs them in order, prints the time of each, and stops at the first that fails.

Usage: stages.py [STAGE …]; without a name every stage runs.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SCRIPTS = ["deploy/build_images.py", "deploy/make_secrets.py", "deploy/backup.py"]
MEMBERS = ["kernel", "chassis", "client", "services/accounting", "services/evaluation", "gateway", "devstack"]


def pytest(*paths: str, workers: str = "2", extra: tuple[str, ...] = ()) -> list[str]:
    """Returns the command that runs the tests of some folders in parallel."""
    return [str(BIN / "pytest"), "-q", "-n", workers, "--dist", "worksteal", *extra, *paths]


def existing(*names: str) -> list[str]:
    """Returns the folders of that name, one per member, that exist."""
    return [f"{member}/{name}" for member in MEMBERS for name in names if (ROOT / member / name).is_dir()]


def stages() -> dict[str, tuple[float, list[list[str]]]]:
    """Returns each stage's budget in minutes and its commands."""
    sources = [f"{member}/src" for member in MEMBERS]
    return {
        "lint": (0.5, [[str(BIN / "ruff"), "check", "--quiet", "."], [str(BIN / "ruff"), "format", "--quiet", "--check", "."]]),
        "types": (1.0, [[str(BIN / "mypy"), *sources, *existing("tests"), "tests", "proto/generate.py", *SCRIPTS]]),
        "contracts": (2.0, [[str(BIN / "lint-imports")], pytest("tests/architecture", "tests/contracts", "tests/upgrades")]),
        "unit": (2.0, [pytest("--doctest-modules", *sources, *existing("tests/unit"), "tests/benchmarks")]),
        "integration": (5.0, [pytest(*existing("tests/integration", "tests/conformance"))]),
        "system": (
            5.0,
            [pytest("tests/system", *(["devstack/tests/system"] if (ROOT / "devstack/tests/system").is_dir() else []))],
        ),
        "security": (2.0, [pytest("tests/security", workers="0")]),
        "api": (3.0, [pytest("tests/api", workers="0")]),
        "faults": (4.0, [pytest("tests/faults", workers="0")]),
        "alone": (3.0, [[sys.executable, "tests/alone.py"]]),
        "compose": (15.0, [pytest("tests/compose", workers="0")]),
    }


def main() -> int:
    """Runs the named stages, or all; returns the exit code of the first that failed."""
    known = stages()
    wanted = sys.argv[1:] or list(known)
    if unknown := [name for name in wanted if name not in known]:
        print(f"no stage {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    times = []
    for name in wanted:
        budget_minutes, commands = known[name]
        print(f"── {name}", flush=True)
        start = time.monotonic()
        for command in commands:
            code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
            if code != 0:
                print(f"── {name} failed after {(time.monotonic() - start) / 60:.1f} min: {' '.join(command[:6])} …", flush=True)
                return code
        minutes = (time.monotonic() - start) / 60
        times.append(f"{name} {minutes:.1f}")
        print(f"── {name}: {minutes:.1f} min of {budget_minutes:g}", flush=True)
    print("── all stages passed; minutes: " + ", ".join(times), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
