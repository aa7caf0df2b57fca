"""Rows of values: what is kept, what is refused, and what is shown as a conflict."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from evaluation.adapters.indicator_files import ShippedTables
from evaluation.domain.values import PROBLEMS, Entry, Value, in_force, judged


def judge(shipped: ShippedTables, *entries: Entry, system: str = "guide-2021"):  # type: ignore[no-untyped-def]
    return judged(shipped.systems[system], entries, shipped.conversions)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(Entry(1, "52", "2022", "39.47"), Fraction("39.47"), id="a_share"),
        pytest.param(Entry(1, "52", "2022", "0.9", confirmed="true"), Fraction("0.9"), id="a_small_share_that_is_meant"),
        pytest.param(Entry(1, "3", "2022", "0", "servers", confirmed="true"), Fraction(0), id="a_zero_that_is_meant"),
        pytest.param(Entry(1, "66", "2022", "-3.5"), Fraction("-3.5"), id="a_rate_below_0"),
        pytest.param(Entry(1, "26", "2022", "yes"), Fraction(1), id="a_yes"),
        pytest.param(Entry(1, "26", "2022", "否"), Fraction(0), id="a_no_in_chinese"),
        pytest.param(Entry(1, "32", "2022", "2", "亿元"), Fraction(20000), id="two_hundred_million_in_ten_thousands"),
        pytest.param(Entry(1, "63", "2022", "1500", "10^4 CNY/km2"), Fraction(1), id="1500_mu_to_the_km2"),
        pytest.param(Entry(1, "65", "2022", "450", "kgce/10^4 CNY"), Fraction("0.45"), id="kilograms_of_coal"),
    ],
)
def test_a_value_is_kept_in_the_unit_of_its_indicator(shipped: ShippedTables, entry: Entry, expected: Fraction) -> None:
    kept, problems = judge(shipped, entry)
    assert problems == []
    assert kept == [(entry, 2022, expected)]


REFUSED = [
    pytest.param(Entry(7, "70", "2022", "1"), "INDICATOR_UNKNOWN", "guide-2021", id="an_indicator_that_is_none"),
    pytest.param(Entry(7, "beta-1", "2022", "1"), "INDICATOR_UNKNOWN", "guide-2021", id="a_node_that_is_no_indicator"),
    pytest.param(Entry(7, "52", "22", "1"), "YEAR_NOT_ALLOWED", "four digits, 1990 to 2200", id="a_year_of_two_digits"),
    pytest.param(Entry(7, "52", "2022", "140"), "VALUE_OUT_OF_RANGE", "0 to 100 %", id="a_percentage_of_140"),
    pytest.param(Entry(7, "52", "2022", "-1"), "VALUE_OUT_OF_RANGE", "0 to 100 %", id="a_negative_share"),
    pytest.param(Entry(7, "52", "2022", "0.98"), "FRACTION_FOR_PERCENT", "98", id="a_fraction_for_a_percentage"),
    pytest.param(Entry(7, "52", "2022", "0"), "ZERO_NOT_CONFIRMED", "Clean-energy share", id="a_zero_for_a_missing_value"),
    pytest.param(Entry(7, "32", "2022", "0.000001", "CNY"), "ZERO_NOT_CONFIRMED", "Total dual-carbon", id="rounded_to_a_zero"),
    pytest.param(Entry(7, "3", "2022", "2.5"), "VALUE_NOT_WHOLE", "a whole number of servers", id="half_a_server"),
    pytest.param(Entry(7, "32", "2022", "-2"), "VALUE_OUT_OF_RANGE", ">= 0 10^4 CNY", id="a_negative_amount"),
    pytest.param(Entry(7, "32", "2022", "2", "t"), "UNIT_NOT_ALLOWED", "10^4 CNY, CNY, 10^8 CNY, 万元, 亿元", id="another_kind"),
    pytest.param(Entry(7, "52", "2022", "39,47"), "VALUE_NOT_A_DECIMAL", "plain decimal text", id="a_comma"),
    pytest.param(Entry(7, "52", "2022", "NaN"), "VALUE_NOT_A_DECIMAL", "plain decimal text", id="not_a_number"),
    pytest.param(Entry(7, "52", "2022", "\uff13\uff19"), "VALUE_NOT_A_DECIMAL", "plain decimal text", id="full_width_digits"),
    pytest.param(Entry(7, "26", "2022", "1"), "VALUE_NOT_YES_OR_NO", "yes or no", id="one_for_yes"),
    pytest.param(Entry(7, "52", "2022", "5", confirmed="yes"), "CONFIRMED_NOT_A_BOOLEAN", "true or false", id="confirmed_yes"),
    pytest.param(Entry(7, "52", "2022", "5", evidence="x" * 501), "EVIDENCE_TOO_LONG", "at most 500", id="long_evidence"),
]


@pytest.mark.parametrize(("entry", "reason", "allowed"), REFUSED)
def test_a_row_that_breaks_a_rule_is_refused_with_its_indicator(
    shipped: ShippedTables, entry: Entry, reason: str, allowed: str
) -> None:
    kept, problems = judge(shipped, entry)
    assert kept == []
    (problem,) = problems
    assert (problem.row_number, problem.indicator_id, problem.reason) == (7, entry.indicator_id, reason)
    assert allowed in problem.allowed
    assert problem.found in problem.message_en or reason == "ZERO_NOT_CONFIRMED"
    assert problem.message_zh != problem.message_en


def test_one_bad_row_does_not_keep_the_others_out(shipped: ShippedTables) -> None:
    kept, problems = judge(shipped, Entry(1, "52", "2022", "39"), Entry(2, "53", "2022", "x"), Entry(3, "52", "2022", "40"))
    assert [entry.row_number for entry, _, _ in kept] == [1]
    assert [(problem.row_number, problem.reason) for problem in problems] == [(2, "VALUE_NOT_A_DECIMAL"), (3, "INDICATOR_TWICE")]


def test_every_problem_has_both_sentences() -> None:
    assert all(english and chinese and english != chinese for english, chinese in PROBLEMS.values())


def value(origin: str, text: str, version: int = 1) -> Value:
    at = datetime(2023, 1, 1, tzinfo=UTC)
    return Value("p-1", "t-1", "guide-2021", "52", 2022, origin, version, text, "%", "", "somebody", at)


def test_a_manual_value_beside_a_derived_one_is_a_conflict_and_stays() -> None:
    derived, manual = value("derived", "39.47"), value("manual", "45")
    known = in_force([manual, derived])["52"]
    assert (known.chosen, known.conflicting) == (derived, manual)


def test_values_that_say_the_same_are_no_conflict() -> None:
    assert in_force([value("manual", "39.470"), value("derived", "39.47")])["52"].conflicting is None


def test_the_newest_of_an_origin_counts() -> None:
    old, new = value("manual", "1"), value("manual", "2", version=2)
    assert in_force([new, old])["52"].chosen is new
    assert in_force([replace(old, origin="derived"), new])["52"].conflicting is new
