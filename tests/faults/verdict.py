"""What was counted and what was found wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 20


@dataclass
class Verdict:
    """What was counted and what was found wrong.

    Attributes:
        counts: Figures by name, for the report.
        wrong: Failed checks by name, how often.
        sentences: What the first of them were.
    """

    counts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    sentences: list[str] = field(default_factory=list)

    def fail(self, check: str, sentence: str) -> None:
        """Counts a failure of a check."""
        self.wrong[check] += 1
        if len(self.sentences) < SHOWN:
            self.sentences.append(f"{check}: {sentence}")
