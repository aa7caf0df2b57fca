"""What every service refuses, with kind, reason, facts and a sentence in both languages."""

import pickle
from collections.abc import Mapping

import pytest

from kernel.refusals import ContentDiffers, Denied, InvalidField, Kind, NotFound, OutOfScope, ParkNotFound, Refusal, shown


@pytest.mark.parametrize(
    ("refusal", "kind", "reason", "facts", "sentence", "sentence_zh"),
    [
        pytest.param(
            InvalidField("year", "1989", "a year from 1990 to 2021", "1990 至 2021 的年份"),
            "invalid",
            "INVALID_FIELD",
            {"field": "year", "found": "1989", "allowed": "a year from 1990 to 2021", "allowed_zh": "1990 至 2021 的年份"},
            "year must be a year from 1990 to 2021, got '1989'",
            "year 的值 '1989' 无效,应为 1990 至 2021 的年份",
            id="InvalidField",
        ),
        pytest.param(
            ParkNotFound("p-1"),
            "not_found",
            "PARK_NOT_FOUND",
            {"park_id": "p-1"},
            "park 'p-1' does not exist",
            "园区 'p-1' 不存在",
            id="ParkNotFound",
        ),
        pytest.param(
            ContentDiffers("a is stored with other content", "a 内容不同", found="a"),
            "already_exists",
            "CONTENT_DIFFERS",
            {"found": "a"},
            "a is stored with other content",
            "a 内容不同",
            id="ContentDiffers",
        ),
        pytest.param(
            Denied({"reader", "auditor"}, {"platform_operator", "park_manager"}),
            "denied",
            "ROLE_MISSING",
            {"found": "auditor, reader", "allowed": "park_manager, platform_operator"},
            "this needs one of the roles park_manager, platform_operator, the caller has auditor, reader",
            "需要以下角色之一:park_manager, platform_operator;当前角色:auditor, reader",
            id="Denied",
        ),
        pytest.param(
            Denied(frozenset(), {"park_manager"}),
            "denied",
            "ROLE_MISSING",
            {"found": "", "allowed": "park_manager"},
            "this needs one of the roles park_manager, the caller has none",
            "需要以下角色之一:park_manager;当前角色:无",
            id="Denied_without_roles",
        ),
        pytest.param(
            OutOfScope({"read_own", "read"}, "rebuild"),
            "denied",
            "SCOPE_MISSING",
            {"found": "read read_own", "allowed": "rebuild"},
            "this needs the scope rebuild, the credential has read read_own",
            "需要权限范围 rebuild;当前凭证的范围:read read_own",
            id="OutOfScope",
        ),
        pytest.param(
            OutOfScope(frozenset(), "rebuild"),
            "denied",
            "SCOPE_MISSING",
            {"found": "", "allowed": "rebuild"},
            "this needs the scope rebuild, the credential has none",
            "需要权限范围 rebuild;当前凭证的范围:无",
            id="OutOfScope_without_scopes",
        ),
    ],
)
def test_a_refusal_has_kind_reason_facts_and_a_sentence_in_both_languages(
    refusal: Refusal, kind: str, reason: str, facts: Mapping[str, str], sentence: str, sentence_zh: str
) -> None:
    assert (refusal.kind, refusal.reason, str(refusal)) == (kind, reason, sentence)
    assert refusal.facts() == {**facts, "message_zh": sentence_zh}
    assert Kind(refusal.kind) == kind


def test_a_refusal_between_our_own_programs_needs_no_chinese() -> None:
    class Away(Refusal):
        kind = Kind.UNAVAILABLE
        reason = "AWAY"

    assert Away("it is away", since="noon").facts() == {"since": "noon"}


def test_a_rule_that_starts_with_a_latin_letter_is_set_off_by_a_space() -> None:
    assert InvalidField("f", "x", "a", "a").facts()["message_zh"] == "f 的值 'x' 无效,应为 a"
    assert InvalidField("f", "x", "short", "短").facts()["message_zh"] == "f 的值 'x' 无效,应为短"


@pytest.mark.parametrize("refusal", [InvalidField("f", "x" * 10_000, "short", "短"), ParkNotFound("x" * 10_000)])
def test_what_a_caller_sends_is_echoed_for_eighty_characters(refusal: Refusal) -> None:
    assert "x" * 80 + "…" in str(refusal)
    assert "x" * 81 not in str(refusal)
    assert all(fact.count("x") <= 80 for fact in refusal.facts().values())


@pytest.mark.parametrize("length", [0, 79, 80, 81, 1000])
def test_a_value_is_cut_once(length: int) -> None:
    text = "9" * length
    assert shown(text) == (text if length <= 80 else "9" * 80 + "…")
    assert shown(shown(text)) == shown(text)


def test_a_cut_of_a_long_chinese_sentence_takes_of_the_list_and_not_of_the_finding() -> None:
    sentence = InvalidField("carrier", "coal", "one of …", "以下之一:" + "raw_coal, " * 100).facts()["message_zh"]
    assert sentence.startswith("carrier 的值 'coal' 无效")


class NodeRefused(NotFound):
    """Has a reason and attributes of its own, as errors of services have."""

    def __init__(self, *, node: str) -> None:
        super().__init__(f"node {node} does not exist", f"节点 {node} 不存在", node=node)
        self.reason = "NODE_NOT_FOUND"
        self.node = node


@pytest.mark.parametrize("refusal", [InvalidField("f", "x", "short", "短"), Denied({"reader"}, {"x"}), NodeRefused(node="n")])
def test_a_refusal_comes_back_whole_from_another_process(refusal: Refusal) -> None:
    back = pickle.loads(pickle.dumps(refusal))
    assert type(back) is type(refusal)
    assert (back.kind, back.reason, str(back), back.facts()) == (refusal.kind, refusal.reason, str(refusal), refusal.facts())
    assert vars(back) == vars(refusal)
