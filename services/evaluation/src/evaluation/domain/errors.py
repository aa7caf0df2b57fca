"""What evaluation refuses besides what every service refuses.

    kernel.refusals.Refusal
    ├── RuleBroken                a rule of the trade is broken at a node of a tree or a cell of a matrix
    ├── NotFound
    │   └── ResourceNotFound      an indicator system, a set of thresholds or weights, an evaluation
    ├── ContentDiffers            the same id was stored with other content
    ├── Unreachable               no combination of the offered steps reaches the target
    └── StoredMeanwhile           another call stored the same thing at the same moment: try again

A park that cannot be read from accounting at present is refused by `parkcopies.ports.AccountingUnavailable`.

What is wrong with a single row of entered values is not an error but a result: see `values`.
"""

from collections.abc import Mapping

from kernel import refusals
from kernel.refusals import NotFound, Refusal, shown

_THINGS_ZH = {
    "indicator system": "指标体系",
    "threshold set": "阈值集",
    "weight set": "权重集",
    "evaluation": "评价",
    "indicator": "指标",
    "random index table": "随机一致性指标表",
}


RULES: Mapping[str, tuple[str, str]] = {
    "WEIGHTS_NOT_ONE": (
        "the weights of the children of {node} must sum to 1, got {found}",
        "{node} 各下级指标的权重之和应为 1,实际为 {found}",
    ),
    "WEIGHT_MISSING": ("node {node} must have a weight from 0 to 1, got {found}", "节点 {node} 应有 0 至 1 的权重,实际为 {found}"),
    "NODE_UNKNOWN": ("node {node} is not in the system; {allowed}", "节点 {node} 不在该指标体系中;{allowed}"),
    "NODE_TWICE": ("node {node} is given twice", "节点 {node} 重复"),
    "TREE_BROKEN": ("node {node} has parent {found}, it must be {allowed}", "节点 {node} 的上级为 {found},应为 {allowed}"),
    "LEAF_WITHOUT_KIND": (
        "indicator {node} has kind {found}, it must be one of {allowed}",
        "指标 {node} 的类型为 {found},应为 {allowed} 之一",
    ),
    "THRESHOLD_EMPTY": (
        "the maximum of {node} must be greater than its minimum {allowed}, got {found}",
        "{node} 的最大阈值应大于最小阈值 {allowed},实际为 {found}",
    ),
    "THRESHOLD_WITHOUT_SOURCE": (
        "the threshold of {node} must name its source",
        "{node} 的阈值应注明来源",
    ),
    "PEERS_TOO_FEW": (
        "peers of {node} must be at least {allowed} parks with values, got {found}",
        "{node} 的同类园区应至少为 {allowed} 个有数据的园区,实际为 {found} 个",
    ),
    "PEERS_ALIKE": (
        "the peers of {node} all have {found}: minimum and maximum must differ",
        "{node} 的同类园区取值均为 {found}:最小值与最大值应不同",
    ),
    "VALUE_REFUSED": ("the value {found} of {node} must be {allowed}", "{node} 的取值 {found} 应为 {allowed}"),
    "MATRIX_SHAPE": (
        "the judgements of {node} must be a square of {allowed} rows, got {found}",
        "{node} 的判断矩阵应为 {allowed} 阶方阵,实际为 {found}",
    ),
    "JUDGEMENT_OUT_OF_RANGE": (
        "judgement {node} must be {allowed}, got {found}",
        "判断 {node} 应为 {allowed},实际为 {found}",
    ),
    "MATRIX_NOT_RECIPROCAL": (
        "judgement {node} must be the reciprocal {allowed} of its opposite, got {found}",
        "判断 {node} 应为其对称元素的倒数 {allowed},实际为 {found}",
    ),
    "MATRIX_NOT_CONNECTED": (
        "the judgements must compare every item with the others, directly or not; {node} stands apart",
        "判断应(直接或间接地)比较所有项目;{node} 与其他项目无关联",
    ),
    "RANDOM_INDEX_MISSING": (
        "the random index table {node} goes up to n = {allowed}, got n = {found}",
        "随机一致性指标表 {node} 至多为 n = {allowed},实际为 n = {found}",
    ),
    "INDICATOR_NOT_SCORED": (
        "indicator {node} has no score, so that nobody knows what a step of it gains: its {found} is missing",
        "指标 {node} 没有得分(缺少取值或阈值),其措施的收益无法得知",
    ),
    "NOTHING_SCORED": (
        "{node} has no score, as none of its indicators is scored; enter values, and thresholds where they are missing",
        "{node} 没有得分:没有任何指标得分;请填报数据,并补充缺失的阈值",
    ),
    "NOT_WEIGHED": (
        "system {node} judges by targets: it has no score to rank, compare or plan by",
        "指标体系 {node} 按目标判定,没有可用于排名、比较或规划的得分",
    ),
    "TARGET_OUT_OF_RANGE": (
        "the target must be a score above the present {node} and at most {allowed}, got {found}",
        "目标应高于现有得分 {node} 且不超过 {allowed},实际为 {found}",
    ),
}
"""Rules of the trade and their sentences; `node` says where, `found` what, `allowed` what it must be."""


class RuleBroken(Refusal):
    """A rule of the trade is broken. Keeps node, what was found and what is allowed.

    Args:
        rule: a key of RULES, and the reason on the wire.
        node: where: the id of a node, or two of them as `a/b` for a judgement.
        found: what is there.
        allowed: what must be there.
    """

    def __init__(self, rule: str, node: str, found: str = "", allowed: str = "") -> None:
        english, chinese = RULES[rule]
        self.reason = rule
        self.node = shown(node)
        self.found = shown(found)
        self.allowed = shown(allowed)
        facts = {"node": self.node, "found": self.found, "allowed": self.allowed}
        super().__init__(english.format(**facts), chinese.format(**facts), **facts)


class ResourceNotFound(NotFound):
    """No such system, set, table or evaluation for this caller."""

    def __init__(self, what: str, identifier: str, allowed: str = "") -> None:
        found = shown(identifier)
        self.reason = f"{what.upper().replace(' ', '_')}_NOT_FOUND"
        super().__init__(
            f"{what} {found!r} does not exist" + (f", there are {allowed}" if allowed else ""),
            f"{_THINGS_ZH[what]} {found!r} 不存在" + (f",现有:{allowed}" if allowed else ""),
            found=found,
            allowed=allowed,
        )


class ContentDiffers(refusals.ContentDiffers):
    """The same id was stored before with other content; what is stored is never changed in place."""

    def __init__(self, what: str, identifier: str) -> None:
        found = shown(identifier)
        super().__init__(
            f"{what} {found!r} is stored with other content, choose another id",
            f"{_THINGS_ZH[what]} {found!r} 已存在且内容不同,请另选编号",
            found=found,
            allowed="the same content, or another id",
        )


class Unreachable(Refusal):
    """No combination of the offered steps reaches the target.

    Args:
        target: the score asked for.
        best: the highest score that the steps reach together.
    """

    kind = "conflict"
    reason = "TARGET_UNREACHABLE"

    def __init__(self, target: str, best: str) -> None:
        super().__init__(
            f"the offered steps reach a score of {best} at most, the target is {target}",
            f"所列措施至多可达到 {best} 分,目标为 {target} 分",
            found=target,
            allowed=best,
        )


class StoredMeanwhile(Refusal):
    """Another call stored the same thing between the look and the write; a repetition finds it."""

    kind = "unavailable"
    reason = "STORED_MEANWHILE"

    def __init__(self, what: str) -> None:
        super().__init__(f"the same {what} was stored at the same moment, try again", "同一时刻另有相同的写入,请重试", what=what)
