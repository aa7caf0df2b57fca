"""In which order the rows of a batch go in, and which of them stand in each other's way."""

from bisect import bisect_left, insort
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from accounting.domain.batches import Candidates


def overlapping(candidates: Candidates) -> dict[int, int]:
    """Finds rows of a batch that overlap an earlier row of the same source.

    Rows are taken in the order of the batch: a row that overlaps one already taken is refused and takes no room itself.

    Returns:
        For each such row the row that it overlaps.
    """
    if len(candidates) < 2:
        return {}
    names = {source: code for code, source in enumerate(dict.fromkeys(candidates.source_id))}
    codes = np.array([names[source] for source in candidates.source_id], dtype=np.intp)
    order = np.lexsort((candidates.start_s, codes))
    same_source = codes[order][1:] == codes[order][:-1]
    touching = same_source & (candidates.start_s[order][1:] < candidates.end_s[order][:-1])
    if not touching.any():
        return {}
    doubtful = set(codes[order][1:][touching].tolist())
    refused: dict[int, int] = {}
    taken: dict[int, list[tuple[int, int, int]]] = {}
    for row in np.flatnonzero(np.isin(codes, list(doubtful))).tolist():
        start, end = int(candidates.start_s[row]), int(candidates.end_s[row])
        periods = taken.setdefault(int(codes[row]), [])
        place = bisect_left(periods, (start,))
        neighbours = periods[max(place - 1, 0) : place + 1]
        clash = next((other for begin, finish, other in neighbours if begin < end and start < finish), None)
        if clash is None:
            insort(periods, (start, end, row))
        else:
            refused[row] = clash
    return refused


def waves(candidates: Candidates) -> list[NDArray[np.intp]]:
    """Splits a batch so that each correction comes after the record it names, when the batch holds both.

    Returns:
        Row numbers of the candidates, wave by wave; corrections in a circle come last, where their targets are still unknown.
    """
    if not any(candidates.supersedes):
        return [np.arange(len(candidates), dtype=np.intp)] if len(candidates) else []
    unplaced = Counter(candidates.record_id)
    waiting: dict[str, list[int]] = {}
    ready: list[int] = []
    for row, target in enumerate(candidates.supersedes):
        (waiting.setdefault(target, []) if target in unplaced else ready).append(row)
    result = []
    while ready:
        result.append(np.array(ready, dtype=np.intp))
        freed: list[int] = []
        for record_id in (candidates.record_id[row] for row in ready):
            unplaced[record_id] -= 1
            if unplaced[record_id] == 0:
                freed += waiting.pop(record_id, [])
        ready = sorted(freed)
    if waiting:
        result.append(np.array(sorted(row for rows in waiting.values() for row in rows), dtype=np.intp))
    return result
