"""Values that are implausible beside the source's own last twelve months."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.domain.batches import Candidates
from accounting.domain.plausibility import HISTORY_S, Extent, PastSpan, doubtful_sources, held, near_bounds, threshold
from accounting.domain.reference import AmountBounds, ReferenceTables, UnitMistake
from kernel.periods import parse_instant, time_zone

SHANGHAI = time_zone("Asia/Shanghai")
DAY_S = 86_400
MONTHS = [f"2021-{month:02d}-01" for month in range(1, 13)] + ["2022-01-01"]


def days(number: int) -> int:
    return parse_instant("2021-01-01", SHANGHAI) + number * DAY_S


def past(*rates: int, start: int = 0, length: int = 30) -> list[PastSpan]:
    """Spans of a history, one after the other; each emits `rate` mg per second."""
    return [PastSpan(days(start + length * number), rate * length * DAY_S, length * DAY_S) for number, rate in enumerate(rates)]


def at(start: int, rate: int, length: int = 30, **more: object) -> dict[str, object]:
    """A row that emits `rate` mg per second."""
    return {"start": days(start), "end": days(start + length), "emissions_mg": rate * length * DAY_S, **more}


def verdict(
    candidates: Callable[..., Candidates], times: str, mistakes: Sequence[UnitMistake] = (), usual: int = 1000
) -> tuple[str, str] | None:
    """What is said of a row that emits so many times the usual."""
    rate = round(usual * float(times))
    return held(candidates(at(90, rate)), {"meter": past(usual, usual, usual)}, mistakes).get(0)


@pytest.mark.parametrize("times", ["10", "11.5", "1000", "0.1", "0.05", "0.001"])
def test_ten_times_off_is_held(candidates: Callable[..., Candidates], times: str) -> None:
    assert verdict(candidates, times) == (f"{times} times the median of the last 12 months", f"近 12 个月中位数的 {times} 倍")


@pytest.mark.parametrize("times", ["9.99", "2", "1", "0.5", "0.101", "0"])
def test_less_than_ten_times_off_is_plausible_and_so_is_zero(candidates: Callable[..., Candidates], times: str) -> None:
    assert verdict(candidates, times) is None


@pytest.mark.parametrize(
    ("times", "meaning_en", "meaning_zh"),
    [
        pytest.param("10", "the decimal point may be one place to the right", "小数点可能右移了一位", id="10"),
        pytest.param("0.1", "the decimal point may be one place to the left", "小数点可能左移了一位", id="1/10"),
        pytest.param("1000", "kWh may have been entered as MWh or kg as t", "可能把 kWh 当作 MWh、或把 kg 当作 t 填报", id="1000"),
        pytest.param(
            "0.001", "MWh may have been entered as kWh or t as kg", "可能把 MWh 当作 kWh、或把 t 当作 kg 填报", id="1/1000"
        ),
        pytest.param("10000", "units may have been entered as ten thousands of units", "单位可能多写了“万”", id="10^4"),
        pytest.param("0.0001", "ten thousands of units may have been entered as units", "单位可能漏写了“万”", id="1/10^4"),
        pytest.param("3.6", "MJ may have been entered as kWh", "可能把 MJ 当作 kWh 填报", id="3.6"),
        pytest.param("0.2778", "kWh may have been entered as MJ", "可能把 kWh 当作 MJ 填报", id="1/3.6"),
        pytest.param("0.1229", "coal equivalent may have been entered for electricity", "可能填报了标准煤量而非电量", id="0.1229"),
        pytest.param("8.137", "electricity may have been entered for coal equivalent", "可能把电量当作标准煤量填报", id="1/0.1229"),
        pytest.param("8.141", "electricity may have been entered for coal equivalent", "可能把电量当作标准煤量填报", id="8.141"),
        pytest.param("3.667", "CO2 may have been entered as carbon", "可能把二氧化碳量当作碳量填报", id="44/12"),
        pytest.param("0.2727", "carbon may have been entered as CO2", "可能把碳量当作二氧化碳量填报", id="12/44"),
    ],
)
def test_ratio_of_a_known_mistake_names_it(
    candidates: Callable[..., Candidates], reference: ReferenceTables, times: str, meaning_en: str, meaning_zh: str
) -> None:
    assert verdict(candidates, times, reference.unit_mistakes, usual=10**6) == (
        f"{float(times):.4g} times the median of the last 12 months ({meaning_en})",
        f"近 12 个月中位数的 {float(times):.4g} 倍({meaning_zh})",
    )


@pytest.mark.parametrize(("times", "is_held"), [("3.583", True), ("3.617", True), ("3.581", False), ("3.619", False)])
def test_mistake_is_recognised_within_half_a_per_cent(
    candidates: Callable[..., Candidates], reference: ReferenceTables, times: str, is_held: bool
) -> None:
    only = [mistake for mistake in reference.unit_mistakes if mistake.meaning_en.startswith("MJ")]
    assert (verdict(candidates, times, only) is not None) is is_held


# --- what it is compared with -----------------------------------------------------------------------------------------


def test_fewer_than_three_in_the_history_say_nothing(candidates: Callable[..., Candidates]) -> None:
    assert held(candidates(at(90, 10**6)), {"meter": past(1000, 1000)}, []) == {}
    assert held(candidates(at(90, 10**6)), {}, []) == {}


def test_median_is_not_moved_by_one_outlier(candidates: Callable[..., Candidates]) -> None:
    assert held(candidates(at(120, 1000)), {"meter": past(1000, 10**6, 1000, 1000)}, []) == {}


def test_even_history_takes_the_middle_of_two(candidates: Callable[..., Candidates]) -> None:
    history = {"meter": past(100, 200, 400, 900)}
    assert held(candidates(at(120, 2999)), history, []) == {}
    assert list(held(candidates(at(120, 3000)), history, [])) == [0]


def test_history_is_that_of_the_366_days_before(candidates: Callable[..., Candidates]) -> None:
    history = {"meter": past(1000, 1000, 1000)}  # starts on days 0, 30 and 60
    assert list(held(candidates(at(366, 10**5)), history, [])) == [0]
    assert held(candidates(at(367, 10**5)), history, []) == {}
    assert 366 * DAY_S == HISTORY_S


def test_history_after_a_row_says_nothing_about_it(candidates: Callable[..., Candidates]) -> None:
    assert held(candidates(at(60, 10**5)), {"meter": past(1000, 1000, 1000)}, []) == {}


def test_other_sources_say_nothing(candidates: Callable[..., Candidates]) -> None:
    assert held(candidates(at(90, 10**5)), {"gas": past(1000, 1000, 1000)}, []) == {}


def test_spans_without_length_and_months_without_emissions_are_no_history(candidates: Callable[..., Candidates]) -> None:
    empty = [PastSpan(days(10), 5, 0), *past(0, -7, 1000, 1000, start=20)]
    assert held(candidates(at(200, 10**5)), {"meter": empty}, []) == {}


def test_months_of_different_length_are_compared_by_the_second(candidates: Callable[..., Candidates]) -> None:
    week_at_the_same_rate = at(90, 1000, length=7)
    assert held(candidates(week_at_the_same_rate), {"meter": past(1000, 1000, 1000)}, []) == {}
    month_in_a_week = {**week_at_the_same_rate, "emissions_mg": 1000 * 100 * DAY_S}
    assert list(held(candidates(month_in_a_week), {"meter": past(1000, 1000, 1000)}, [])) == [0]


def test_confirmed_row_is_not_held(candidates: Callable[..., Candidates]) -> None:
    assert held(candidates(at(90, 10**6, confirmed=True)), {"meter": past(1000, 1000, 1000)}, []) == {}


def test_correction_that_is_negative_is_not_held(candidates: Callable[..., Candidates]) -> None:
    assert held(candidates(at(90, -(10**6), supersedes="r0")), {"meter": past(1000, 1000, 1000)}, []) == {}


def test_sources_that_need_their_history_are_those_with_long_rows_or_short_ones_far_above_the_lowest_rate(
    candidates: Callable[..., Candidates],
) -> None:
    rows = candidates(
        at(0, 1, source_id="month"),
        at(0, 1, length=7, source_id="week"),
        at(0, 9999, length=6, source_id="usual"),
        at(0, 10_000, length=6, source_id="high"),
        at(0, 10_000, length=6, source_id="unknown"),
        at(0, 10_000, length=6, source_id="new"),
        at(0, 10**6, length=6, source_id="sure short", confirmed=True),
        at(0, 1, source_id="sure", confirmed=True),
        at(0, 0, source_id="idle"),
    )
    known = dict.fromkeys(["usual", "high", "sure short"], Extent(1000, 10**9, 10**9))
    assert doubtful_sources(rows, {**known, "new": Extent(None, 0, 0)}) == {"month", "week", "high"}


# --- rows of less than a week -----------------------------------------------------------------------------------------

QUARTER_S = 900


def quarters(start: int, rates: Sequence[int], **more: object) -> list[dict[str, object]]:
    """Quarter-hour rows from a day (UTC) on, each of so many mg per second."""
    begin = days(start) + 8 * 3600
    return [
        {"start": begin + place * QUARTER_S, "end": begin + (place + 1) * QUARTER_S, "emissions_mg": rate * QUARTER_S, **more}
        for place, rate in enumerate(rates)
    ]


def load(day: int) -> list[int]:
    """A works' day in mg per second: nothing at night and on Sunday, little on Saturday, a peak in the morning."""
    if day % 7 == 6:
        return [0] * 96
    shift = [0] * 28 + [9000, 7000] * 4 + [4000] * 40 + [0] * 20
    return [rate // 5 for rate in shift] if day % 7 == 5 else shift


def month_of_load(first_day: int) -> PastSpan:
    rates = [rate for day in range(first_day, first_day + 30) for rate in load(day)]
    return PastSpan(days(first_day), sum(rates) * QUARTER_S, len(rates) * QUARTER_S)


def test_ninety_six_readings_in_a_wrong_unit_are_held_all_of_them(
    candidates: Callable[..., Candidates], reference: ReferenceTables
) -> None:
    rows = candidates(*quarters(91, [1000 * rate for rate in load(91)]))
    verdicts = held(rows, {"meter": [month_of_load(first) for first in (0, 30, 60)]}, reference.unit_mistakes)
    assert sorted(verdicts) == np.flatnonzero(rows.emissions_mg > 0).tolist()
    (one,) = set(verdicts.values())
    assert one[0].startswith("of a day that is ")
    assert one[0].endswith(" times the median of the last 12 months (kWh may have been entered as MWh or kg as t)")
    assert one[1].endswith(" 倍(可能把 kWh 当作 MWh、或把 kg 当作 t 填报),按当日各行合计")


def test_a_reading_of_any_value_is_held(candidates: Callable[..., Candidates]) -> None:
    history = {"meter": past(1000, 1000, 1000)}
    # A week of the usual is 672 quarter-hours of it; ten weeks are held even if all of it comes in one.
    assert held(candidates(*quarters(90, [1000 * 6719])), history, []) == {}
    assert list(held(candidates(*quarters(90, [1000 * 6720])), history, [])) == [0]


def test_honest_quarter_hours_with_nights_and_weekends_of_nothing_are_not_held(candidates: Callable[..., Candidates]) -> None:
    history = {"meter": [month_of_load(first) for first in (0, 30, 60)]}
    rows = candidates(*(row for day in range(90, 118) for row in quarters(day, load(day))))
    assert held(rows, history, []) == {}


def test_a_source_that_runs_two_days_in_the_month_is_not_held(candidates: Callable[..., Candidates]) -> None:
    """Its days are fifteen times the mean of its months, which is what it does every month."""
    campaign = PastSpan(0, 2 * DAY_S * 30_000, 30 * DAY_S)
    history = {"meter": [PastSpan(days(first), campaign.emissions_mg, campaign.covered_s) for first in (0, 30, 60)]}
    rows = candidates(*quarters(100, [30_000] * 192))
    assert held(rows, history, []) == {}


def test_single_readings_are_held_by_what_the_account_has_of_their_month(candidates: Callable[..., Candidates]) -> None:
    """Each is ten and a half days of the usual; sixty days are there, over a week."""
    here = PastSpan(days(90), 60 * DAY_S * 1000, 7 * DAY_S, month=202101)
    history = {"meter": [*past(1000, 1000, 1000), here]}
    wrong = candidates(*quarters(97, [10**6]))
    assert held(wrong, {"meter": past(1000, 1000, 1000)}, []) == {}
    assert list(held(wrong, history, [])) == [0]
    usual = candidates(*quarters(97, [1000]))
    far_beyond = replace(here, emissions_mg=10**15)
    assert held(usual, {"meter": [*past(1000, 1000, 1000), far_beyond]}, []) == {}


def test_what_a_batch_has_of_the_month_counts_from_day_to_day(candidates: Callable[..., Candidates]) -> None:
    """Sixty days' worth each day: ten weeks' worth is not reached by one, and is by two."""
    rows = candidates(*(row for day in (90, 91) for row in quarters(day, [60_000] * 96)))
    verdicts = held(rows, {"meter": past(1000, 1000, 1000)}, [])
    assert sorted(verdicts) == list(range(96, 192))


@pytest.mark.parametrize("rate", [0, -(10**9)])
def test_short_rows_of_nothing_and_negative_corrections_are_not_held(candidates: Callable[..., Candidates], rate: int) -> None:
    assert held(candidates(*quarters(90, [rate] * 96)), {"meter": past(1000, 1000, 1000)}, []) == {}


def test_confirmed_short_rows_are_not_held_and_short_rows_without_history_neither(candidates: Callable[..., Candidates]) -> None:
    assert held(candidates(*quarters(90, [10**7] * 96, confirmed=True)), {"meter": past(1000, 1000, 1000)}, []) == {}
    assert held(candidates(*quarters(90, [10**7] * 96)), {"meter": past(1000, 1000)}, []) == {}


@given(
    st.lists(st.sampled_from([0, 1000, 4000, 9999, 10**4, 10**6, 10**7]), max_size=40),
    st.lists(st.integers(1, 5000), min_size=3, max_size=6),
)
def test_no_short_row_is_held_whose_history_was_not_asked_for(
    candidates: Callable[..., Candidates], short: list[int], before: list[int]
) -> None:
    rows = candidates(*quarters(300, short))
    history = {"meter": past(*before)}
    extent = Extent(min(before), 0, 0)
    if held(rows, history, []):
        assert doubtful_sources(rows, {"meter": extent}) == {"meter"}


@given(
    st.lists(st.sampled_from([0, 1000, 9999, 10**4, 10**6, 10**14]), max_size=20),
    st.lists(st.tuples(st.sampled_from([None, 0, 1, 100, 1000, 10**5]), st.sampled_from([0, 10**15, 10**17])), max_size=4),
)
def test_spans_below_the_threshold_change_no_answer(
    candidates: Callable[..., Candidates], short: list[int], spans: list[tuple[int | None, int]]
) -> None:
    bounds = AmountBounds(emissions_mg=10**17, energy_mgce=10**17)
    rows = candidates(*quarters(300, short))
    least = threshold(rows, bounds)
    lowest = least.lowest_rate
    assert lowest is not None
    reaching = [(rate, size) for rate, size in spans if (rate is not None and rate <= lowest) or size >= least.emissions_mg]
    answers = []
    for known in (spans, reaching):
        rates = [rate for rate, _ in known if rate is not None]
        extent = Extent(min(rates, default=None), max((size for _, size in known), default=0), 0)
        extents = {"meter": extent} if known else {}
        answers.append((doubtful_sources(rows, extents), near_bounds(rows, extents.values(), bounds)))
    assert answers[0] == answers[1]


def test_rows_may_come_near_a_bound_when_all_of_them_and_the_largest_sum_reach_it(candidates: Callable[..., Candidates]) -> None:
    bounds = AmountBounds(emissions_mg=10**17, energy_mgce=10**17)
    rows = candidates({"emissions_mg": 4 * 10**16}, {"emissions_mg": -4 * 10**16})
    assert not near_bounds(rows, [], bounds)
    assert not near_bounds(rows, [Extent(None, 10**16, 10**16)], bounds)
    assert near_bounds(rows, [Extent(None, 2 * 10**16, 0)], bounds)
    assert near_bounds(rows, [Extent(None, 0, 10**17)], bounds)


# --- within one batch -------------------------------------------------------------------------------------------------


def year(rates: Sequence[int]) -> list[dict[str, object]]:
    return [at(30 * number, rate) for number, rate in enumerate(rates)]


def test_rows_of_the_batch_are_history_for_those_after_them(candidates: Callable[..., Candidates]) -> None:
    assert list(held(candidates(*year([1000, 1000, 1000, 10**6, 1000])), {}, [])) == [3]


def test_unit_that_changes_in_mid_series_is_held_to_the_end(candidates: Callable[..., Candidates]) -> None:
    """A row that is held is not accepted, so it is no history: else the wrong unit would become the usual one."""
    assert list(held(candidates(*year([1000] * 3 + [10**6] * 9)), {}, [])) == list(range(3, 12))


def test_confirmed_change_becomes_the_usual(candidates: Callable[..., Candidates]) -> None:
    rows = year([1000] * 3 + [10**6] * 9)
    for row in rows[3:7]:
        row["confirmed"] = True
    assert held(candidates(*rows), {}, []) == {}


def test_ten_thousand_rows_of_one_source_are_compared_in_little_time(candidates: Callable[..., Candidates]) -> None:
    rows = candidates(*(at(number % 300, 1000 + number, length=7) for number in range(10_000)))
    before = perf_counter()
    verdicts = held(rows, {}, [])
    assert perf_counter() - before < 3, "the square of their number took 13 s"
    assert verdicts == {}


rates = st.lists(st.sampled_from([0, -5, 1, 9, 1000, 1001, 3600, 9999, 10_000, 10**6]), min_size=1, max_size=25)


@given(st.data(), rates)
def test_verdicts_do_not_depend_on_the_order_of_rows(
    candidates: Callable[..., Candidates], reference: ReferenceTables, data: st.DataObject, rates: list[int]
) -> None:
    rows = year(rates)
    order = data.draw(st.permutations(range(len(rows))))
    expected = held(candidates(*rows), {}, reference.unit_mistakes)
    shuffled = held(candidates(*(rows[place] for place in order)), {}, reference.unit_mistakes)
    assert {order[place]: verdict for place, verdict in shuffled.items()} == expected


@given(rates)
def test_verdicts_do_not_depend_on_how_rows_are_cut_into_batches(
    candidates: Callable[..., Candidates], reference: ReferenceTables, rates: list[int]
) -> None:
    whole = held(candidates(*year(rates)), {}, reference.unit_mistakes)
    accepted: list[PastSpan] = []
    for place, row in enumerate(year(rates)):
        alone = held(candidates(row), {"meter": accepted}, reference.unit_mistakes)
        assert alone.get(0) == whole.get(place)
        if not alone:
            rate = rates[place]
            accepted += past(rate, start=30 * place)


def naive(rows: Candidates, history: Mapping[str, Sequence[PastSpan]]) -> set[int]:
    """The rule as it is written: the median of all rates of the 366 days before, from whatever was accepted."""
    known = {source: [(span.start_s, span.emissions_mg / span.covered_s) for span in spans] for source, spans in history.items()}
    found = set()
    for row in np.argsort(rows.start_s, kind="stable").tolist():
        start, source = int(rows.start_s[row]), rows.source_id[row]
        rate = int(rows.emissions_mg[row]) / int(rows.end_s[row] - rows.start_s[row])
        before = [other for at_s, other in known.get(source, []) if start - HISTORY_S <= at_s < start and other > 0]
        if rate > 0 and not rows.confirmed[row] and len(before) >= 3 and not 0.1 < rate / median(before) < 10:
            found.add(row)
        else:
            known.setdefault(source, []).append((start, rate))
    return found


@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.sampled_from([0, -3, 1, 9, 10, 100, 1000]), st.sampled_from("ab"), st.booleans()),
        max_size=40,
    ),
    st.lists(st.tuples(st.integers(-400, 900), st.sampled_from([0, 1, 10, 1000]), st.sampled_from("ab")), max_size=12),
)
def test_moving_median_is_that_of_the_naive_rule(
    candidates: Callable[..., Candidates], rows: list[tuple[int, int, str, bool]], before: list[tuple[int, int, str]]
) -> None:
    batch = candidates(*(at(start, rate, length=7, source_id=source, confirmed=sure) for start, rate, source, sure in rows))
    history: dict[str, list[PastSpan]] = {}
    for start, rate, source in before:
        history.setdefault(source, []).extend(past(rate, start=start))
    assert set(held(batch, history, [])) == naive(batch, history)
