"""Bands of a score: the stage of a park's development, the grade of an enterprise's carbon credit."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Band:
    """A band of a system's scores; it reaches to the next higher one.

    Attributes:
        system_id: whose scores.
        band: its code, such as growing or AA.
        at_least: the lowest score in it, in the system's scale.
        maturity: early or mature, for the table of strategies; empty where it does not matter.
        source: who says so.
    """

    system_id: str
    band: str
    at_least: Fraction
    name_zh: str
    name_en: str
    maturity: str
    source: str


def band_of(bands: Sequence[Band], system_id: str, score: Fraction | None) -> Band | None:
    """Returns the band that a score lies in; None for no score or a system without bands."""
    reached = [band for band in bands if band.system_id == system_id and score is not None and band.at_least <= score]
    return max(reached, key=lambda band: band.at_least, default=None)


def bands_reachable(bands: Sequence[Band], system_id: str, low: Fraction, high: Fraction) -> list[Band]:
    """Returns every band that a score between two bounds can lie in, lowest first: what missing values leave open."""
    first = band_of(bands, system_id, low)
    within = [band for band in bands if band.system_id == system_id and low < band.at_least <= high]
    return sorted([*([first] if first else []), *within], key=lambda band: band.at_least)
