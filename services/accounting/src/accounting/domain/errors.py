"""What accounting refuses besides what every service refuses.

    kernel.refusals.Refusal
    ├── NotFound
    │   ├── FactorSetNotFound
    │   ├── SourceNotFound
    │   ├── InventoryNotFound
    │   ├── FindingNotFound
    │   ├── PublicationNotFound
    │   └── ReleaseNotFound
    ├── FindingIsClosed         what is closed is neither answered nor closed otherwise
    ├── AlreadyWithdrawn        what was published and withdrawn is not published again
    ├── ContentDiffers          the same id was registered with other content: names the field
    ├── ParkIdTaken             the id belongs to a park of another tenant
    ├── RegisteredMeanwhile     another call registered the same id at the same moment: try again
    ├── EvidenceBroken          the stored records of a park are not those that were accepted: names the first position
    └── BatchTooLarge

What is wrong with a single row of a batch is not an error but a result: see `problems`.
"""

from kernel import refusals
from kernel.refusals import NotFound, Refusal, shown

_WHAT_ZH = {
    "park": "园区",
    "enterprise": "企业",
    "source": "排放源",
    "annual_figures": "年度指标",
    "inventory": "清单",
    "publication": "公布",
    "finding": "核查发现",
    "region_release": "区域汇总",
}
"""What is registered, by its English name."""


class FactorSetNotFound(NotFound):
    """No factor set of that id is shipped."""

    reason = "FACTOR_SET_NOT_FOUND"

    def __init__(self, set_id: str, allowed: str) -> None:
        found = shown(set_id)
        super().__init__(
            f"factor set {found!r} is not one of {allowed}",
            f"因子集 {found!r} 不存在,应为以下之一:{allowed}",
            field="factor_set_id",
            found=found,
            allowed=allowed,
        )


class SourceNotFound(NotFound):
    """The park has no source of that id, or none that the caller sees."""

    reason = "SOURCE_NOT_FOUND"

    def __init__(self, source_id: str) -> None:
        found = shown(source_id)
        super().__init__(f"source {found!r} does not exist", f"排放源 {found!r} 不存在", source_id=found)


class InventoryNotFound(NotFound):
    """The park has no inventory of that id."""

    reason = "INVENTORY_NOT_FOUND"

    def __init__(self, inventory_id: str) -> None:
        found = shown(inventory_id)
        super().__init__(f"inventory {found!r} does not exist", f"清单 {found!r} 不存在", inventory_id=found)


class FindingNotFound(NotFound):
    """The inventory has no finding of that id."""

    reason = "FINDING_NOT_FOUND"

    def __init__(self, finding_id: str) -> None:
        found = shown(finding_id)
        super().__init__(f"finding {found!r} does not exist", f"核查发现 {found!r} 不存在", finding_id=found)


class FindingIsClosed(Refusal):
    """A finding that is closed is neither answered nor closed otherwise."""

    kind = "already_exists"
    reason = "FINDING_IS_CLOSED"

    def __init__(self, finding_id: str, conclusion: str) -> None:
        super().__init__(
            f"finding {finding_id!r} is closed as {conclusion}",
            f"核查发现 {finding_id!r} 已关闭,结论为 {conclusion}",
            finding_id=finding_id,
            found=conclusion,
        )


class PublicationNotFound(NotFound):
    """Nothing of the inventory was published."""

    reason = "PUBLICATION_NOT_FOUND"

    def __init__(self, inventory_id: str) -> None:
        found = shown(inventory_id)
        super().__init__(f"inventory {found!r} is not published", f"清单 {found!r} 未公布", inventory_id=found)


class ReleaseNotFound(NotFound):
    """The sums of the year are not released."""

    reason = "RELEASE_NOT_FOUND"

    def __init__(self, year: int) -> None:
        super().__init__(f"no sums of {year} are released", f"{year} 年的汇总未发布", year=str(year))


class AlreadyWithdrawn(Refusal):
    """What was published and withdrawn is not published again; a restated inventory may be."""

    kind = "already_exists"
    reason = "ALREADY_WITHDRAWN"

    def __init__(self, inventory_id: str) -> None:
        super().__init__(
            f"the publication of {inventory_id} was withdrawn and is not made again",
            f"{inventory_id} 的公布已撤回,不再重新公布",
            inventory_id=inventory_id,
        )


class ContentDiffers(refusals.ContentDiffers):
    """The same id was registered before with other content; what is registered is never changed in place."""

    def __init__(self, what: str, identifier: str, field: str, found: str, recorded: str) -> None:
        super().__init__(
            f"{what} {identifier!r} is registered with {field} {recorded!r}, got {found!r}",
            f"{_WHAT_ZH[what]} {identifier!r} 已登记,其 {field} 为 {recorded!r},实际为 {found!r}",
            field=field,
            found=found,
            allowed=recorded,
        )


class ParkIdTaken(Refusal):
    """The id belongs to another tenant's park. Park ids are unique on the platform, and nothing more is told of that park."""

    kind = "already_exists"
    reason = "PARK_ID_TAKEN"

    def __init__(self, park_id: str) -> None:
        super().__init__(
            f"park id {park_id!r} is taken, choose another",
            f"园区编号 {park_id!r} 已被占用,请另选编号",
            field="park_id",
            found=park_id,
            allowed="an id that is not taken",
            allowed_zh="未被占用的编号",
        )


class RegisteredMeanwhile(Refusal):
    """Another call registered the same id between the look and the write; a repetition finds it."""

    kind = "unavailable"
    reason = "REGISTERED_MEANWHILE"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the same {what} was registered at the same moment, try again",
            f"同一时刻另有请求登记了相同的{_WHAT_ZH[what]},请重试",
            what=what,
        )


class EvidenceBroken(Refusal):
    """A stored record is not what was accepted at its position, or is gone: no figure is made of the park's records any more."""

    kind = "conflict"
    reason = "EVIDENCE_BROKEN"

    def __init__(self, park_id: str, position: int) -> None:
        super().__init__(
            f"the records of park {park_id!r} were changed behind the platform: the first that is not what was accepted is at"
            f" position {position}; an operator finds all of them with `parkcarbon fsck` and restores the database",
            f"园区 {park_id!r} 的记录在平台之外被改动:首个与接收时不符的记录位于第 {position} 位;"
            "请运维人员用 `parkcarbon fsck` 查明全部并恢复数据库",
            park_id=park_id,
            position=str(position),
        )


class BatchTooLarge(Refusal):
    """More rows in one batch than one transaction takes."""

    reason = "BATCH_TOO_LARGE"

    def __init__(self, rows: int, allowed: int) -> None:
        super().__init__(
            f"a batch has at most {allowed} rows, got {rows}",
            f"一批最多 {allowed} 行,实际为 {rows} 行",
            field="rows",
            found=str(rows),
            allowed=str(allowed),
        )
