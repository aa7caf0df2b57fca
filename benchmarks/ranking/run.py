"""How long ranking many parks with drawn weights takes, beside the bare numpy expression.

Usage: .venv/bin/python -m benchmarks.ranking.run
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from evaluation.domain.ranking import drawn_weights, rank_intervals

PARKS, INDICATORS, DRAWS, SEED, ROUNDS = 10_000, 69, 1_000, 20261121, 5
RESULTS = Path(__file__).parent / "results" / "latest.json"


def bare(scored: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """What one would write at a prompt: scores, ranks by sorting twice, quantiles."""
    ranks = np.argsort(np.argsort(-(scored @ drawn.T), axis=0), axis=0) + 1
    return np.percentile(ranks, [5, 50, 95], axis=1)


def seconds(work: Callable[[], object]) -> float:
    """Returns how long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measures alternately, prints the medians and writes them."""
    chance = np.random.default_rng(SEED)
    scored = chance.uniform(0, 100, (PARKS, INDICATORS))
    missing = np.where(chance.random(scored.shape) < 0.2, np.nan, scored)
    drawn = drawn_weights(np.full(INDICATORS, 1 / INDICATORS), DRAWS, 0.2, SEED)
    works: dict[str, Callable[[], object]] = {
        "bare numpy": lambda: bare(scored, drawn),
        "rank_intervals": lambda: rank_intervals(scored, drawn),
        "rank_intervals, a fifth of the values missing": lambda: rank_intervals(missing, drawn),
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            taken[name].append(seconds(work))
    medians = {name: statistics.median(each) for name, each in taken.items()}
    found = {
        "parks": PARKS,
        "indicators": INDICATORS,
        "draws": DRAWS,
        "seed": SEED,
        "rounds": ROUNDS,
        "seconds": {name: round(value, 3) for name, value in medians.items()},
        "times_the_bare_expression": {name: round(value / medians["bare numpy"], 2) for name, value in medians.items()},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__},
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
