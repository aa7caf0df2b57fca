"""What is to be evaluated, as callers name it, and the inputs that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from evaluation.application.ports import Shipped
from evaluation.application.values import valid_year
from evaluation.domain.evaluations import Inputs, InputValue
from evaluation.domain.strategies import INDUSTRIES
from evaluation.domain.systems import IndicatorSystem
from evaluation.domain.thresholds import Threshold
from kernel.refusals import InvalidField


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be evaluated: system, year, weights, thresholds, industry; names as a caller gives them."""

    system_id: str
    year: int
    weight_set_id: str = ""
    threshold_set_ids: tuple[str, ...] = ()
    industry: str = ""


def valid_selection(selection: Selection) -> None:
    """Passes when a selection names a year and an industry that exist.

    Raises:
        InvalidField: it does not.
    """
    valid_year(selection.year)
    if selection.industry not in ("", *INDUSTRIES):
        listed = ", ".join(INDUSTRIES)
        raise InvalidField("industry", selection.industry, f"one of {listed}, or empty", f"{listed} 之一,或为空")


def put_together(
    shipped: Shipped,
    system: IndicatorSystem,
    selection: Selection,
    weights: tuple[str, Mapping[str, Fraction]],
    thresholds: tuple[tuple[Threshold, ...], bool],
    values: tuple[InputValue, ...],
    energy_tce: Fraction | None,
    emissions_t: Fraction | None,
) -> Inputs:
    """Returns what an evaluation stands on: what was selected, with what is shipped for its system."""
    return Inputs(
        system=system,
        year=selection.year,
        weight_set_id=weights[0],
        weights=weights[1],
        threshold_set_ids=selection.threshold_set_ids,
        thresholds=thresholds[0],
        synthetic=thresholds[1],
        values=values,
        energy_tce=energy_tce,
        emissions_t=emissions_t,
        industry=selection.industry,
        bands=tuple(band for band in shipped.bands if band.system_id == system.system_id),
        targets=tuple(target for target in shipped.targets if target.system_id == system.system_id),
        strategies=shipped.strategies if selection.industry else (),
    )
