"""The gateway's own rules: who may do what, tokens, cursors, months, batches, receipts, and words."""

import string
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.api.problems import STATUS, language_of, problem
from gateway.application.access.authentication import Authenticated, Authenticators, authenticate
from gateway.application.push.activity import push_activity
from gateway.domain import messages
from gateway.domain.access.signing import RequestHead
from gateway.domain.access.tokens import Grant, digest, token_of
from gateway.domain.callers import ALLOWED, Action, Caller, Role
from gateway.domain.errors import (
    BoundToEnterprises,
    Busy,
    FieldProblem,
    FieldsInvalid,
    GatewayError,
    ParameterInvalid,
    ParkOutOfReach,
    PushInterrupted,
    RoleMissing,
    ScopeMissing,
    ServiceRefused,
    TokenRefused,
    Unavailable,
)
from gateway.domain.feed.changes import Change, part, position_of
from gateway.domain.limits import Limits
from gateway.domain.months import month
from gateway.domain.push.activity import ActivityRows, BatchOutcome, Outcome, ReadRows, Receipt, Tally, receipt, unreadable
from kernel.access import WHOLE_PARK_ROLES, Bounds, WholeParks

MANAGER = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER}))
READER = Caller("ben", "ganzhou", frozenset({Role.READER}))


def rows(count: int, width: int = 3) -> ActivityRows:
    ids = [f"r-{number}" for number in range(count)]
    same = ["x" * width] * count
    return ActivityRows(range(1, count + 1), ids, same, same, same, ["1"] * count, same, [""] * count, [""] * count)


class TestCallers:
    @pytest.mark.parametrize("role", Role)
    def test_a_role_allows_what_the_table_says_and_names_the_roles_that_would_do(self, role: Role) -> None:
        expected = {
            Role.PLATFORM_OPERATOR: set(Action),
            Role.PARK_MANAGER: set(Action) - {Action.MANAGE_CALLERS, Action.AUDIT, Action.RELEASE, Action.VERIFY},
            Role.READER: {Action.PUBLISHED, Action.READ_OWN, Action.READ, Action.FOLLOW, Action.MANAGE_KEYS},
            Role.REGION_READER: {Action.PUBLISHED, Action.READ_OWN, Action.READ, Action.FOLLOW, Action.MANAGE_KEYS},
            Role.ENTERPRISE: {Action.PUBLISHED, Action.READ_OWN, Action.RECORD, Action.MANAGE_KEYS},
            Role.VERIFIER: {Action.PUBLISHED, Action.READ_OWN, Action.READ, Action.MANAGE_KEYS, Action.VERIFY},
            Role.PUBLIC: {Action.PUBLISHED},
        }[role]
        caller = Caller("x", "t", frozenset({role}))
        for action in Action:
            assert caller.may(action) is (action in expected)
            if action in expected:
                caller.must(action)
            else:
                with pytest.raises(RoleMissing, match=f"to {action} needs one of the roles platform_operator"):
                    caller.must(action)

    @pytest.mark.parametrize("action", Action)
    def test_a_credential_may_no_more_than_its_scopes(self, action: Action) -> None:
        others = frozenset(Action) - {action}
        narrow = Caller("x", "t", frozenset({Role.PLATFORM_OPERATOR}), scopes=others)
        assert not narrow.may(action)
        with pytest.raises(ScopeMissing, match=f"this needs the scope {action}"):
            narrow.must(action)
        Caller("x", "t", frozenset({Role.PLATFORM_OPERATOR}), scopes=frozenset({action})).must(action)

    def test_a_park_beyond_the_bounds_is_refused_as_one_that_does_not_exist(self) -> None:
        mill = Caller("x", "t", frozenset({Role.ENTERPRISE}), enterprises=frozenset({"etdz/mill", "north/mill"}))
        for within in ("etdz", "north"):
            mill.must_reach(within)
        for caller in (mill, replace(mill, enterprises=frozenset()), replace(mill, enterprises=None, parks=frozenset({"etdz"}))):
            with pytest.raises(ParkOutOfReach, match="park 'south' does not exist") as refused:
                caller.must_reach("south")
            assert (refused.value.kind, refused.value.reason) == ("not_found", "PARK_NOT_FOUND")
        both = replace(mill, parks=frozenset({"etdz", "south"}))
        both.must_reach("etdz")
        for beyond in ("north", "south"):
            with pytest.raises(ParkOutOfReach):
                both.must_reach(beyond)
        Caller("x", "t", frozenset({Role.READER})).must_reach("south")

    def test_who_reads_parks_as_a_whole_is_whom_the_rule_of_access_shows_them(self) -> None:
        assert {role for role, actions in ALLOWED.items() if Action.READ in actions} == WHOLE_PARK_ROLES

    def test_who_follows_sees_whole_parks_and_who_is_bound_to_enterprises_does_not_follow(self) -> None:
        followers = [role for role, actions in ALLOWED.items() if Action.FOLLOW in actions]
        assert followers
        for role in followers:
            caller = Caller("x", "t", frozenset({role, Role.ENTERPRISE}), regions=frozenset({"36"}))
            assert caller.must_follow() == WholeParks("t", Bounds(regions=frozenset({"36"})))
            with pytest.raises(BoundToEnterprises, match=r"enterprises etdz/kiln, etdz/mill; .* GET /v1/parks/\{park\}/activity"):
                replace(caller, enterprises=frozenset({"etdz/mill", "etdz/kiln"})).must_follow()

    def test_every_role_is_in_the_table(self) -> None:
        assert set(ALLOWED) == set(Role)

    def test_a_caller_without_roles_may_do_nothing(self) -> None:
        with pytest.raises(RoleMissing):
            Caller("x", "t", frozenset()).must(Action.READ)


class TestTokens:
    def test_the_scheme_is_bearer_in_any_case(self) -> None:
        assert token_of("Bearer abc-DEF_123.~+/==") == token_of("bearer  abc-DEF_123.~+/==") == "abc-DEF_123.~+/=="

    @pytest.mark.parametrize(
        ("header", "reason"),
        [
            (None, "TOKEN_MISSING"),
            ("", "TOKEN_MISSING"),
            ("Basic YTpi", "TOKEN_MALFORMED"),
            ("Bearer", "TOKEN_MALFORMED"),
            ("Bearer ", "TOKEN_MALFORMED"),
            ("Bearer a b", "TOKEN_MALFORMED"),
            ("Bearer a, Bearer b", "TOKEN_MALFORMED"),
            ("Bearer 令牌", "TOKEN_MALFORMED"),
            ("Bearer " + "a" * 8193, "TOKEN_MALFORMED"),
        ],
    )
    def test_these_are_refused(self, header: str | None, reason: str) -> None:
        with pytest.raises(TokenRefused) as refused:
            token_of(header)
        assert refused.value.reason == reason

    def test_a_grant_takes_a_digest_and_never_a_token(self) -> None:
        with pytest.raises(ValueError, match="64 lower-case"):
            Grant("secret-token", READER)
        assert Grant(digest("secret-token"), READER).caller is READER

    async def test_the_store_is_asked_for_the_digest(self) -> None:
        class Store:
            async def find(self, sha256: str) -> Caller | None:
                return READER if sha256 == digest("abc") else None

        nobody: Any = None
        authenticators = Authenticators(Store(), nobody, nobody, nobody, nobody, nobody, nobody)
        head = RequestHead("GET", "/v1/parks", "", authorization="Bearer abc")
        assert await authenticate(authenticators, head) == Authenticated(READER, "token", digest("abc"))
        with pytest.raises(TokenRefused, match="unknown, expired or revoked"):
            await authenticate(authenticators, replace(head, authorization="Bearer abd"))
        with pytest.raises(TokenRefused, match="send one credential"):
            await authenticate(authenticators, replace(head, api_key="abc"))


class TestMonths:
    def test_a_year_is_its_january(self) -> None:
        assert (month("from", "2022"), month("from", "2022-07")) == ("2022-01", "2022-07")

    @pytest.mark.parametrize("text", ["", "22", "2022-13", "2022-00", "2022-1", "2022-01-01", "٢٠٢٢", "2022-01\n", " 2022"])
    def test_nothing_else_is_a_month(self, text: str) -> None:
        with pytest.raises(ParameterInvalid) as refused:
            month("from", text)
        assert refused.value.facts() == {"field": "from", "found": text, "allowed": "YYYY-MM or YYYY"}


class TestChanges:
    def test_a_cursor_is_a_position(self) -> None:
        assert (position_of(""), position_of("0"), position_of("12")) == (0, 0, 12)

    @pytest.mark.parametrize("cursor", ["-1", "01", "1.0", "x", "٣", "9" * 19, "1 "])
    def test_what_the_feed_never_gave_out_is_refused(self, cursor: str) -> None:
        with pytest.raises(ParameterInvalid):
            position_of(cursor)

    def test_one_more_than_shown_says_that_there_is_more(self) -> None:
        changes = [
            Change(position=n, tenant_id="t", park_id="p", topic="a", type="b", time="c", event_id=str(n), data_json="{}")
            for n in (4, 5, 6)
        ]
        found = part(changes, after=3, limit=2)
        assert ([change.position for change in found.changes], found.next, found.more) == ([4, 5], "5", True)
        found = part(changes, after=3, limit=3)
        assert (len(found.changes), found.next, found.more) == (3, "6", False)
        assert (part([], after=3, limit=3).next, part([], after=3, limit=3).more) == ("3", False)


class TestBatches:
    def test_rows_are_cut_by_number(self) -> None:
        parts = list(rows(12).batches(Limits(batch_rows=5)))
        assert [list(batch.row_numbers) for batch in parts] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]
        assert parts[2].record_id == ["r-10", "r-11"]

    def test_rows_are_cut_by_bytes(self) -> None:
        # One row: 3 texts of 1000 bytes and the unit, an id of 3, a quantity of 1: 4004 bytes; two fit into 8100, three do not.
        parts = list(rows(5, width=1000).batches(Limits(batch_rows=5, batch_bytes=8100)))
        assert [list(batch.row_numbers) for batch in parts] == [[1, 2], [3, 4], [5]]

    def test_a_row_larger_than_a_batch_goes_alone(self) -> None:
        assert [len(batch) for batch in rows(3, width=1000).batches(Limits(batch_bytes=10))] == [1, 1, 1]

    def test_no_rows_are_no_batch(self) -> None:
        assert list(rows(0).batches(Limits())) == []


class TestReceipt:
    def test_refusals_of_both_sides_stand_in_the_order_of_the_file(self) -> None:
        kept = rows(3)
        read = ReadRows(
            ActivityRows([2, 4, 5], *(getattr(kept, name) for name in kept.__dataclass_fields__ if name != "row_numbers")),
            [unreadable(3, "CSV_QUOTES")],
        )
        refused = unreadable(4, "FIELD_MISSING", record_id="r-1", field="unit")
        made = receipt(
            "p",
            read,
            [
                BatchOutcome([Outcome.ACCEPTED, Outcome.REJECTED], [refused]),
                BatchOutcome([Outcome.DUPLICATE], []),
            ],
        )
        assert list(made.row_numbers) == [2, 3, 4, 5]
        assert list(made.record_ids) == ["r-0", "", "r-1", "r-2"]
        assert [outcome.value for outcome in made.outcomes] == ["accepted", "rejected", "rejected", "duplicate"]
        assert {row: entry.reason for row, entry in made.problems.items()} == {3: "CSV_QUOTES", 4: "FIELD_MISSING"}
        assert made.count(Outcome.REJECTED) == 2


NEW_PARK = {"park_id": "p", "name_zh": "x", "name_en": "x", "region_code": "360700", "factor_set_id": "wang-2024"}


async def pushed(accounting: Any, caller: Caller, read: ReadRows, limits: Limits) -> Tally:
    async def parts() -> AsyncGenerator[ReadRows]:
        yield read

    taken: list[Receipt] = []

    async def take(found: Receipt) -> None:
        taken.append(found)

    async def acting() -> Caller:
        return caller

    tally = await push_activity(accounting, acting, "p", parts(), take, limits=limits)
    assert [found.count(Outcome.ACCEPTED) for found in taken] == [tally.accepted]
    return tally


class TestPush:
    async def test_every_batch_is_sent_and_every_row_answered(self, accounting: Any) -> None:
        await accounting.ask(MANAGER, "CreatePark", {"park": NEW_PARK})
        made = await pushed(accounting, MANAGER, ReadRows(rows(12), ()), Limits(batch_rows=5))
        assert accounting.batches == [5, 5, 2]
        assert (made.rows, made.accepted) == (12, 12)

    async def test_an_interruption_says_how_many_rows_were_handled_and_a_repetition_finishes(self, accounting: Any) -> None:
        await accounting.ask(MANAGER, "CreatePark", {"park": NEW_PARK})
        accounting.failures = [None, Unavailable("ACCOUNTING_UNAVAILABLE")]
        with pytest.raises(PushInterrupted, match="5 of 12 rows were handled"):
            await pushed(accounting, MANAGER, ReadRows(rows(12), ()), Limits(batch_rows=5))
        again = await pushed(accounting, MANAGER, ReadRows(rows(12), ()), Limits(batch_rows=5))
        assert (again.duplicate, again.accepted) == (5, 7)

    async def test_nothing_handled_is_said_too(self, accounting: Any) -> None:
        accounting.failures = [Unavailable("ACCOUNTING_UNAVAILABLE")]
        with pytest.raises(PushInterrupted, match="0 of 1 rows were handled"):
            await pushed(accounting, MANAGER, ReadRows(rows(1), ()), Limits())

    @pytest.mark.parametrize(
        "read", [ReadRows(rows(1), ()), ReadRows(rows(0), [unreadable(1, "CSV_QUOTES")])], ids=["rows", "none"]
    )
    async def test_a_park_that_does_not_exist_is_told_as_such(self, accounting: Any, read: ReadRows) -> None:
        with pytest.raises(ServiceRefused) as refused:
            await pushed(accounting, MANAGER, read, Limits())
        assert refused.value.kind == "not_found"

    async def test_a_reader_sends_nothing(self, accounting: Any) -> None:
        with pytest.raises(RoleMissing):
            await pushed(accounting, READER, ReadRows(rows(1), ()), Limits())
        assert accounting.batches == []


class TestWords:
    @pytest.mark.parametrize("reason", messages.REASONS)
    def test_both_languages_tell_the_same_facts(self, reason: str) -> None:
        words = messages.REASONS[reason]

        def named(sentence: str) -> set[str]:
            return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}

        assert named(words.sentence_en) == named(words.sentence_zh)
        assert words.title_en.isascii()
        assert not words.title_zh.isascii()

    def test_every_kind_has_a_status_and_titles(self) -> None:
        assert set(STATUS) == set(messages.KINDS)
        kinds = {error.kind for error in _descendants(GatewayError)}
        assert kinds <= set(STATUS)

    def test_input_is_cut(self) -> None:
        error = ParameterInvalid(field="from", found="x" * 10_000, allowed="y", allowed_zh="z")
        assert len(error.facts()["found"]) == 200

    @pytest.mark.parametrize(
        ("header", "language"),
        [
            ("", "en"),
            ("zh", "zh"),
            ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
            ("en-US,en;q=0.9,zh;q=0.8", "en"),
            ("en;q=0.1, zh-TW;q=0.2", "zh"),
            ("fr, *;q=0.1", "en"),
            ("zh;q=nonsense", "en"),
            ("zh;q=0", "en"),
        ],
    )
    def test_accept_language_decides(self, header: str, language: str) -> None:
        assert language_of(header) == language

    @pytest.mark.parametrize(
        ("make", "detail_zh"),
        [
            (Busy, "正在处理的上传已占满内存限额,请稍后重试;本次请求未保存任何数据"),
            (lambda: FieldsInvalid([FieldProblem("FIELD_MISSING", "unit", "", "")]), "有 1 个字段无效;第一个:缺少字段 unit"),
            (lambda: ServiceRefused("invalid", "X", "sentence", {"message_zh": "句子"}), "句子"),
            (lambda: ServiceRefused("invalid", "X", "sentence", {"reason": "r", "status": "s", "self": "t"}), "sentence"),
        ],
    )
    def test_a_problem_speaks_the_language_asked_for(self, make: Callable[[], GatewayError], detail_zh: str) -> None:
        made = problem(make(), instance="/v1/x", request_id="r", language="zh")
        assert made["detail"] == detail_zh
        assert made["status"] == STATUS[make().kind]
        assert str(made["type"]).startswith("https://parkcarbon.example/problems/")


def _descendants(kind: type[GatewayError]) -> set[type[GatewayError]]:
    return {kind}.union(*(_descendants(child) for child in kind.__subclasses__()))
