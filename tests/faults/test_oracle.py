"""The oracle finds what it is for: stores that lose, double, invent, tear and miscount are each found out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faults import oracle
from tests.faults.intents import Entry
from tests.faults.oracle import MG_PER_T, Account
from tests.faults.verdict import Verdict

SOURCES = {"park": frozenset({"electricity-0", "refined_oil-0"})}


def row(record_id: str, hour: int, quantity: str = "100", source: str = "electricity-0", **more: str) -> dict[str, str]:
    unit = "MWh" if source.startswith("electricity") else "t"
    period = {"period_start": f"2020-01-01T{hour:02d}:00:00+08:00", "period_end": f"2020-01-01T{hour + 1:02d}:00:00+08:00"}
    return {"record_id": record_id, "source_id": source, **period, "quantity": quantity, "unit": unit, **more}


def batch(number: int, *rows: Mapping[str, str]) -> Entry:
    return {"kind": "batch", "park_id": "park", "number": number, "kinds": ["new"] * len(rows), "rows": list(rows)}


def answer(number: int, *outcomes: str) -> Entry:
    pairs = [tuple(outcome.split()) if " " in outcome else (outcome, "") for outcome in outcomes]
    return {"kind": "answer", "park_id": "park", "number": number, "outcomes": pairs}


def unanswered(number: int) -> Entry:
    return {"kind": "unanswered", "park_id": "park", "number": number, "why": "ReadError"}


GOOD = [
    batch(1, row("a", 0), row("b", 1, "0.5"), row("c", 0, "2.000001", "refined_oil-0")),
    unanswered(1),
    answer(1, "accepted", "accepted", "accepted"),
    batch(2, row("a", 0), row("b", 1, "9"), row("d", 1, "70", supersedes="b"), row("e", 2, "1e3"), row("f", 0)),
    answer(
        2, "duplicate", "rejected RECORD_ID_CONFLICT", "superseded", "rejected QUANTITY_NOT_A_DECIMAL", "rejected PERIOD_OVERLAPS"
    ),
]


def judged(entries: list[Entry]) -> tuple[Account, Verdict]:
    verdict = Verdict()
    return oracle.expected_accounts(entries, SOURCES, verdict)["park"], verdict


def utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()


def listed(account: Account) -> list[dict[str, Any]]:
    """What a platform without a fault lists."""
    return [
        {
            "record_id": record_id,
            "source_id": record.row["source_id"],
            "period_start_time": utc(record.row["period_start"]),
            "period_end_time": utc(record.row["period_end"]),
            "quantity": record.row["quantity"],
            "unit": record.row["unit"],
            "emissions_t_co2e": tonnes(record.emissions_mg),
            "energy_tce": tonnes(record.energy_mg),
            "supersedes": record.row.get("supersedes"),
            "superseded_by": record.superseded_by or None,
        }
        for record_id, record in account.records.items()
    ]


def tonnes(milligrams: int) -> str:
    return f"{milligrams // MG_PER_T}.{milligrams % MG_PER_T:09d}"


def totals(account: Account) -> dict[str, Any]:
    """What a platform without a fault answers."""
    groups = [
        {
            "source": source,
            "month": month,
            "emissions_t_co2e": tonnes(emissions),
            "energy_tce": tonnes(energy),
            "records": records,
        }
        for (source, month), (emissions, energy, records) in oracle.expected_sums(account).items()
    ]
    sums = [sum(part) for part in zip(*oracle.expected_sums(account).values(), strict=True)]
    return {
        "groups": groups,
        "total": {"emissions_t_co2e": tonnes(sums[0]), "energy_tce": tonnes(sums[1]), "records": sums[2]},
    }


def feed(account: Account) -> list[dict[str, Any]]:
    """What a feed without a fault tells."""
    calculated = [
        (source, int(month.replace("-", "")), *amounts) for (source, month), amounts in oracle.expected_sums(account).items()
    ]
    names = ("source_id", "first_month", "emissions_mg_co2e", "energy_mgce", "records")
    columns = dict(zip(names, map(list, zip(*calculated, strict=True)), strict=True))
    stale = {**columns, "emissions_mg_co2e": [1] * len(calculated)}
    facts = [
        ("ActivityRecorded", {"record_id": ["a", "b", "c"]}),
        ("EmissionsCalculated", {"last_position": "4", **columns}),
        # out of order: older sums that come later do not count
        ("EmissionsCalculated", {"last_position": "3", **stale}),
        ("ActivityRecorded", {"record_id": ["d"]}),
    ]
    return [
        {
            "position": at,
            "event_id": f"event-{at}",
            "park_id": "park",
            "type": f"parkcarbon.accounting.events.v1.{kind}",
            "data": data,
        }
        for at, (kind, data) in enumerate(facts, start=1)
    ]


def test_a_platform_without_a_fault_passes() -> None:
    account, verdict = judged(GOOD)
    oracle.compare_records("park", account, listed(account), verdict)
    oracle.compare_totals("park", account, totals(account), verdict)
    oracle.compare_feed("park", account, feed(account), verdict)
    oracle.compare_positions(feed(account), frozenset({"park"}), verdict)
    assert not verdict.wrong, verdict.sentences
    assert verdict.counts["records acknowledged"] == 4
    assert verdict.counts["ambiguous, had not come through"] == 1


def test_rows_of_a_call_that_was_repeated_inside_are_counted_and_must_be_there() -> None:
    verdict = Verdict()
    entries = [batch(1, row("a", 0)), answer(1, "duplicate")]
    account = oracle.expected_accounts(entries, SOURCES, verdict, repeated_inside=True)["park"]
    assert not verdict.wrong, verdict.sentences
    assert verdict.counts["calls repeated after they had recorded"] == 1
    oracle.compare_records("park", account, [], verdict)
    assert verdict.wrong["lost"] == 1


def test_emissions_are_the_published_factors_times_the_quantity_rounded_once() -> None:
    account, _ = judged(GOOD)
    # 100 MWh × 0.581 t; 2.000001 t × 43.07 GJ/t × 19.6 tC/TJ × 99 % × 44/12 = 6.12869178434436 t
    assert account.records["a"].emissions_mg == 58_100_000_000
    assert account.records["c"].emissions_mg == 6_128_691_784
    assert account.records["b"].superseded_by == "d"


def change(record_id: str, **members: str) -> Callable[[list[dict[str, Any]]], None]:
    def apply(records: list[dict[str, Any]]) -> None:
        next(record for record in records if record["record_id"] == record_id).update(members)

    return apply


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        pytest.param(lambda records: records.pop(1), "lost", id="one_record_lost"),
        pytest.param(lambda records: records.append(records[0]), "counted twice", id="one_record_twice"),
        pytest.param(lambda records: records.append({**records[0], "record_id": "x"}), "made up", id="one_made_up"),
        pytest.param(change("a", quantity="100.000001"), "other content", id="another_quantity"),
        pytest.param(change("a", emissions_t_co2e="58.100000001"), "other content", id="a_milligram_too_much"),
        pytest.param(change("b", superseded_by=""), "other content", id="a_correction_that_did_not_take"),
        pytest.param(change("a", period_start_time="2020-01-01T00:00:00+00:00"), "other content", id="another_zone"),
    ],
)
def test_a_store_that_spoils_one_record_is_found(spoil: Callable[[list[dict[str, Any]]], None], check: str) -> None:
    account, verdict = judged(GOOD)
    records = listed(account)
    spoil(records)
    oracle.compare_records("park", account, records, verdict)
    assert dict(verdict.wrong) == {check: 1}


def test_a_total_that_is_off_by_a_milligram_or_a_record_is_found() -> None:
    account, _ = judged(GOOD)
    for spoiled in ({"emissions_t_co2e": "0.000000001"}, {"records": 7}):
        for place in ("group", "total"):
            verdict, given = Verdict(), totals(account)
            (given["groups"][0] if place == "group" else given["total"]).update(spoiled)
            oracle.compare_totals("park", account, given, verdict)
            assert dict(verdict.wrong) == {"totals differ": 1}


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        pytest.param(lambda changes: changes.pop(3), {"lost from the feed": 1}, id="a_fact_lost"),
        pytest.param(lambda changes: changes.append(changes[3]), {"counted twice": 1}, id="a_fact_twice"),
        pytest.param(lambda changes: changes.pop(1), {"totals differ": 2}, id="the_newest_sums_lost"),
    ],
)
def test_a_feed_that_loses_or_repeats_is_found(spoil: Callable[[list[Any]], None], check: dict[str, int]) -> None:
    account, verdict = judged(GOOD)
    changes = feed(account)
    spoil(changes)
    oracle.compare_feed("park", account, changes, verdict)
    assert dict(verdict.wrong) == check


def test_gaps_repetitions_and_parks_of_others_in_a_feed_are_found() -> None:
    account, verdict = judged(GOOD)
    changes = feed(account)
    changes[1]["event_id"] = changes[0]["event_id"]
    changes[2]["position"] = 9
    changes[3]["park_id"] = "not-ours"
    oracle.compare_positions(changes, frozenset({"park"}), verdict)
    assert dict(verdict.wrong) == {"feed positions": 1, "counted twice": 1, "cross-tenant": 1}


@pytest.mark.parametrize(
    ("entries", "check"),
    [
        pytest.param([batch(1, row("a", 0))], "batches never answered", id="never_answered"),
        pytest.param([batch(1, row("a", 0)), answer(1, "rejected X")], "wrong answers", id="a_good_row_rejected"),
        pytest.param([batch(1, row("a", 0, "1e3")), answer(1, "accepted")], "wrong answers", id="a_bad_row_accepted"),
        pytest.param(
            [batch(1, row("a", 0)), answer(1, "accepted"), batch(2, row("a", 0, "7")), answer(2, "duplicate")],
            "wrong answers",
            id="another_body_merged",
        ),
        pytest.param([batch(1, row("a", 0)), answer(1, "duplicate")], "wrong answers", id="known_before_it_was_sent"),
        pytest.param(
            [batch(1, row("a", 0), row("b", 1)), unanswered(1), answer(1, "accepted", "duplicate")], "torn batches", id="torn"
        ),
        pytest.param(
            [batch(1, row("a", 0)), answer(1, "accepted"), answer(1, "accepted")], "counted twice", id="acknowledged_twice"
        ),
        pytest.param(
            [{"kind": "refused", "park_id": "park", "number": 1, "status": 422, "body": "no"}], "refused requests", id="refused"
        ),
    ],
)
def test_answers_against_the_rules_are_found(entries: list[Entry], check: str) -> None:
    _, verdict = judged(entries)
    assert dict(verdict.wrong) == {check: 1}


def test_a_repetition_tells_whether_the_first_attempt_came_through() -> None:
    _, verdict = judged([batch(1, row("a", 0)), unanswered(1), answer(1, "duplicate")])
    assert not verdict.wrong
    assert verdict.counts["ambiguous, had come through"] == 1


@pytest.mark.parametrize(
    ("letters", "check"),
    [
        pytest.param([("p1", "BAD"), ("p2", "BAD"), ("p2", "BAD")], {}, id="all_and_one_set_aside_again"),
        pytest.param([("p1", "BAD")], {"poison not set aside": 1}, id="one_missing"),
        pytest.param([("p1", "BAD"), ("p2", "BAD"), ("", "BAD")], {"good events set aside": 1}, id="a_good_event"),
        pytest.param([("p1", ""), ("p2", "BAD")], {"dead letters without a reason": 1}, id="no_reason"),
    ],
)
def test_dead_letters_are_the_poison(letters: list[tuple[str, str]], check: dict[str, int]) -> None:
    verdict = Verdict()
    oracle.compare_dead_letters(["p1", "p2"], letters, verdict)
    assert dict(verdict.wrong) == check


def chained() -> list[dict[str, Any]]:
    """Facts of three records, whose heads were computed by hand with sha256sum."""
    columns = {
        "tenant_id": "t",
        "source_id": ["s"],
        "unit": ["MWh"],
        "basis_id": ["b"],
        "recorded_time": "1970-01-01T00:00:01Z",
        "supersessions": [],
    }
    facts = []
    for first, ids, head in ((1, ["a", "b"], HEAD_2), (3, ["c"], HEAD_3)):
        count = len(ids)
        same = {name: [0] * count for name in ("source_index", "unit_index", "basis_index")}
        numbers = {name: ["7"] * count for name in ("quantity_micro", "emissions_mg_co2e", "energy_mgce")}
        times = {"period_start_s": ["0"] * count, "period_end_s": ["60"] * count}
        told = {"first_position": str(first), "last_position": str(first + count - 1), "head_sha256": head, "record_id": ids}
        facts.append(
            {"type": "parkcarbon.accounting.events.v1.ActivityRecorded", "data": {**columns, **same, **numbers, **times, **told}}
        )
    return facts


HEAD_2 = "574e0784b34d7ba7859f207813c9c93f0fbdbc427bdc026d8b5fd54195400cca"
HEAD_3 = "e961615cc74e8868360fe98e0b47609227ba09688c4046f163446da31b2e5afa"


def test_a_chain_that_follows_from_the_facts_passes() -> None:
    verdict = Verdict()
    # in whatever order facts have come
    heads = oracle.compare_chain("park", chained()[::-1], verdict)
    assert (verdict.wrong, heads[2], heads[3]) == ({}, HEAD_2, HEAD_3)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda facts: facts[0]["data"].update(head_sha256="0" * 64),
        lambda facts: facts[0]["data"]["quantity_micro"].__setitem__(1, "8"),
        lambda facts: facts.pop(0),
        lambda facts: facts[1]["data"].update(last_position="4"),
        lambda facts: facts[1]["data"].update(recorded_time="1970-01-01T00:00:02Z"),
    ],
    ids=["another_head", "another_quantity", "a_fact_lost", "another_position", "another_time"],
)
def test_a_head_that_does_not_follow_breaks_the_chain(spoil: Callable[[list[dict[str, Any]]], object]) -> None:
    facts, verdict = chained(), Verdict()
    spoil(facts)
    oracle.compare_chain("park", facts, verdict)
    assert set(verdict.wrong) == {"chain breaks"}
