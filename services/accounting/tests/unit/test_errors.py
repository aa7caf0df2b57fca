"""Each error carries a kind, a reason, its facts and a sentence made from them."""

import pytest

from accounting.domain import errors
from accounting.domain.errors import (
    AlreadyWithdrawn,
    BatchTooLarge,
    ContentDiffers,
    EvidenceBroken,
    FactorSetNotFound,
    FindingIsClosed,
    FindingNotFound,
    InventoryNotFound,
    ParkIdTaken,
    PublicationNotFound,
    RegisteredMeanwhile,
    ReleaseNotFound,
    SourceNotFound,
)
from kernel.refusals import Refusal

KINDS = {"invalid", "not_found", "already_exists", "conflict", "denied", "unavailable"}

CASES = [
    pytest.param(
        FactorSetNotFound("x", "a, b"),
        "not_found",
        "FACTOR_SET_NOT_FOUND",
        {"field": "factor_set_id", "found": "x", "allowed": "a, b"},
        "factor set 'x' is not one of a, b",
        "因子集 'x' 不存在,应为以下之一:a, b",
        id="FactorSetNotFound",
    ),
    pytest.param(
        SourceNotFound("meter-1"),
        "not_found",
        "SOURCE_NOT_FOUND",
        {"source_id": "meter-1"},
        "source 'meter-1' does not exist",
        "排放源 'meter-1' 不存在",
        id="SourceNotFound",
    ),
    pytest.param(
        InventoryNotFound("2022-v9"),
        "not_found",
        "INVENTORY_NOT_FOUND",
        {"inventory_id": "2022-v9"},
        "inventory '2022-v9' does not exist",
        "清单 '2022-v9' 不存在",
        id="InventoryNotFound",
    ),
    pytest.param(
        FindingNotFound("f-1"),
        "not_found",
        "FINDING_NOT_FOUND",
        {"finding_id": "f-1"},
        "finding 'f-1' does not exist",
        "核查发现 'f-1' 不存在",
        id="FindingNotFound",
    ),
    pytest.param(
        FindingIsClosed("f-1", "resolved"),
        "already_exists",
        "FINDING_IS_CLOSED",
        {"finding_id": "f-1", "found": "resolved"},
        "finding 'f-1' is closed as resolved",
        "核查发现 'f-1' 已关闭,结论为 resolved",
        id="FindingIsClosed",
    ),
    pytest.param(
        PublicationNotFound("2022-v1"),
        "not_found",
        "PUBLICATION_NOT_FOUND",
        {"inventory_id": "2022-v1"},
        "inventory '2022-v1' is not published",
        "清单 '2022-v1' 未公布",
        id="PublicationNotFound",
    ),
    pytest.param(
        ReleaseNotFound(2022),
        "not_found",
        "RELEASE_NOT_FOUND",
        {"year": "2022"},
        "no sums of 2022 are released",
        "2022 年的汇总未发布",
        id="ReleaseNotFound",
    ),
    pytest.param(
        AlreadyWithdrawn("2022-v1"),
        "already_exists",
        "ALREADY_WITHDRAWN",
        {"inventory_id": "2022-v1"},
        "the publication of 2022-v1 was withdrawn and is not made again",
        "2022-v1 的公布已撤回,不再重新公布",
        id="AlreadyWithdrawn",
    ),
    pytest.param(
        ContentDiffers("park", "p-1", "name_en", "B", "A"),
        "already_exists",
        "CONTENT_DIFFERS",
        {"field": "name_en", "found": "B", "allowed": "A"},
        "park 'p-1' is registered with name_en 'A', got 'B'",
        "园区 'p-1' 已登记,其 name_en 为 'A',实际为 'B'",
        id="ContentDiffers",
    ),
    pytest.param(
        ParkIdTaken("p-1"),
        "already_exists",
        "PARK_ID_TAKEN",
        {"field": "park_id", "found": "p-1", "allowed": "an id that is not taken", "allowed_zh": "未被占用的编号"},
        "park id 'p-1' is taken, choose another",
        "园区编号 'p-1' 已被占用,请另选编号",
        id="ParkIdTaken",
    ),
    pytest.param(
        RegisteredMeanwhile("park"),
        "unavailable",
        "REGISTERED_MEANWHILE",
        {"what": "park"},
        "the same park was registered at the same moment, try again",
        "同一时刻另有请求登记了相同的园区,请重试",
        id="RegisteredMeanwhile",
    ),
    pytest.param(
        EvidenceBroken("p-1", 17),
        "conflict",
        "EVIDENCE_BROKEN",
        {"park_id": "p-1", "position": "17"},
        "the records of park 'p-1' were changed behind the platform: the first that is not what was accepted is at position 17; an"
        " operator finds all of them with `parkcarbon fsck` and restores the database",
        "园区 'p-1' 的记录在平台之外被改动:首个与接收时不符的记录位于第 17 位;请运维人员用 `parkcarbon fsck` 查明全部并恢复数据库",
        id="EvidenceBroken",
    ),
    pytest.param(
        BatchTooLarge(10_001, 10_000),
        "invalid",
        "BATCH_TOO_LARGE",
        {"field": "rows", "found": "10001", "allowed": "10000"},
        "a batch has at most 10000 rows, got 10001",
        "一批最多 10000 行,实际为 10001 行",
        id="BatchTooLarge",
    ),
]


@pytest.mark.parametrize(("error", "kind", "reason", "facts", "sentence", "sentence_zh"), CASES)
def test_error_has_kind_reason_facts_and_a_sentence_in_both_languages(
    error: Refusal, kind: str, reason: str, facts: dict[str, str], sentence: str, sentence_zh: str
) -> None:
    assert (error.kind, error.reason, str(error)) == (kind, reason, sentence)
    assert error.facts() == facts | {"message_zh": sentence_zh}
    assert error.kind in KINDS


def test_every_error_of_accounting_is_exercised_here_and_has_a_reason_of_its_own() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__]
    own = {each for each in classes if issubclass(each, Refusal)}
    assert len(own) == len(classes)
    assert own == {type(case.values[0]) for case in CASES}
    assert len({each.reason for each in own}) == len(own)


@pytest.mark.parametrize(
    "error", [InventoryNotFound("x" * 10_000), FindingNotFound("x" * 10_000), FactorSetNotFound("x" * 10_000, "a")]
)
def test_what_a_caller_sends_is_echoed_for_eighty_characters(error: Refusal) -> None:
    assert "x" * 80 + "…" in str(error)
    assert "x" * 81 not in str(error)
    assert all(fact.count("x") <= 80 for fact in error.facts().values())


@pytest.mark.parametrize("what", ["park", "enterprise", "source", "annual_figures", "inventory"])
def test_whatever_is_registered_has_a_name_in_chinese(what: str) -> None:
    assert what not in RegisteredMeanwhile(what).facts()["message_zh"]
