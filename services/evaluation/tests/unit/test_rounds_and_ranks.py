"""Delphi rounds, rankings, rank intervals and the weights at which ranks flip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evaluation.domain.delphi import Agreement, kendalls_w, summarised
from evaluation.domain.ranking import drawn_weights, flips, rank_intervals, ranks, scores
from kernel.refusals import InvalidField

FORCES = ("performance", "development", "impact")


def test_rounds_that_agree_and_stay_converge_to_the_weights_of_pdi() -> None:
    first = [[60, 25, 15], [40, 40, 20], [50, 20, 30], [55, 30, 15]]
    second = [[50, 30, 20], [50, 31, 19], [49, 30, 21], [51, 29, 20]]
    third = [[50, 30, 20], [50, 30, 20], [50, 30, 20], [50, 31, 19]]
    found = summarised([first, second, third], FORCES, Agreement())
    assert [each.converged for each in found] == [False, False, True]
    assert found[0].shift is None
    # (0.50 + 0.50 + 0.50 + 0.50)/4 and so on
    assert found[2].weights.tolist() == pytest.approx([0.5, 0.3025, 0.1975])
    assert found[2].medians.tolist() == [50, 30, 20]
    assert found[1].shift == pytest.approx(np.abs(found[1].weights - found[0].weights).max())
    # 4 experts of 3 items who all rank alike: W = 1 and chi-square 4·2·1 = 8 of 2 degrees, e^-4
    assert found[2].concordance == pytest.approx(1)
    assert found[2].significance == pytest.approx(np.exp(-4))


def test_the_first_round_never_converges_however_much_it_agrees() -> None:
    assert not summarised([[[50, 30, 20]] * 9], FORCES, Agreement())[0].converged


def test_kendalls_w_is_0_where_ranks_cancel_and_where_all_tie() -> None:
    assert kendalls_w(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))[0] == pytest.approx(0)
    assert kendalls_w(np.array([[1.0, 1.0], [2.0, 2.0]])) == (0.0, 1.0)


def test_kendalls_w_is_corrected_for_ties() -> None:
    """Ranks 1 2.5 2.5 4 twice: rank sums 2 5 5 8, S = Σ(R − 5)² = 18; W = 12·18/(4·60 − 2·2·6) = 1 exactly with the correction."""
    assert kendalls_w(np.array([[1.0, 2.0, 2.0, 3.0]] * 2))[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("rounds", "field"),
    [
        pytest.param([[[1, 2, 3]]], "rounds\\[1\\]", id="one_expert"),
        pytest.param([[[1, 2, 3], [1, 2]]], "expert\\[2\\]", id="a_short_row"),
        pytest.param([[[1, 2, 3], [1, 0, 2]]], "expert\\[2\\].development", id="no_points"),
        pytest.param([[[1, 2, 3], [1, float("nan"), 2]]], "expert\\[2\\].development", id="not_a_number"),
    ],
)
def test_rounds_that_are_none_are_refused_with_their_place(rounds: list[list[list[float]]], field: str) -> None:
    with pytest.raises(InvalidField, match=field):
        summarised(rounds, FORCES, Agreement())


def test_equal_scores_share_the_better_rank_and_unscored_parks_come_last() -> None:
    assert ranks(np.array([70.0, 90.0, np.nan, 70.0])).tolist() == [2, 1, 4, 2]


def test_a_score_is_over_what_is_known() -> None:
    scored = np.array([[80.0, np.nan], [80.0, 40.0], [np.nan, np.nan]])
    assert np.array_equal(scores(scored, np.array([0.25, 0.75])), [80.0, 50.0, np.nan], equal_nan=True)


def test_drawn_weights_sum_to_1_stay_near_and_follow_their_seed() -> None:
    weights = np.array([0.5, 0.3, 0.2])
    drawn = drawn_weights(weights, 500, 0.2, 7)
    assert np.allclose(drawn.sum(axis=1), 1)
    assert np.array_equal(drawn, drawn_weights(weights, 500, 0.2, 7))
    assert not np.array_equal(drawn, drawn_weights(weights, 500, 0.2, 8))
    # the farthest that three factors of 0.8 to 1.2 can move a share of 0.5: 0.6/(0.6 + 0.4)
    assert drawn[:, 0].max() <= 0.6
    assert np.allclose(drawn_weights(weights, 3, 0.0, 1), weights)


def test_a_park_that_is_better_in_everything_is_first_in_every_draw() -> None:
    scored = np.array([[50.0, 60.0], [90.0, 95.0], [10.0, 20.0]])
    found = rank_intervals(scored, drawn_weights(np.array([0.5, 0.5]), 200, 0.5, 1))
    assert [found.low.tolist(), found.median.tolist(), found.high.tolist()] == [[2, 1, 3]] * 3
    assert found.first_share.tolist() == [0, 1, 0]


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4)), elements=st.floats(0, 100) | st.just(np.nan)),
    st.integers(1, 60),
    st.integers(0, 1000),
)
def test_rank_intervals_are_those_of_ranking_draw_by_draw(scored: np.ndarray, draws: int, seed: int) -> None:
    parks, indicators = scored.shape
    drawn = drawn_weights(np.full(indicators, 1 / indicators), draws, 0.9, seed)
    found = rank_intervals(scored, drawn, level_ratio=0.8)
    expected = np.empty((parks, draws), dtype=int)
    for draw, weights in enumerate(drawn):
        known = ~np.isnan(scored)
        below = known.astype(float)
        total = [
            (weights @ np.where(k, row, 0)) / (weights @ b) if b.any() else -np.inf
            for row, k, b in zip(scored, known, below, strict=True)
        ]
        for place, park in enumerate(np.argsort(-np.array(total)), start=1):
            expected[park, draw] = place
    assert ((found.low >= 1) & (found.high <= parks) & (found.low <= found.median) & (found.median <= found.high)).all()
    ordered = np.sort(expected, axis=1)
    distinct = len(np.unique(np.round(np.nan_to_num(scored @ np.ones(indicators), nan=-1), 6))) == parks
    if distinct and not np.isnan(scored).any():
        assert np.array_equal(found.low, ordered[:, int(np.floor(0.1 * (draws - 1)))])
        assert np.array_equal(found.high, ordered[:, int(np.ceil(0.9 * (draws - 1)))])
        assert np.allclose(found.first_share, (expected == 1).mean(axis=1))


def test_parks_that_are_alike_share_their_ranks() -> None:
    """Three parks that a product of matrices may tell apart in the last digit, and one that is better."""
    chance = np.random.default_rng(5)
    row = chance.uniform(0, 100, 40)
    row[3] = np.nan
    scored = np.array([row, row + 1, row, row])
    found = rank_intervals(scored, drawn_weights(np.full(40, 1 / 40), 200, 0.5, 1))
    assert [found.low.tolist(), found.median.tolist(), found.high.tolist()] == [[2, 1, 2, 2]] * 3
    assert found.first_share.tolist() == [0, 1, 0, 0]
    alone = rank_intervals(np.array([row, row]), drawn_weights(np.full(40, 1 / 40), 20, 0.5, 1))
    assert (alone.low.tolist(), alone.high.tolist(), alone.first_share.tolist()) == ([1, 1], [1, 1], [1, 1])


def test_the_weight_at_which_two_parks_change_places_is_found() -> None:
    """0.6·80 + 0.4·20 = 56 against 0.6·50 + 0.4·60 = 54: equal where 80w + 20(1−w) = 50w + 60(1−w), w = 4/7."""
    scored = np.array([[80.0, 20.0], [50.0, 60.0]])
    found = flips(scored, np.array([0.6, 0.4]))
    assert found[0].change == pytest.approx(4 / 7 - 0.6)
    assert found[1].change == pytest.approx(3 / 7 - 0.4)
    assert (found[0].above, found[0].below) == (0, 1)


def test_nothing_flips_a_park_that_is_better_in_everything() -> None:
    assert [flip.change for flip in flips(np.array([[80.0, 70.0], [50.0, 60.0]]), np.array([0.5, 0.5]))] == [None, None]


def test_equal_parks_flip_at_nothing() -> None:
    assert flips(np.array([[80.0, 20.0], [20.0, 80.0]]), np.array([0.5, 0.5]))[0].change == 0


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(2, 5), st.integers(2, 4)), elements=st.integers(0, 100).map(float)),
    st.data(),
)
def test_no_smaller_change_of_a_weight_flips_anything(scored: np.ndarray, data: st.DataObject) -> None:
    parts = np.array(data.draw(st.lists(st.integers(1, 9), min_size=scored.shape[1], max_size=scored.shape[1])), dtype=float)
    weights = parts / parts.sum()
    order = np.argsort(-(scored @ weights), kind="stable")
    for flip in flips(scored, weights):
        k = flip.indicator
        limit = (1 - weights[k]) if flip.change is None else abs(flip.change)
        for change in (0.99 * min(limit, 1 - weights[k]), -0.99 * min(limit, weights[k])):
            moved = weights * (1 - weights[k] - change) / (1 - weights[k])
            moved[k] = weights[k] + change
            total = (scored @ moved)[order]
            assert (np.diff(total) <= 1e-9).all()
