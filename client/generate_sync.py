"""Writes the blocking client from the asynchronous one: the folder `sync` is written anew from `aio`.

Usage: generate_sync.py, as `make gen` does. tests/contracts/test_client_sync.py compares what is committed.
"""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

CLIENT = Path(__file__).resolve().parent
PACKAGE = CLIENT / "src" / "parkcarbon_client"
RUFF = Path(sysconfig.get_path("scripts")) / "ruff"

RULES = [
    (r"\basync (?=def|with|for)", ""),
    (r"\bawait ", ""),
    # what the asynchronous client leaves to a thread, the blocking one calls itself
    (r"\basyncio\.to_thread\(([\w.]+)(?:, )?", r"\1("),
    (r"\basyncio\b", "time"),
    (r"Awaitable\[(\w+)\]", r"\1"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\baio\b", "sync"),
    (r"\basynchronous client", "blocking client"),
    (r"\bin an `with`", "in a `with`"),
    (r"; a client belongs to one event loop\.", "; a client may be shared by threads."),
    (r"Stays in one event loop\.", "May be shared by threads."),
]
"""Patterns and what stands for them in the blocking client, in the order in which they apply."""


def to_sync(source: str, origin: Path) -> str:
    """Returns the blocking form of an asynchronous module.

    Args:
        source: The module.
        origin: Where it is, for the note at its top and for the formatter.
    """
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source)
    source = (
        f"# Written by client/generate_sync.py from {origin.relative_to(PACKAGE)}: edit that file and run `make gen`.\n{source}"
    )
    # the rules leave unused imports, another order of imports, loops that only yield, and shorter lines behind
    source = _ruff(source, origin, "check", "--fix-only", "--unsafe-fixes", "--select=F401,I,UP028")
    return _ruff(source, origin, "format")


def _ruff(source: str, origin: Path, *command: str) -> str:
    run = subprocess.run(  # noqa: S603 the program and its arguments are ours
        [RUFF, *command, "--quiet", f"--stdin-filename={origin}", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


def generated() -> Mapping[Path, str]:
    """Returns what each file of the blocking client holds."""
    return {
        PACKAGE / "sync" / origin.relative_to(PACKAGE / "aio"): to_sync(origin.read_text(encoding="utf-8"), origin)
        for origin in sorted(PACKAGE.glob("aio/**/*.py"))
    }


def main() -> int:
    """Writes the files, and removes those whose origin is gone."""
    files = generated()
    for stale in set(PACKAGE.glob("sync/**/*.py")) - files.keys():
        stale.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
