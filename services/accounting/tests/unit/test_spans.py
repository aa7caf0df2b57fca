"""Sums of a source over a span of months: what rows change, and how far they may go."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.domain.batches import Candidates
from accounting.domain.record import Existing, decide
from accounting.domain.reference import MAX_BOUND, AmountBounds
from accounting.domain.spans import Beyond, Counted, Span, SpanTotal, beyond, sums_after
from kernel.periods import time_zone

Rows = Callable[..., Candidates]
SHANGHAI = time_zone("Asia/Shanghai")
BOUNDS = AmountBounds(emissions_mg=1000, energy_mgce=1000)
JANUARY = Span("meter", 202101, 202101)
OTHER = Span("gas", 202101, 202101)


def row(amount: int, **more: object) -> dict[str, object]:
    return {"emissions_mg": amount, **more}


def test_rows_of_one_batch_that_only_together_go_beyond_are_refused_from_there_on(candidates: Rows) -> None:
    rows = candidates(row(600), row(600), row(399), row(1))
    found = beyond(rows, {}, {}, BOUNDS)
    assert found == {1: Beyond(JANUARY, "t", 600, 1000), 3: Beyond(JANUARY, "t", 999, 1000)}


def test_what_the_account_has_counts(candidates: Rows) -> None:
    assert beyond(candidates(row(399)), {}, {JANUARY: SpanTotal(600, 0, 1, 1)}, BOUNDS) == {}
    assert list(beyond(candidates(row(400)), {}, {JANUARY: SpanTotal(600, 0, 1, 1)}, BOUNDS)) == [0]
    assert beyond(candidates(row(400)), {}, {OTHER: SpanTotal(600, 0, 1, 1)}, BOUNDS) == {}


def test_energy_has_a_bound_of_its_own(candidates: Rows) -> None:
    found = beyond(candidates(row(1)), {}, {JANUARY: SpanTotal(0, 1000, 1, 1)}, AmountBounds(1000, 900))
    assert found == {}, "energy that is beyond already does not grow"
    rows = candidates(row(1))
    rows.energy_mgce[0] = 5
    assert beyond(rows, {}, {JANUARY: SpanTotal(0, 896, 1, 1)}, AmountBounds(1000, 900)) == {0: Beyond(JANUARY, "tce", 896, 900)}


def test_a_correction_makes_room_for_what_it_takes_out(candidates: Rows) -> None:
    before = {JANUARY: SpanTotal(900, 0, 100, 1)}
    corrected = {"r0": Counted(JANUARY, SpanTotal(900, 0, 100, 1))}
    assert beyond(candidates(row(999, supersedes="r0")), corrected, before, BOUNDS) == {}
    assert list(beyond(candidates(row(1000, supersedes="r0")), corrected, before, BOUNDS)) == [0]


def test_a_sum_is_bounded_below_zero_too_and_where_a_correction_takes_from(candidates: Rows) -> None:
    before = {OTHER: SpanTotal(0, 0, 2, 2)}
    corrected = {"r0": Counted(OTHER, SpanTotal(1000, 0, 1, 1))}
    assert beyond(candidates(row(1, supersedes="r0")), corrected, before, BOUNDS) == {0: Beyond(OTHER, "t", 0, 1000)}
    assert list(beyond(candidates(row(-1000, supersedes="r9")), {}, {}, BOUNDS)) == [0]


def test_a_sum_that_is_beyond_already_may_come_nearer_and_not_go_further(candidates: Rows) -> None:
    before = {JANUARY: SpanTotal(9 * 10**18, 0, 10, 93)}
    corrected = {"r0": Counted(JANUARY, SpanTotal(10**17, 0, 1, 1))}
    assert beyond(candidates(row(5, supersedes="r0")), corrected, before, BOUNDS) == {}
    assert beyond(candidates(row(0)), {}, before, BOUNDS) == {}
    assert list(beyond(candidates(row(1)), {}, before, BOUNDS)) == [0]


def test_the_good_rows_of_a_wave_are_kept_and_a_repeat_shares_the_refusal(candidates: Rows) -> None:
    wave = candidates(
        row(600, end="2021-01-02"),
        row(600, start="2021-01-02", end="2021-01-03", record_id="twice"),
        row(600, start="2021-01-02", end="2021-01-03", record_id="twice"),
        row(300, start="2021-01-03"),
    )
    decision = decide(wave, Existing({}, {}, {}, sums={}), SHANGHAI, BOUNDS)
    assert decision.accepted.tolist() == [0, 3]
    assert {place: problem[:3] for place, problem in decision.problems.items()} == dict.fromkeys(
        [1, 2], ("AMOUNT_OUT_OF_RANGE", "quantity", "1 kWh")
    )
    assert list(decision.duplicates) == []


def test_bounds_leave_room_for_the_row_beyond_them() -> None:
    assert AmountBounds(MAX_BOUND, MAX_BOUND).emissions_mg == MAX_BOUND
    for wrong in ((MAX_BOUND + 1, 1), (1, MAX_BOUND + 1), (0, 1), (1, 0)):
        with pytest.raises(ValueError, match="bounds of amounts"):
            AmountBounds(*wrong)


amounts = st.integers(-1200, 1200)


@given(st.lists(st.tuples(amounts, st.sampled_from(["meter", "gas"]), st.sampled_from(["", "r0", "r9"])), max_size=20), amounts)
def test_what_is_not_refused_keeps_every_sum_within_its_bound_and_equal_to_the_integers(
    candidates: Rows, drawn: list[tuple[int, str, str]], stored: int
) -> None:
    rows = candidates(*(row(amount, source_id=source, supersedes=target) for amount, source, target in drawn))
    corrected = {"r0": Counted(OTHER, SpanTotal(stored, 0, 1, 1))}
    before: Mapping[Span, SpanTotal] = {OTHER: SpanTotal(stored, 0, 1, 1)}
    refused = beyond(rows, corrected, before, BOUNDS)
    good = rows.without(refused)
    after = sums_after(good, corrected, before)
    for span in (JANUARY, OTHER):
        kept = [place for place in range(len(drawn)) if place not in refused]
        expected = before.get(span, SpanTotal()).emissions_mg
        expected += sum(drawn[place][0] for place in kept if drawn[place][1] == span.source_id)
        expected -= sum(stored for place in kept if drawn[place][2] == "r0" and span == OTHER)
        found = after.get(span, before.get(span, SpanTotal()))
        assert found.emissions_mg == expected
        assert abs(expected) < 1000 or abs(expected) <= abs(before.get(span, SpanTotal()).emissions_mg)
