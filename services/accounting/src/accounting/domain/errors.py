"""What can be wrong with a request as a whole.

    AccountingError
    ├── InvalidField            a field breaks its rule: field, found, allowed
    ├── NotFound
    │   ├── ParkNotFound        also when the park belongs to another tenant
    │   ├── FactorSetNotFound
    │   ├── InventoryNotFound
    │   ├── FindingNotFound
    │   ├── PublicationNotFound
    │   └── ReleaseNotFound
    ├── FindingIsClosed         what is closed is neither answered nor closed otherwise
    ├── AlreadyWithdrawn        what was published and withdrawn is not published again
    ├── ContentDiffers          the same id was registered with other content
    ├── ParkIdTaken             the id belongs to a park of another tenant
    ├── RegisteredMeanwhile     another call registered the same id at the same moment: try again
    ├── Denied                  the caller's role does not allow it
    ├── OutOfScope              the role does, and the credential was given less
    └── BatchTooLarge

What is wrong with a single row of a batch is not an error but a result: see `problems`.
Each error carries a kind (invalid, not_found, already_exists, denied, unavailable), a stable reason, and its facts; the sentences,
one in English and one in Chinese, are made from them. The Chinese one names what was found before what is allowed, because the wire
cuts long facts: a list of what is allowed may lose its end, the finding may not.
"""

from collections.abc import Mapping

from accounting.domain.problems import shown

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


class AccountingError(Exception):
    """Base of the tree. `kind` and `reason` are set by each class."""

    kind = "invalid"
    reason = "ACCOUNTING_ERROR"

    def __init__(self, sentence: str, sentence_zh: str, **facts: str) -> None:
        self._facts = {**facts, "message_zh": sentence_zh}
        super().__init__(sentence)

    def facts(self) -> Mapping[str, str]:
        """Returns what was found and what was allowed, by name; `message_zh` is the sentence in Chinese."""
        return self._facts


class InvalidField(AccountingError):
    """A field breaks its rule.

    Args:
        field: its name on the wire.
        found: what it holds; 80 characters of it are repeated.
        allowed: the rule in words, to follow "must be".
        allowed_zh: the same in Chinese, to follow 应为.
    """

    reason = "INVALID_FIELD"

    def __init__(self, field: str, found: str, allowed: str, allowed_zh: str) -> None:
        found = shown(found)
        super().__init__(
            f"{field} must be {allowed}, got {found!r}",
            f"{field} 的值 {found!r} 无效,应为{' ' if allowed_zh[0].isascii() else ''}{allowed_zh}",
            field=field,
            found=found,
            allowed=allowed,
            allowed_zh=allowed_zh,
        )


class NotFound(AccountingError):
    """Something that the request names does not exist for this caller."""

    kind = "not_found"
    reason = "NOT_FOUND"


class ParkNotFound(NotFound):
    """No such park in the caller's tenant."""

    reason = "PARK_NOT_FOUND"

    def __init__(self, park_id: str) -> None:
        found = shown(park_id)
        super().__init__(f"park {found!r} does not exist", f"园区 {found!r} 不存在", park_id=found)


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


class FindingIsClosed(AccountingError):
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


class AlreadyWithdrawn(AccountingError):
    """What was published and withdrawn is not published again; a restated inventory may be."""

    kind = "already_exists"
    reason = "ALREADY_WITHDRAWN"

    def __init__(self, inventory_id: str) -> None:
        super().__init__(
            f"the publication of {inventory_id} was withdrawn and is not made again",
            f"{inventory_id} 的公布已撤回,不再重新公布",
            inventory_id=inventory_id,
        )


class ContentDiffers(AccountingError):
    """The same id was registered before with other content; what is registered is never changed in place."""

    kind = "already_exists"
    reason = "CONTENT_DIFFERS"

    def __init__(self, what: str, identifier: str, field: str, found: str, recorded: str) -> None:
        super().__init__(
            f"{what} {identifier!r} is registered with {field} {recorded!r}, got {found!r}",
            f"{_WHAT_ZH[what]} {identifier!r} 已登记,其 {field} 为 {recorded!r},实际为 {found!r}",
            field=field,
            found=found,
            allowed=recorded,
        )


class ParkIdTaken(AccountingError):
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


class RegisteredMeanwhile(AccountingError):
    """Another call registered the same id between the look and the write; a repetition finds it."""

    kind = "unavailable"
    reason = "REGISTERED_MEANWHILE"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the same {what} was registered at the same moment, try again",
            f"同一时刻另有请求登记了相同的{_WHAT_ZH[what]},请重试",
            what=what,
        )


class Denied(AccountingError):
    """The caller's roles do not allow this."""

    kind = "denied"
    reason = "ROLE_MISSING"

    def __init__(self, roles: str, needed: str) -> None:
        super().__init__(
            f"this needs one of the roles {needed}, the caller has {roles or 'none'}",
            f"需要以下角色之一:{needed};当前角色:{roles or '无'}",
            found=roles,
            allowed=needed,
        )


class OutOfScope(AccountingError):
    """The caller's roles would do, and its credential was not given the scope."""

    kind = "denied"
    reason = "SCOPE_MISSING"

    def __init__(self, scopes: str, needed: str) -> None:
        super().__init__(
            f"this needs the scope {needed}, the credential has {scopes or 'none'}",
            f"需要权限范围 {needed};当前凭证的范围:{scopes or '无'}",
            found=scopes,
            allowed=needed,
        )


class BatchTooLarge(AccountingError):
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
