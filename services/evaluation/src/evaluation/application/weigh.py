"""Weights from experts: pairwise judgements and rounds of estimates; nothing is kept of them here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.application.ports import Ports
from evaluation.domain.ahp import (
    EIGENVECTOR,
    GEOMETRIC_MEAN,
    Expert,
    Priorities,
    RandomIndex,
    aggregated,
    checked_matrix,
    priorities,
)
from evaluation.domain.callers import READ_PUBLISHED
from evaluation.domain.delphi import Agreement, Round, summarised
from evaluation.domain.errors import ResourceNotFound
from kernel.access import Caller, require
from kernel.refusals import InvalidField

DEFAULT_TABLE = "saaty-1980"
MAX_EXPERTS = 200
MAX_ROUNDS = 20
WEIGH_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Judgements:
    """One expert's judgements of the items; None where one is missing."""

    expert_id: str
    group: str
    rows: Sequence[Sequence[float | None]]


async def compare_judgements(
    ports: Ports,
    caller: Caller,
    items: Sequence[str],
    experts: Sequence[Judgements],
    *,
    group_weights: Mapping[str, float],
    method: str,
    table_id: str,
) -> tuple[Priorities, list[Priorities], str]:
    """Returns what all experts say together, what each says, and the table of random indices that it was judged by.

    Raises:
        Denied, OutOfScope: the caller may not.
        InvalidField: too many experts or none, an item or expert given twice, an unknown method, a group that weighs nothing or has
            no expert.
        RuleBroken: a matrix is none.
        ResourceNotFound: there is no such table.
    """
    require(caller, READ_PUBLISHED)
    if not 1 <= len(experts) <= MAX_EXPERTS:
        raise InvalidField("experts", str(len(experts)), f"1 to {MAX_EXPERTS} experts", f"1 至 {MAX_EXPERTS} 位专家")
    if method not in ("", EIGENVECTOR, GEOMETRIC_MEAN):
        rule = f"{EIGENVECTOR} or {GEOMETRIC_MEAN}"
        raise InvalidField("method", method, rule, f"{EIGENVECTOR} 或 {GEOMETRIC_MEAN}")
    _different("items", items)
    _different("experts", [each.expert_id for each in experts if each.expert_id])
    groups = sorted({each.group for each in experts})
    for group, weight in group_weights.items():
        if not weight > 0:
            raise InvalidField(f"group_weights.{group}", f"{weight:g}", "above 0", "大于 0")
        if group not in groups:
            # a name that was mistyped would leave its group at 1
            listed = ", ".join(map(repr, groups))
            raise InvalidField("group_weights", group, f"a group that has experts: {listed}", f"有专家的分组:{listed}")
    table = ports.shipped.random_indices.get(table_id or DEFAULT_TABLE)
    if table is None:
        raise ResourceNotFound("random index table", table_id, ", ".join(sorted(ports.shipped.random_indices)))
    how = method or EIGENVECTOR
    work = (items, experts, group_weights, table, how)
    together, each = await ports.executor.run(caller, WEIGH_SECONDS, _compared, *work)
    return together, each, table.table_id


def _compared(
    items: Sequence[str], experts: Sequence[Judgements], group_weights: Mapping[str, float], table: RandomIndex, method: str
) -> tuple[Priorities, list[Priorities]]:
    matrices = [Expert(each.expert_id, each.group, checked_matrix(each.rows, items)) for each in experts]
    together = priorities(aggregated(matrices, group_weights), table, method=method)
    return together, [priorities(each.matrix, table, method=method) for each in matrices]


def _different(field: str, names: Sequence[str]) -> None:
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise InvalidField(field, twice, "given once", "仅出现一次")


async def summarise_rounds(
    ports: Ports, caller: Caller, items: Sequence[str], rounds: Sequence[Sequence[Sequence[float]]], agreement: Agreement
) -> list[Round]:
    """Returns the summary of each round of estimates.

    Raises:
        Denied, OutOfScope: the caller may not.
        InvalidField: no item, one given twice, or too many rounds; see `delphi.summarised`.
    """
    require(caller, READ_PUBLISHED)
    if not items:
        raise InvalidField("items", "0", "at least one item", "至少一项")
    _different("items", items)
    if len(rounds) > MAX_ROUNDS:
        raise InvalidField("rounds", str(len(rounds)), f"at most {MAX_ROUNDS} rounds", f"至多 {MAX_ROUNDS} 轮")
    return await ports.executor.run(caller, WEIGH_SECONDS, summarised, rounds, items, agreement)
