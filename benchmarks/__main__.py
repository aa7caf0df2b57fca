"""Runs every question, one after the other, each in a process of its own: `python -m benchmarks`."""

import subprocess
import sys

QUESTIONS = ("exact_emissions", "rpc", "door", "executor", "ingest", "ingest_kafka", "events", "memory", "ranking", "region")


def main() -> int:
    """Runs them; returns 1 if one did not end well."""
    failed = False
    for question in QUESTIONS:
        print(f"== {question}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{question}.run"], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
