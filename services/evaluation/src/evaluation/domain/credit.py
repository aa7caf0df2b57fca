"""The carbon credit of an enterprise: how far its account can be relied on, and how it does.

[G] 3.2.2 asks for a credit evaluation on trusted data and prints no method. Here it is an indicator system like the others (data
quality, timeliness, intensity against peers, compliance), so that its weights, thresholds and bands are data that a region may
replace. A grade is given only where what is missing cannot change it; otherwise the grades it can still be are.

Source: [G] §3.2.2 (2), the paragraph on the block-chain infrastructure; weights, thresholds and bands are the platform's default.
"""

from collections.abc import Sequence
from fractions import Fraction

from evaluation.domain.errors import RuleBroken

INTENSITY = "intensity-percentile"
"""The indicator that peers decide."""


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
