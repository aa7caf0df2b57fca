"""The order in which a batch is decided, and rows of one source that overlap."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accounting.domain.batches import Candidates
from accounting.domain.ordering import overlapping, waves

Rows = Callable[..., Candidates]


def of(candidates: Rows, *supersedes: str) -> list[list[int]]:
    """The waves of rows r1, r2, … that correct the given ids."""
    return [wave.tolist() for wave in waves(candidates(*({"supersedes": target} for target in supersedes)))]


# --- waves ------------------------------------------------------------------------------------------------------------


def test_batch_without_corrections_is_one_wave(candidates: Rows) -> None:
    assert of(candidates, "", "", "") == [[0, 1, 2]]


def test_nothing_has_no_waves(candidates: Rows) -> None:
    assert of(candidates) == []


def test_correction_of_a_stored_record_need_not_wait(candidates: Rows) -> None:
    assert of(candidates, "", "stored") == [[0, 1]]


def test_correction_comes_after_the_record_it_names_wherever_that_stands(candidates: Rows) -> None:
    assert of(candidates, "r3", "", "", "r2") == [[1, 2], [0, 3]]


def test_chain_is_decided_link_by_link(candidates: Rows) -> None:
    assert of(candidates, "r2", "r3", "r4", "") == [[3], [2], [1], [0]]


def test_circle_comes_last_with_what_hangs_on_it(candidates: Rows) -> None:
    assert of(candidates, "r2", "r1", "r1", "", "r4") == [[3], [4], [0, 1, 2]]


def test_row_that_corrects_itself_is_a_circle(candidates: Rows) -> None:
    assert of(candidates, "r1", "") == [[1], [0]]


def test_correction_waits_for_every_row_of_the_id_it_names(candidates: Rows) -> None:
    rows = candidates({"record_id": "a"}, {"record_id": "b"}, {"record_id": "a", "supersedes": "b"}, {"supersedes": "a"})
    assert [wave.tolist() for wave in waves(rows)] == [[0, 1], [2], [3]]


def naive_waves(rows: Candidates) -> list[list[int]]:
    waiting, result = list(range(len(rows))), []
    while waiting:
        pending = {rows.record_id[row] for row in waiting}
        ready = [row for row in waiting if rows.supersedes[row] not in pending] or waiting
        result.append(ready)
        waiting = [row for row in waiting if row not in ready]
    return result


names = st.sampled_from("abcdefg")


@given(st.lists(st.tuples(names, st.one_of(st.just(""), names)), max_size=20))
def test_waves_are_those_of_the_naive_rule(candidates: Rows, rows: list[tuple[str, str]]) -> None:
    batch = candidates(*({"record_id": record_id, "supersedes": target} for record_id, target in rows))
    assert [wave.tolist() for wave in waves(batch)] == naive_waves(batch)


def test_chain_of_ten_thousand_links_is_ordered_in_linear_time(candidates: Rows) -> None:
    rows = candidates(*({"supersedes": f"r{number - 1}" if number > 1 else ""} for number in range(1, 10_001)))
    before = perf_counter()
    found = waves(rows)
    assert perf_counter() - before < 2, "the square of its length took 8 s"
    assert [wave.tolist() for wave in found] == [[row] for row in range(10_000)]


# --- overlaps ---------------------------------------------------------------------------------------------------------


def overlaps(candidates: Rows, *periods: tuple[int, int], sources: str = "") -> dict[int, int]:
    names = sources or "m" * len(periods)
    rows = ({"start": start, "end": end, "source_id": name} for (start, end), name in zip(periods, names, strict=True))
    return overlapping(candidates(*rows))


def test_neighbours_touch_without_overlapping(candidates: Rows) -> None:
    assert overlaps(candidates, (0, 10), (10, 20), (20, 30)) == {}


def test_gaps_are_allowed(candidates: Rows) -> None:
    assert overlaps(candidates, (0, 10), (15, 20)) == {}


def test_later_row_of_the_batch_gives_way_to_the_earlier(candidates: Rows) -> None:
    assert overlaps(candidates, (0, 10), (9, 20)) == {1: 0}
    assert overlaps(candidates, (9, 20), (0, 10)) == {1: 0}


def test_same_period_twice_is_an_overlap(candidates: Rows) -> None:
    assert overlaps(candidates, (0, 10), (0, 10), (0, 10)) == {1: 0, 2: 0}


def test_period_inside_another_and_around_another_overlaps(candidates: Rows) -> None:
    assert overlaps(candidates, (0, 10), (3, 4)) == {1: 0}
    assert overlaps(candidates, (3, 4), (0, 10)) == {1: 0}


def test_other_sources_do_not_matter(candidates: Rows) -> None:
    assert overlaps(candidates, (0, 10), (0, 10), (5, 10), sources="aba") == {2: 0}


def test_row_that_is_refused_takes_no_room(candidates: Rows) -> None:
    # the year overlaps January and is refused, so that February fits
    assert overlaps(candidates, (0, 1), (0, 12), (1, 2)) == {1: 0}


def naive_overlaps(rows: Candidates) -> dict[int, set[int]]:
    """Row by row in order of the batch: all taken rows of its source that it overlaps, for those that overlap one."""
    taken: list[int] = []
    found: dict[int, set[int]] = {}
    for row in range(len(rows)):
        clashes = {
            other
            for other in taken
            if rows.source_id[other] == rows.source_id[row]
            and rows.start_s[other] < rows.end_s[row]
            and rows.start_s[row] < rows.end_s[other]
        }
        if clashes:
            found[row] = clashes
        else:
            taken.append(row)
    return found


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.sampled_from("abc")), max_size=60))
def test_overlaps_are_those_of_the_naive_rule(candidates: Rows, rows: list[tuple[int, int, str]]) -> None:
    batch = candidates(*({"start": start, "end": start + length, "source_id": name} for start, length, name in rows))
    found, expected = overlapping(batch), naive_overlaps(batch)
    assert set(found) == set(expected)
    assert all(found[row] in clashes for row, clashes in expected.items())


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=60))
def test_what_is_left_does_not_overlap(candidates: Rows, rows: list[tuple[int, int]]) -> None:
    batch = candidates(*({"start": start, "end": start + length} for start, length in rows))
    kept = batch.without(overlapping(batch))
    order = np.argsort(kept.start_s, kind="stable")
    assert (kept.end_s[order][:-1] <= kept.start_s[order][1:]).all()
