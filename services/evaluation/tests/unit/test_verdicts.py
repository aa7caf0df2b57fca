"""Targets that are met or missed, bands, the carbon credit of an enterprise, and strategies."""

from fractions import Fraction

import pytest

from evaluation.adapters.indicator_files import ShippedTables
from evaluation.domain.bands import band_of, bands_reachable
from evaluation.domain.credit import INTENSITY, intensity_percentile
from evaluation.domain.errors import RULES, ResourceNotFound, RuleBroken
from evaluation.domain.evaluations import Assessment, Inputs, InputValue, assessed
from evaluation.domain.strategies import INDUSTRIES, MATURITIES, SIDES, strategies_for, weakest_side
from evaluation.domain.targets import emissions_gap_t, judge_targets, passes
from kernel.refusals import Denied, InvalidField, Refusal

VALUES = {
    "clean-energy-share": Fraction(92),
    "product-energy-limit": Fraction(1),
    "solid-waste-use": Fraction(79),
    "waste-energy-use": Fraction(50),
}


def test_the_published_zero_carbon_park_misses_by_10000_tonnes(shipped: ShippedTables) -> None:
    """500,000 tce; scope 1 40,000 t + scope 2 70,000 t → 0.22 t/tce against 0.2: 110,000 − 0.2·500,000 = 10,000 t."""
    emissions_t, energy_tce = Fraction(40_000 + 70_000), Fraction(500_000)
    park = shipped.systems["zero-carbon-park"]
    values = {**VALUES, "carbon-per-energy": emissions_t / energy_tce}
    verdicts = {each.node.node_id: each for each in judge_targets(park, shipped.targets, values, energy_tce / 10_000)}
    core = verdicts["carbon-per-energy"]
    assert core.target is not None
    assert (core.value, core.target.target, core.met, core.gap) == (Fraction("0.22"), Fraction("0.2"), False, Fraction("0.02"))
    assert emissions_gap_t(emissions_t, energy_tce, core.target.target) == 10_000
    assert {node: each.met for node, each in verdicts.items()} == {
        "carbon-per-energy": False,
        "clean-energy-share": True,
        "product-energy-limit": True,
        "solid-waste-use": False,
        "waste-energy-use": True,
        "water-reuse": None,
    }
    assert passes(list(verdicts.values())) is False


def test_a_larger_park_has_another_target_and_an_unknown_size_none(shipped: ShippedTables) -> None:
    park = shipped.systems["zero-carbon-park"]
    values = {"carbon-per-energy": Fraction("0.22")}
    for energy, met in ((Fraction(100), True), (Fraction("99.9"), False), (Fraction(19), None), (None, None)):
        verdicts = judge_targets(park, shipped.targets, values, energy)
        assert verdicts[0].met is met
        assert passes(verdicts) is met
    assert emissions_gap_t(Fraction(10), Fraction(100), Fraction("0.2")) == 0


def test_bands_reach_to_the_next_and_their_edges_belong_to_the_higher(shipped: ShippedTables) -> None:
    found = [band_of(shipped.bands, "guide-2021", Fraction(each)) for each in ("0", "39.99", "40", "80", "100")]
    assert [band.band for band in found if band] == ["starting", "starting", "growing", "leading", "leading"]
    assert band_of(shipped.bands, "guide-2021", None) is None
    assert band_of(shipped.bands, "zero-carbon-park", Fraction(50)) is None
    assert [band.band for band in bands_reachable(shipped.bands, "guide-2021", Fraction(35), Fraction(60))] == [
        "starting",
        "growing",
        "advanced",
    ]


def rating(shipped: ShippedTables, **values: int) -> Assessment:
    system = shipped.systems["enterprise-credit"]
    return assessed(
        Inputs(
            system=system,
            year=2022,
            weight_set_id=system.method,
            weights=system.weights,
            threshold_set_ids=(),
            thresholds=shipped.thresholds[system.system_id],
            synthetic=False,
            values=tuple(InputValue(name.replace("_", "-"), Fraction(value), "manual", "") for name, value in values.items()),
            energy_tce=None,
            emissions_t=None,
            industry="",
            bands=shipped.bands,
            targets=(),
            strategies=(),
        )
    )


def test_an_enterprise_is_graded_with_its_reasons(shipped: ShippedTables) -> None:
    """(90 + 100 + 60)/3·¼ + 80·¼ + 40·¼ + (100 + 100 + 0)/3·¼ = 20.8333 + 20 + 10 + 16.6667 = 67.5"""
    found = rating(
        shipped,
        accepted_share=90,
        months_covered=100,
        evidence_share=60,
        on_time_share=80,
        intensity_percentile=40,
        verified=1,
        surrendered_share=100,
        no_violation=0,
    )
    assert found.scores.total.score == Fraction("67.5")
    assert found.band is not None
    assert found.band.band == "B"
    # what is lost most comes first: 60 of 100 of a quarter, 100 of a twelfth
    assert list(found.contributions)[:2] == [INTENSITY, "no-violation"]


def test_what_is_missing_leaves_grades_open_and_a_grade_that_it_cannot_change_stands(shipped: ShippedTables) -> None:
    best = {"accepted_share": 100, "months_covered": 100, "evidence_share": 100, "on_time_share": 100, "intensity_percentile": 100}
    # two of the twelfths of compliance are open: 83.33 to 100
    found = rating(shipped, **best, surrendered_share=100)
    assert found.band is None
    assert [band.band for band in found.possible] == ["AA", "AAA"]
    without_evidence = {**best, "verified": 1, "no_violation": 1, "surrendered_share": 100}
    del without_evidence["accepted_share"]
    # a twelfth is open: 91.67 to 100 is AAA either way
    sure = rating(shipped, **without_evidence)
    assert sure.band is not None
    assert sure.band.band == "AAA"
    assert [leaf.node.node_id for leaf in sure.scores.leaves.values() if leaf.missing] == ["accepted-share"]


def test_intensity_is_told_against_peers_and_one_alone_has_none() -> None:
    peers = [Fraction(1), Fraction(2), Fraction(3), Fraction(4)]
    assert intensity_percentile(Fraction(2), peers) == Fraction("62.5")
    with pytest.raises(RuleBroken, match="at least 2"):
        intensity_percentile(Fraction(2), [])


def test_advice_begins_with_the_weakest_side(shipped: ShippedTables) -> None:
    sides = {"performance": Fraction("2.94"), "development": Fraction("1.84"), "impact": Fraction("3.65")}
    assert weakest_side(sides) == "development"
    advice = strategies_for(shipped.strategies, "electronics", "mature", sides)
    assert [each.side for each in advice] == ["development", "performance", "performance", "impact", "impact"]
    assert strategies_for(shipped.strategies, "mining", "mature", sides) == []


def test_every_line_of_advice_names_its_source_and_kind(shipped: ShippedTables) -> None:
    for each in shipped.strategies:
        assert each.source.startswith("[S] §4.")
        assert (each.industry in INDUSTRIES, each.maturity in MATURITIES, each.side in SIDES) == (True, True, True)
    # [S] prints no table for mature new-energy parks: the clusters are young
    assert {(each.industry, each.maturity) for each in shipped.strategies} == {
        (industry, maturity) for industry in INDUSTRIES for maturity in MATURITIES
    } - {("new_energy", "mature")}


def test_errors_keep_their_facts_and_speak_both_languages() -> None:
    errors: list[Refusal] = [
        *(RuleBroken(rule, "n", "f", "a") for rule in RULES),
        InvalidField("year", "x", "a year", "年份"),
        ResourceNotFound("indicator system", "x", "a, b"),
        Denied({"reader"}, {"park_manager"}),
    ]
    for error in errors:
        assert error.kind in {"invalid", "not_found", "denied"}
        assert error.reason.isupper()
        assert error.facts()["message_zh"]
    assert errors[-2].reason == "INDICATOR_SYSTEM_NOT_FOUND"
