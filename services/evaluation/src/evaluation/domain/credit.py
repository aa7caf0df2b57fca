"""The carbon credit of an enterprise: how far its account can be relied on, and how it does.

[G] 3.2.2 asks for a credit evaluation on trusted data and prints no method. Here it is an indicator system like the others (data
quality, timeliness, intensity against peers, compliance), so that its weights, thresholds and bands are data that a region may
replace. A grade is given only where what is missing cannot change it; otherwise the grades it can still be are.

Source: [G] §3.2.2 (2), the paragraph on the block-chain infrastructure; weights, thresholds and bands are the platform's default.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from evaluation.domain.bands import Band, bands_reachable
from evaluation.domain.diagnosis import Contribution, contributions
from evaluation.domain.errors import RuleBroken
from evaluation.domain.scoring import Scores

SYSTEM_ID = "enterprise-credit"
INTENSITY = "intensity-percentile"
"""The indicator that peers decide."""


@dataclass(frozen=True, slots=True)
class Rating:
    """The grade of an enterprise.

    Attributes:
        grade: the one band that is left, or None while missing values leave several.
        possible: the bands that are left, lowest first.
        reasons: what each indicator gives and loses, most lost first.
        missing: indicators without a value.
    """

    scores: Scores
    grade: Band | None
    possible: Sequence[Band]
    reasons: Sequence[Contribution]
    missing: Sequence[str]


def rated(scores: Scores, bands: Sequence[Band]) -> Rating:
    """Returns the grade that scores of the credit system stand for."""
    possible = bands_reachable(bands, scores.system.system_id, scores.total.low, scores.total.high)
    missing = [leaf.node.node_id for leaf in scores.leaves.values() if leaf.score is None]
    return Rating(scores, possible[0] if len(possible) == 1 else None, possible, contributions(scores), missing)


def intensity_percentile(own_t_per_10k_cny: Fraction, peers_t_per_10k_cny: Sequence[Fraction]) -> Fraction:
    """Returns the per cent of peers that emit more per output, an equal one counting half.

    Args:
        own_t_per_10k_cny: emissions per output of the enterprise, t CO2e per 10⁴ CNY.
        peers_t_per_10k_cny: of enterprises of its industry, itself left out; at least one.

    Raises:
        RuleBroken: there is no peer.
    """
    if not peers_t_per_10k_cny:
        raise RuleBroken("PEERS_TOO_FEW", INTENSITY, "1", "2")
    worse = sum(peer > own_t_per_10k_cny for peer in peers_t_per_10k_cny)
    equal = sum(peer == own_t_per_10k_cny for peer in peers_t_per_10k_cny)
    return 100 * (worse + Fraction(equal, 2)) / len(peers_t_per_10k_cny)
