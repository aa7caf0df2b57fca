"""The decision on a wave, given what is stored."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.domain.batches import Candidates
from accounting.domain.record import Content, Decision, Existing, StoredPeriod, content_of, decide
from accounting.domain.reference import AmountBounds
from kernel.periods import parse_instant, time_zone

SHANGHAI = time_zone("Asia/Shanghai")
NOTHING = Existing({}, {}, {})
BOUNDS = AmountBounds(emissions_mg=10**17, energy_mgce=10**17)

Rows = Callable[..., Candidates]


def seconds(day: str) -> int:
    return parse_instant(day, SHANGHAI)


def month(number: int, **more: object) -> dict[str, object]:
    return {"start": f"2021-{number:02d}-01", "end": f"2021-{number + 1:02d}-01", **more}


def decided(wave: Candidates, existing: Existing = NOTHING) -> Decision:
    return decide(wave, existing, SHANGHAI, BOUNDS)


def accepted(decision: Decision) -> list[int]:
    rows: list[int] = decision.accepted.tolist()
    return rows


def outcome(decision: Decision) -> tuple[list[int], list[int], dict[int, str]]:
    """Rows accepted, rows that are duplicates, and the reason of each other."""
    return accepted(decision), sorted(decision.duplicates), {row: problem[0] for row, problem in sorted(decision.problems.items())}


def test_new_rows_are_accepted(candidates: Rows) -> None:
    assert outcome(decided(candidates(month(1), month(2)))) == ([0, 1], [], {})


def test_empty_wave_decides_nothing(candidates: Rows) -> None:
    assert outcome(decided(candidates())) == ([], [], {})


# --- the same id again ------------------------------------------------------------------------------------------------


def test_same_id_with_the_same_content_is_a_duplicate_even_where_it_overlaps_itself(candidates: Rows) -> None:
    wave = candidates(month(1))
    stored = StoredPeriod("r1", seconds("2021-01-01"), seconds("2021-02-01"))
    assert outcome(decided(wave, Existing({0: content_of(wave, 0)}, {0: stored}, {}))) == ([], [0], {})


def test_correction_sent_again_is_a_duplicate_although_its_target_is_superseded(candidates: Rows) -> None:
    wave = candidates(month(1, supersedes="r0"))
    assert outcome(decided(wave, Existing({0: content_of(wave, 0)}, {}, {0: "r1"}))) == ([], [0], {})


@pytest.mark.parametrize(
    ("field", "stored", "found", "recorded"),
    [
        pytest.param({"quantity_micro": 1_500_000}, "quantity", "quantity 1 kWh", "quantity 1.5 kWh", id="quantity"),
        pytest.param({"unit": "MWh"}, "quantity", "quantity 1 kWh", "quantity 1 MWh", id="unit"),
        pytest.param({"source_id": "gas"}, "source_id", "source_id meter", "source_id gas", id="source"),
        pytest.param(
            {"start_s": seconds("2020-12-31")},
            "period_start",
            "period_start 2021-01-01T00:00:00+08:00",
            "period_start 2020-12-31T00:00:00+08:00",
            id="start",
        ),
        pytest.param(
            {"end_s": seconds("2021-01-31")},
            "period_end",
            "period_end 2021-02-01T00:00:00+08:00",
            "period_end 2021-01-31T00:00:00+08:00",
            id="end",
        ),
        pytest.param({"supersedes": "r0"}, "supersedes", "supersedes ", "supersedes r0", id="supersedes"),
    ],
)
def test_same_id_with_other_content_is_a_conflict_that_names_both(
    candidates: Rows, field: dict[str, object], stored: str, found: str, recorded: str
) -> None:
    wave = candidates(month(1))
    content = replace(content_of(wave, 0), **field)  # type: ignore[arg-type]  # the keys are fields
    decision = decided(wave, Existing({0: content}, {}, {}))
    assert accepted(decision) == []
    assert decision.problems == {0: ("RECORD_ID_CONFLICT", stored, found, recorded, None)}


def test_first_field_that_differs_is_named(candidates: Rows) -> None:
    wave = candidates(month(1))
    other = Content("gas", 0, 1, 5, "t", "x")
    assert decided(wave, Existing({0: other}, {}, {})).problems[0][1] == "quantity"


def test_row_repeated_in_the_batch_is_a_duplicate_of_the_first(candidates: Rows) -> None:
    same = month(1, record_id="a")
    assert outcome(decided(candidates(same, same, month(2), same))) == ([0, 2], [1, 3], {})


def test_repeat_with_other_content_is_a_conflict_and_the_first_is_kept(candidates: Rows) -> None:
    decision = decided(candidates(month(1, record_id="a"), month(1, record_id="a", quantity_micro=7_000_000)))
    assert accepted(decision) == [0]
    assert decision.problems == {1: ("RECORD_ID_CONFLICT", "quantity", "quantity 7 kWh", "quantity 1 kWh", None)}


def test_repeat_shares_the_refusal_of_the_first(candidates: Rows) -> None:
    same = month(1, record_id="a")
    stored = StoredPeriod("old", seconds("2021-01-15"), seconds("2021-01-16"))
    decision = decided(candidates(same, same), Existing({}, {0: stored, 1: stored}, {}))
    assert outcome(decision) == ([], [], {0: "PERIOD_OVERLAPS", 1: "PERIOD_OVERLAPS"})
    assert decision.problems[0] == decision.problems[1]


def test_repeat_of_a_correction_does_not_take_its_target_twice(candidates: Rows) -> None:
    same = month(1, record_id="a", supersedes="r0")
    assert outcome(decided(candidates(same, same), Existing({}, {}, {0: "", 1: ""}))) == ([0], [1], {})


def test_repeats_of_a_stored_id_are_each_compared_with_what_is_stored(candidates: Rows) -> None:
    wave = candidates(month(1, record_id="a"), month(1, record_id="a", quantity_micro=7_000_000))
    content = content_of(wave, 0)
    assert outcome(decided(wave, Existing({0: content, 1: content}, {}, {}))) == ([], [0], {1: "RECORD_ID_CONFLICT"})


# --- corrections ------------------------------------------------------------------------------------------------------


def test_correction_of_a_record_in_force_is_accepted(candidates: Rows) -> None:
    assert outcome(decided(candidates(month(1, supersedes="r0")), Existing({}, {}, {0: ""}))) == ([0], [], {})


def test_correction_of_nothing_is_refused(candidates: Rows) -> None:
    decision = decided(candidates(month(1, supersedes="r0")))
    assert decision.problems == {0: ("SUPERSEDES_UNKNOWN", "supersedes", "r0", "the id of an accepted record", "已接收记录的编号")}


def test_correction_of_a_superseded_record_is_refused_and_names_its_successor(candidates: Rows) -> None:
    decision = decided(candidates(month(1, supersedes="r0")), Existing({}, {}, {0: "r0-corrected"}))
    assert decision.problems == {0: ("ALREADY_SUPERSEDED", "supersedes", "r0", "r0-corrected", None)}


def test_second_correction_of_one_record_is_refused_and_names_the_first(candidates: Rows) -> None:
    wave = candidates(month(1, record_id="a", supersedes="r0"), month(2, record_id="b", supersedes="r0"))
    decision = decided(wave, Existing({}, {}, {0: "", 1: ""}))
    assert accepted(decision) == [0]
    assert decision.problems == {1: ("ALREADY_SUPERSEDED", "supersedes", "r0", "a", None)}


def test_correction_that_overlaps_a_stored_record_leaves_its_target_to_the_next(candidates: Rows) -> None:
    wave = candidates(month(1, record_id="a", supersedes="r0"), month(2, record_id="b", supersedes="r0"))
    stored = StoredPeriod("other", seconds("2021-01-15"), seconds("2021-01-16"))
    assert outcome(decided(wave, Existing({}, {0: stored}, {0: "", 1: ""}))) == ([1], [], {0: "PERIOD_OVERLAPS"})


def test_corrections_in_a_circle_have_no_target_and_are_refused(candidates: Rows) -> None:
    wave = candidates(month(1, record_id="a", supersedes="b"), month(2, record_id="b", supersedes="a"))
    assert outcome(decided(wave)) == ([], [], {0: "SUPERSEDES_UNKNOWN", 1: "SUPERSEDES_UNKNOWN"})


def test_refused_correction_takes_no_room(candidates: Rows) -> None:
    wave = candidates(month(1, record_id="a", supersedes="nothing"), month(1, record_id="b"))
    assert outcome(decided(wave)) == ([1], [], {0: "SUPERSEDES_UNKNOWN"})


# --- overlaps ---------------------------------------------------------------------------------------------------------


def test_row_that_overlaps_a_record_in_force_is_refused_with_both_periods(candidates: Rows) -> None:
    stored = StoredPeriod("old", seconds("2021-01-15"), seconds("2021-01-16"))
    decision = decided(candidates(month(1), month(2)), Existing({}, {0: stored}, {}))
    assert accepted(decision) == [1]
    other = "old (2021-01-15T00:00:00+08:00 – 2021-01-16T00:00:00+08:00)"
    period = "2021-01-01T00:00:00+08:00 – 2021-02-01T00:00:00+08:00"
    assert decision.problems == {0: ("PERIOD_OVERLAPS", "period_start", period, f"record {other}", f"记录 {other}")}


def test_row_that_overlaps_an_earlier_row_is_refused_and_names_it(candidates: Rows) -> None:
    wave = candidates(month(2, record_id="a"), {"start": "2021-01-01", "end": "2021-03-01", "record_id": "b"}, month(1))
    decision = decided(wave)
    assert accepted(decision) == [0, 2]
    assert decision.problems[1][3] == "record a (2021-02-01T00:00:00+08:00 – 2021-03-01T00:00:00+08:00)"


def test_row_that_is_refused_takes_no_room(candidates: Rows) -> None:
    stored = StoredPeriod("old", seconds("2021-01-15"), seconds("2021-01-16"))
    year = {"start": "2021-01-01", "end": "2022-01-01"}
    assert outcome(decided(candidates(year, month(2)), Existing({}, {0: stored}, {}))) == ([1], [], {0: "PERIOD_OVERLAPS"})


def test_duplicate_takes_no_room(candidates: Rows) -> None:
    wave = candidates(month(1, record_id="a"), month(1, record_id="b"))
    assert outcome(decided(wave, Existing({0: content_of(wave, 0)}, {}, {}))) == ([1], [0], {})


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.integers(1, 6), st.integers(1, 2), st.sampled_from(["", "x", "y", "z"])), max_size=12
    )
)
def test_every_row_is_exactly_one_of_accepted_duplicate_refused(candidates: Rows, rows: list[tuple[str, int, int, str]]) -> None:
    given_rows = [month(number, record_id=name, quantity_micro=amount, supersedes=to) for name, number, amount, to in rows]
    wave = candidates(*given_rows)
    targets = {row: {"x": "", "y": "y2"}[to] for row, (*_, to) in enumerate(rows) if to in ("x", "y")}
    decision = decided(wave, Existing({}, {}, targets))
    fates = [*accepted(decision), *decision.duplicates, *decision.problems]
    assert sorted(fates) == list(range(len(rows)))
    kept = wave.take(np.array(accepted(decision), dtype=np.intp))
    assert len(set(kept.record_id)) == len(kept)
    assert kept.supersedes.count("x") <= 1
    assert set(kept.supersedes) <= {"", "x"}
    order = np.argsort(kept.start_s, kind="stable")
    assert (kept.end_s[order][:-1] <= kept.start_s[order][1:]).all()
    assert all(wave.record_id[row] in kept.record_id for row in decision.duplicates)
