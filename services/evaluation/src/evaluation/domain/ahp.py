"""Weights by pairwise comparison: the analytic hierarchy process.

An expert compares the children of a node two by two on Saaty's scale from 1/9 to 9. The weights are the principal eigenvector of
the matrix, or its rows' geometric means; how far the judgements contradict one another is its consistency ratio. Judgements may be
missing; several experts are brought together by geometric means.

Sources: Saaty (1980), The Analytic Hierarchy Process; Saaty (2008), Int. J. Services Sciences 1:83; Bozóki, Fülöp, Rónyai (2010),
Mathematical and Computer Modelling 52:318, for incomplete matrices; Forman, Peniwati (1998), EJOR 108:165, for groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from evaluation.domain.errors import RuleBroken

Matrix = NDArray[np.float64]
"""n × n; NaN where a judgement is missing."""

CONSISTENT_BELOW = 0.1
MAX_ITEMS = 15
EIGENVECTOR, GEOMETRIC_MEAN = "eigenvector", "geometric_mean"
_RECIPROCAL_TOLERANCE = 1e-3
"""1/3 written as 0.333 is meant as the reciprocal of 3."""


@dataclass(frozen=True, slots=True)
class RandomIndex:
    """Mean consistency index of random matrices by their size; tables differ, so one is named.

    Attributes:
        table_id: such as saaty-1980.
        by_size: for n >= 3.
    """

    table_id: str
    by_size: Mapping[int, float]
    source: str

    def of(self, size: int) -> float:
        """Returns the index of matrices of n rows; 0 for n < 3, which cannot contradict themselves.

        Raises:
            RuleBroken: the table ends before n.
        """
        if size < 3:
            return 0.0
        if size not in self.by_size:
            raise RuleBroken("RANDOM_INDEX_MISSING", self.table_id, str(size), str(max(self.by_size)))
        return self.by_size[size]


@dataclass(frozen=True, slots=True)
class Reconsider:
    """A judgement that fits the others least.

    Attributes:
        first: what is compared, by its place.
        second: with what.
        judgement: as given.
        suggested: what the other judgements say of these two, by logarithmic least squares.
        ratio_after: the consistency ratio if it were that.
    """

    first: int
    second: int
    judgement: float
    suggested: float
    ratio_after: float


@dataclass(frozen=True, slots=True)
class Priorities:
    """What a matrix says.

    Attributes:
        weights: sum to 1.
        principal_eigenvalue: λmax >= n of the completed matrix.
        consistency_index: (λmax − n)/(n − 1).
        consistency_ratio: the same over the random index; None where the table's index is 0 (n < 3).
        completed: the matrix with the missing judgements filled in.
        reconsider: the judgement to look at first where the ratio is 0.1 or more, else None.
    """

    weights: NDArray[np.float64]
    principal_eigenvalue: float
    consistency_index: float
    consistency_ratio: float
    completed: Matrix
    reconsider: Reconsider | None

    @property
    def consistent(self) -> bool:
        """Whether the consistency ratio is below 0.1."""
        return self.consistency_ratio < CONSISTENT_BELOW


def checked_matrix(rows: Sequence[Sequence[float | None]], items: Sequence[str]) -> Matrix:
    """Returns judgements as a matrix; a pair that is given on one side only is mirrored.

    Args:
        rows: n × n; None where a judgement is missing.
        items: what is compared, for messages; 1 to 15.

    Raises:
        RuleBroken: not square, a judgement outside of 1/9 to 9, a pair that is not reciprocal, a diagonal other than 1, or items
            that are not compared with the rest even indirectly.
    """
    size = len(items)
    if not 1 <= size <= MAX_ITEMS or len(rows) != size or any(len(row) != size for row in rows):
        found = f"{len(rows)} × {max((len(row) for row in rows), default=0)}"
        raise RuleBroken("MATRIX_SHAPE", "/".join(items), found, str(min(max(size, 1), MAX_ITEMS)))
    given = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=np.float64)
    matrix = given.copy()
    for i in range(size):
        if not (np.isnan(given[i, i]) or given[i, i] == 1):
            raise RuleBroken("JUDGEMENT_OUT_OF_RANGE", f"{items[i]}/{items[i]}", f"{given[i, i]:g}", "1")
        matrix[i, i] = 1.0
    for i, j in combinations(range(size), 2):
        for a, b in ((i, j), (j, i)):
            cell = given[a, b]
            if not np.isnan(cell) and not (
                np.isfinite(cell) and 1 / 9 - _RECIPROCAL_TOLERANCE <= cell <= 9 + _RECIPROCAL_TOLERANCE
            ):
                raise RuleBroken("JUDGEMENT_OUT_OF_RANGE", f"{items[a]}/{items[b]}", f"{cell:g}", "1/9 to 9")
        upper, lower = given[i, j], given[j, i]
        if not np.isnan(upper) and not np.isnan(lower):
            if abs(upper * lower - 1) > 9 * _RECIPROCAL_TOLERANCE:
                raise RuleBroken("MATRIX_NOT_RECIPROCAL", f"{items[j]}/{items[i]}", f"{lower:g}", f"{1 / upper:g}")
            # the side above 1 is the one that was judged; the other was rounded from it
            matrix[i, j], matrix[j, i] = (upper, 1 / upper) if upper >= 1 else (1 / lower, lower)
        elif not np.isnan(upper):
            matrix[j, i] = 1 / upper
        elif not np.isnan(lower):
            matrix[i, j] = 1 / lower
    apart = _apart(matrix)
    if apart is not None:
        raise RuleBroken("MATRIX_NOT_CONNECTED", items[apart])
    return matrix


def _apart(matrix: Matrix) -> int | None:
    reached, frontier = {0}, [0]
    while frontier:
        here = frontier.pop()
        for there in np.flatnonzero(~np.isnan(matrix[here])).tolist():
            if there not in reached:
                reached.add(there)
                frontier.append(there)
    return next((index for index in range(len(matrix)) if index not in reached), None)


def priorities(matrix: Matrix, random_index: RandomIndex, *, method: str = EIGENVECTOR) -> Priorities:
    """Returns the weights of a checked matrix and how consistent it is.

    A·w = λmax·w for the eigenvector; wᵢ ∝ (Πⱼ aᵢⱼ)^(1/n) for the geometric mean. CI = (λmax − n)/(n − 1), CR = CI/RI.

    Special cases: missing judgements are filled in so that λmax is least (Bozóki et al. 2010); n = 1 has the weight 1; n < 3 is
    always consistent.

    Args:
        matrix: of `checked_matrix`.
        random_index: the table to divide by.
        method: eigenvector or geometric_mean.

    Raises:
        RuleBroken: the table of random indices ends before n.
    """
    completed = complete(matrix)
    size = len(completed)
    weights, eigenvalue = _eigenpair(completed)
    if method == GEOMETRIC_MEAN:
        weights = np.exp(np.log(completed).mean(axis=1))
        weights /= weights.sum()
    index = max(eigenvalue - size, 0.0) / (size - 1) if size > 1 else 0.0
    random = random_index.of(size)
    ratio = index / random if random else 0.0
    reconsider = _reconsider(matrix, completed, random) if ratio >= CONSISTENT_BELOW else None
    return Priorities(weights, eigenvalue, index, ratio, completed, reconsider)


def complete(matrix: Matrix) -> Matrix:
    """Fills in missing judgements so that the principal eigenvalue is least; a full matrix comes back as it is.

    The eigenvalue is convex in the logarithms of the missing judgements, so that the minimum is one. The start is the logarithmic
    least-squares answer.

    Source: Bozóki, Fülöp, Rónyai (2010), theorem 2 and algorithm of §4.
    """
    missing = [(i, j) for i, j in combinations(range(len(matrix)), 2) if np.isnan(matrix[i, j])]
    if not missing:
        return matrix.copy()
    weights = _log_least_squares(matrix)

    def filled(logarithms: NDArray[np.float64]) -> Matrix:
        full = matrix.copy()
        for (i, j), logarithm in zip(missing, logarithms, strict=True):
            full[i, j], full[j, i] = np.exp(logarithm), np.exp(-logarithm)
        return full

    start = np.array([np.log(weights[i] / weights[j]) for i, j in missing])
    found = minimize(
        lambda logarithms: _eigenpair(filled(logarithms))[1], start, method="Powell", options={"xtol": 1e-10, "ftol": 1e-14}
    )
    return filled(np.atleast_1d(found.x))


def _log_least_squares(matrix: Matrix) -> NDArray[np.float64]:
    known = ~np.isnan(matrix)
    np.fill_diagonal(known, val=False)
    laplacian = np.diag(known.sum(axis=1).astype(np.float64)) - known
    sums = np.where(known, np.log(np.where(known, matrix, 1.0)), 0.0).sum(axis=1)
    logarithms: NDArray[np.float64] = np.linalg.lstsq(laplacian, sums, rcond=None)[0]
    return np.exp(logarithms)


def _eigenpair(matrix: Matrix) -> tuple[NDArray[np.float64], float]:
    values, vectors = np.linalg.eig(matrix)
    principal = int(np.argmax(values.real))
    vector = np.abs(vectors[:, principal].real)
    return vector / vector.sum(), float(values[principal].real)


def _reconsider(matrix: Matrix, completed: Matrix, random_ratio: float) -> Reconsider | None:
    size = len(completed)
    found = []
    for i, j in combinations(range(size), 2):
        if np.isnan(matrix[i, j]):
            continue
        others = matrix.copy()
        others[i, j] = others[j, i] = np.nan
        if _apart(others) is not None:
            continue  # nothing else speaks of these two, so nothing contradicts it
        weights = _log_least_squares(others)
        suggested = float(weights[i] / weights[j])
        changed = completed.copy()
        changed[i, j], changed[j, i] = suggested, 1 / suggested
        after = max(_eigenpair(changed)[1] - size, 0.0) / (size - 1) / random_ratio
        found.append(Reconsider(i, j, float(completed[i, j]), suggested, after))
    return min(found, key=lambda each: (each.ratio_after, each.first, each.second), default=None)


@dataclass(frozen=True, slots=True)
class Expert:
    """One expert's judgements of the children of a node.

    Attributes:
        group: such as government, academy, industry; every group counts by its weight however many experts it has.
        matrix: of `checked_matrix`.
    """

    expert_id: str
    group: str
    matrix: Matrix


def aggregated(experts: Sequence[Expert], group_weights: Mapping[str, float]) -> Matrix:
    """Brings the judgements of experts together: the geometric mean, cell by cell, within a group and then over the groups.

    The geometric mean is the only one that keeps the matrix reciprocal. A cell that some experts left out is the mean of the
    others; it stays missing where all did.

    Args:
        experts: at least one; matrices of one size.
        group_weights: above 0, of any sum; a group that is left out counts 1.

    Source: Aczél, Saaty (1983), J. Math. Psychology 27:93; Forman, Peniwati (1998).
    """
    groups: dict[str, list[Matrix]] = {}
    for expert in experts:
        groups.setdefault(expert.group, []).append(np.log(expert.matrix))
    means, weights = [], []
    for group, logarithms in groups.items():
        means.append(_mean_of_known(np.stack(logarithms), np.ones(len(logarithms))))
        weights.append(group_weights.get(group, 1.0))
    together: Matrix = np.exp(_mean_of_known(np.stack(means), np.array(weights)))
    return together


def _mean_of_known(stacked: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(stacked)
    weighed = (known * weights[:, None, None]).sum(axis=0)
    total = np.where(known, stacked, 0.0).transpose(1, 2, 0) @ weights
    mean: NDArray[np.float64] = np.where(weighed > 0, total / np.where(weighed > 0, weighed, 1.0), np.nan)
    return mean
