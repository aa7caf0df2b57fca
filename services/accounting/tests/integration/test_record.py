"""Recording activity: what is kept, what is refused, and that a record counts once however often it is sent."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from accounting.adapters.factor_files import load_factor_book
from accounting.domain.factors import FactorBook, FactorSet, GridRegions, factor_digest
from accounting.domain.problems import REASONS
from chassis.clock import FixedClock
from kernel.refusals import Kind
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import (
    Row,
    Tenant,
    columns,
    encoded_columns,
    ganzhou_rows,
    hours,
    outcomes,
    reasons,
    refusal,
    standing,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_account_of_ganzhou_is_the_published_one(park: Tenant) -> None:
    rows = list(ganzhou_rows())
    answer = await park.record(*rows)
    assert outcomes(answer) == ["accepted"] * 9
    assert answer.last_position == 9
    # Wang et al. 2024, table 4 and 5: 882077.299 MWh · 0.581 t/MWh = 512486.910719 t, exactly
    assert (await park.groups("year", "carrier"))["2020", "electricity"] == (512_486_910_719_000, 108_407_300_047_100, 1)
    for year, output, emissions_10k_t, energy_10k_tce, intensity, shares in (
        (2020, "7070000", "88.79", "29.66", "0.125583", ["36.55", "12.00", "51.45"]),
        (2021, "9547000", "97.43", "32.50", "0.102058", ["36.72", "12.00", "51.28"]),
        (2022, "11620000", "100.60", "32.76", "0.086571", ["39.47", "12.00", "48.53"]),
    ):
        await park.record_figures(year, gross_output_10k_cny=output)
        answered = await park.indicators(year)
        values = {each.name: each.value for each in answered.indicators}
        assert f"{float(values['emissions_t_co2e']) / 1e4:.2f}" == emissions_10k_t
        assert f"{float(values['energy_tce']) / 1e4:.2f}" == energy_10k_tce
        assert values["emissions_intensity_t_per_10k_cny"] == intensity
        assert [share.share_pct for share in answered.energy_mix] == shares
        assert answered.records == 3


async def test_the_same_batch_twice_changes_nothing(park: Tenant) -> None:
    rows = list(ganzhou_rows())
    await park.record(*rows)
    before = (await park.query("year", "source"), await park.records(), await park.facts())
    again = await park.record(*reversed(rows))
    assert outcomes(again) == ["duplicate"] * 9
    assert again.last_position == 9
    assert (await park.query("year", "source"), await park.records(), await park.facts()) == before


async def test_a_row_that_says_the_same_in_other_words_is_a_duplicate(park: Tenant) -> None:
    await park.record(Row("r", quantity="100", unit="MWh", period_start="2020-01-01", period_end="2020-02-01"))
    other_words = Row(
        "r", quantity="100.0", unit="兆瓦时", period_start="2019-12-31T16:00:00Z", period_end="2020-02-01T00:00:00+08:00"
    )
    assert outcomes(await park.record(other_words)) == ["duplicate"]


async def test_the_same_id_with_another_quantity_is_refused_and_the_rest_is_kept(park: Tenant) -> None:
    await park.record(Row("r", quantity="100"))
    answer = await park.record(Row("r", quantity="100.000001"), Row("s", source_id="gas", quantity="1", unit="万Nm3"))
    assert outcomes(answer) == ["rejected", "accepted"]
    (problem,) = answer.outcomes.problems
    assert (problem.row_number, problem.record_id, problem.reason, problem.field) == (1, "r", "RECORD_ID_CONFLICT", "quantity")
    assert (problem.found, problem.allowed) == ("quantity 100.000001 MWh", "quantity 100 MWh")
    assert "quantity 100 MWh, got quantity 100.000001 MWh" in problem.message_en
    assert [record.quantity for record in await park.records()] == ["100", "1"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"source_id": "other"}, "source_id", id="another_source"),
        pytest.param({"period_start": "2020-01-02"}, "period_start", id="another_start"),
        pytest.param({"period_end": "2020-01-31"}, "period_end", id="another_end"),
        pytest.param({"unit": "kWh"}, "quantity", id="another_unit"),
        pytest.param({"supersedes": "older"}, "supersedes", id="another_target"),
    ],
)
@pytest.mark.parametrize("together", [False, True], ids=["in_a_later_batch", "in_the_same_batch"])
async def test_the_same_id_is_refused_with(park: Tenant, changed: dict[str, str], field: str, together: bool) -> None:
    await park.create_source("other")
    await park.record(Row("older", period_start="2020-03-01", period_end="2020-04-01"))
    first, second = Row("r"), Row("r")._replace(**changed)
    if together:
        answer = await park.record(first, second)
        assert outcomes(answer) == ["accepted", "rejected"]
    else:
        await park.record(first)
        answer = await park.record(second)
        assert outcomes(answer) == ["rejected"]
    assert [(problem.reason, problem.field) for problem in answer.outcomes.problems] == [("RECORD_ID_CONFLICT", field)]
    assert [record.record_id for record in await park.records()] == ["older", "r"]


async def test_a_batch_that_repeats_a_row_counts_it_once(park: Tenant) -> None:
    assert outcomes(await park.record(Row("r"), Row("r"), Row("r"))) == ["accepted", "duplicate", "duplicate"]
    assert await park.total() == (58_100_000_000, 12_290_000_000, 1)


async def test_a_resend_is_a_duplicate_though_the_history_of_its_source_has_changed(park: Tenant) -> None:
    def month(number: int, quantity: str, **more: str) -> Row:
        return Row(f"m{number}", "electricity", f"2020-{number:02d}-01", f"2020-{number + 1:02d}-01", quantity, **more)

    tenth = month(10, "100")
    await park.record(tenth)
    # Months before it arrive later, and beside them the tenth looks a thousand times too small.
    await park.record(*(month(number, "100000", confirmed="true") for number in range(1, 10)))
    again = await park.record(tenth, month(11, "100"))
    assert outcomes(again) == ["duplicate", "rejected"]
    assert reasons(again) == ["QUANTITY_HELD"]
    conflict = await park.record(tenth._replace(quantity="101"))
    assert reasons(conflict) == ["RECORD_ID_CONFLICT"]


async def test_a_correction_takes_the_place_of_the_record_it_names(park: Tenant) -> None:
    await park.record(Row("a", quantity="100"))
    answer = await park.record(Row("b", quantity="40", supersedes="a"))
    assert outcomes(answer) == ["superseded"]
    assert await park.total() == (23_240_000_000, 4_916_000_000, 1)  # 40 MWh · 0.581 t, · 0.1229 tce
    assert [(each.record_id, each.supersedes, each.superseded_by) for each in await park.records()] == [
        ("a", "", "b"),
        ("b", "a", ""),
    ]
    assert outcomes(await park.record(Row("b", quantity="40", supersedes="a"))) == ["duplicate"]
    assert outcomes(await park.record(Row("a", quantity="100"))) == ["duplicate"]
    assert (await park.total())[2] == 1


async def test_a_correction_can_say_less_than_nothing(park: Tenant) -> None:
    await park.record(Row("a", quantity="100"))
    await park.record(Row("b", quantity="-40", supersedes="a"))
    assert await park.total() == (-23_240_000_000, -4_916_000_000, 1)


@pytest.mark.parametrize("turned", [False, True], ids=["in_order", "backwards"])
async def test_a_chain_of_corrections_in_one_batch_leaves_its_end_in_force(park: Tenant, turned: bool) -> None:
    chain = [Row("c0", quantity="1"), *(Row(f"c{n}", quantity=str(n + 1), supersedes=f"c{n - 1}") for n in range(1, 6))]
    answer = await park.record(*(reversed(chain) if turned else chain))
    assert sorted(outcomes(answer)) == ["accepted", *["superseded"] * 5]
    assert (await park.total())[::2] == (6 * 581_000_000, 1)
    records = {each.record_id: each.superseded_by for each in await park.records()}
    assert records == {"c0": "c1", "c1": "c2", "c2": "c3", "c3": "c4", "c4": "c5", "c5": ""}


async def test_a_chain_of_corrections_across_batches_leaves_its_end_in_force(park: Tenant) -> None:
    await park.record(Row("c0", quantity="1"))
    for number in range(1, 4):
        await park.record(Row(f"c{number}", quantity=str(number + 1), supersedes=f"c{number - 1}"))
    assert (await park.total())[::2] == (4 * 581_000_000, 1)
    late = await park.record(Row("late", quantity="9", supersedes="c1"))
    (problem,) = late.outcomes.problems
    assert (problem.reason, problem.found, problem.allowed) == ("ALREADY_SUPERSEDED", "c1", "c2")


async def test_a_correction_can_move_a_record_to_another_source_and_period(park: Tenant) -> None:
    await park.record(Row("a", "electricity", "2020-01-01", "2020-02-01", "100", "MWh"))
    await park.record(Row("b", "gas", "2021-05-01", "2021-06-01", "1", "万Nm3", supersedes="a"))
    # 10^4 Nm3 · 38.931 MJ · 15.3 g C/MJ · 0.98 · 44/12 = 21403.48518 kg; · 1.33 kgce
    assert await park.groups("month", "source") == {("2021-05", "gas"): (21_403_485_180, 13_300_000_000, 1)}
    # The place it left is free.
    assert outcomes(await park.record(Row("c", "electricity", "2020-01-10", "2020-01-20", "1", "MWh"))) == ["accepted"]


async def test_a_correction_may_overlap_only_the_record_it_corrects(park: Tenant) -> None:
    january, february = Row("a"), Row("b", period_start="2020-02-01", period_end="2020-03-01")
    await park.record(january, february)
    longer = Row("c", period_start="2020-01-01", period_end="2020-02-10", supersedes="a")
    answer = await park.record(longer)
    assert reasons(answer) == ["PERIOD_OVERLAPS"]
    assert answer.outcomes.problems[0].allowed.startswith("record b (2020-02-01T00:00:00+08:00")
    shorter = Row("d", period_start="2020-01-05", period_end="2020-01-20", supersedes="a")
    assert outcomes(await park.record(shorter)) == ["superseded"]


async def test_one_record_is_corrected_once(park: Tenant) -> None:
    await park.record(Row("a"))
    answer = await park.record(Row("b", quantity="1", supersedes="a"), Row("c", quantity="2", supersedes="a"))
    assert outcomes(answer) == ["superseded", "rejected"]
    assert reasons(answer) == ["ALREADY_SUPERSEDED"]
    assert answer.outcomes.problems[0].allowed == "b"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([Row("a", supersedes="a")], id="itself"),
        pytest.param([Row("a", supersedes="b"), Row("b", supersedes="a")], id="each_other"),
        pytest.param([Row("a", supersedes="no-such-record")], id="nothing"),
        pytest.param([Row("a", quantity="x"), Row("b", supersedes="a")], id="a_rejected_row"),
    ],
)
async def test_corrections_are_refused_that_name(park: Tenant, rows: list[Row]) -> None:
    answer = await park.record(*rows)
    assert set(reasons(answer)) <= {"SUPERSEDES_UNKNOWN", "QUANTITY_NOT_A_DECIMAL"}
    assert outcomes(answer) == ["rejected"] * len(rows)
    assert await park.records() == []


async def test_adjoining_periods_do_not_overlap(park: Tenant) -> None:
    rows = [Row(f"m{n}", period_start=f"2020-{n:02d}-01", period_end=f"2020-{n + 1:02d}-01") for n in range(1, 12)]
    assert outcomes(await park.record(*rows[::2])) == ["accepted"] * 6
    assert outcomes(await park.record(*rows[1::2])) == ["accepted"] * 5


@pytest.mark.parametrize("together", [False, True], ids=["with_a_stored_record", "within_the_batch"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2020-01-10", "2020-01-20", id="equal"),
        pytest.param("2020-01-12", "2020-01-13", id="inside"),
        pytest.param("2020-01-01", "2020-02-01", id="around"),
        pytest.param("2020-01-01", "2020-01-10T00:00:01+08:00", id="its_first_second"),
        pytest.param("2020-01-19T23:59:59+08:00", "2020-02-01", id="its_last_second"),
    ],
)
async def test_an_overlap_is_refused(park: Tenant, start: str, end: str, together: bool) -> None:
    stored = Row("stored", period_start="2020-01-10", period_end="2020-01-20", quantity="7")
    later = Row("later", period_start=start, period_end=end, quantity="9")
    elsewhere = later._replace(record_id="elsewhere", source_id="gas", unit="Nm3")
    if together:
        answer = await park.record(stored, later, elsewhere)
        assert outcomes(answer) == ["accepted", "rejected", "accepted"]
    else:
        await park.record(stored)
        answer = await park.record(later, elsewhere)
        assert outcomes(answer) == ["rejected", "accepted"]
    (problem,) = answer.outcomes.problems
    assert problem.reason == "PERIOD_OVERLAPS"
    assert problem.allowed == "record stored (2020-01-10T00:00:00+08:00 – 2020-01-20T00:00:00+08:00)"


async def test_ten_thousand_rows_are_taken_and_one_more_is_refused_whole(park: Tenant) -> None:
    rows = [Row(f"r{number}", period_start="", quantity="x") for number in range(10_001)]
    error = await refusal(park.push(encoded_columns(rows)))
    assert (error.kind, error.reason) == (Kind.INVALID, "BATCH_TOO_LARGE")
    assert (error.metadata["found"], error.metadata["allowed"]) == ("10001", "10000")
    taken = await park.push(encoded_columns([*rows[:9_999], Row("good")]))
    assert len(taken.outcomes.problems) == 9_999
    assert [each.record_id for each in await park.records()] == ["good"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda rows: rows.quantity.values.append("1"), id="a_value_too_many"),
        pytest.param(lambda rows: rows.quantity.values.pop(), id="a_value_too_few"),
        pytest.param(lambda rows: rows.unit.indices.extend([0, 0, 0]), id="an_index_too_many"),
        pytest.param(lambda rows: rows.unit.indices.append(0), id="an_index_too_few"),
        pytest.param(lambda rows: rows.unit.indices.extend([0, 2]), id="an_index_beyond_the_values"),
        pytest.param(lambda rows: rows.unit.indices.extend([0, 2**32 - 1]), id="the_largest_index"),
        pytest.param(lambda rows: rows.row_number.pop(), id="a_row_number_too_few"),
    ],
)
async def test_columns_are_refused_with(park: Tenant, broken: object) -> None:
    rows = columns([Row("a"), Row("b", period_start="2020-02-01", period_end="2020-03-01")])
    assert callable(broken)
    broken(rows)
    error = await refusal(park.push(rows))
    assert (error.kind, error.reason) == (Kind.INVALID, "INVALID_FIELD")
    assert error.metadata["field"].startswith("rows.")
    assert await park.records() == []


async def test_an_empty_batch_changes_nothing(park: Tenant) -> None:
    await park.record(Row("r"))
    answer = await park.push(pb.ActivityColumns())
    assert (list(answer.outcomes.outcome), list(answer.outcomes.problems), answer.last_position) == ([], [], 1)


async def test_columns_that_are_left_out_are_missing_in_every_row(park: Tenant) -> None:
    answer = await park.push(pb.ActivityColumns(row_number=[7, 8], record_id=pb.TextColumn(values=["a", "b"])))
    assert [(problem.row_number, problem.reason, problem.field) for problem in answer.outcomes.problems] == [
        (7, "FIELD_MISSING", "source_id"),
        (8, "FIELD_MISSING", "source_id"),
    ]


async def test_columns_in_codes_say_the_same_as_columns_of_texts(park: Tenant, tenant: Tenant) -> None:
    rows = [*hours(50), Row("bad", quantity="x"), *hours(50)]
    coded = await park.push(encoded_columns(rows))
    other = await park.stand.tenant().settle()
    plain = await other.push(columns(rows))
    assert coded == plain
    assert await park.records() == await other.records()


async def test_a_large_batch_is_told_in_events_of_a_thousand_rows(park: Tenant) -> None:
    rows = [row._replace(record_id=row.record_id.ljust(64, ".")) for row in hours(2_500)]
    answer = await park.push(encoded_columns(rows))
    assert outcomes(answer) == ["accepted"] * 2_500
    told = await park.facts(events_pb2.ActivityRecorded, events_pb2.EmissionsCalculated)
    assert [type(fact).__name__ for _, fact in told] == [*["ActivityRecorded"] * 3, "EmissionsCalculated"]
    recorded = [fact for _, fact in told if isinstance(fact, events_pb2.ActivityRecorded)]
    assert [len(fact.record_id) for fact in recorded] == [1_000, 1_000, 500]
    assert [fact.first_position for fact in recorded] == [1, 1_001, 2_001]
    assert [record_id for fact in recorded for record_id in fact.record_id] == [row.record_id for row in rows]
    assert all(len(event.data) < 512 * 1024 for event, _ in told)
    assert told[-1][1].last_position == 2_500


async def test_every_reason_reaches_the_caller_with_its_row_number(
    database_url: str, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every shipped factor changes with a year, which a record may not cross anyway; this set changes in July.
    monkeypatch.setattr("accounting.main.load_factor_book", _book_with_a_change_in_july)
    async with standing(database_url, tmp_path, clock) as stand:
        park = stand.tenant()
        await park.create_park(factor_set_id="changing")
        for source_id in ("electricity", "other", "monthly"):
            await park.create_source(source_id)
        await park.record(
            Row("stored"),
            Row("target", "other", "2020-01-01", "2020-02-01"),
            Row("correction", "other", "2020-01-01", "2020-02-01", "101", supersedes="target"),
            *(Row(f"m{n}", "monthly", f"2020-0{n}-01", f"2020-0{n + 1}-01", "100") for n in range(1, 5)),
        )
        free = {"period_start": "2020-03-01", "period_end": "2020-03-02"}
        bad = {
            "FIELD_MISSING": Row("", **free),
            "ID_NOT_ALLOWED": Row("a b", **free),
            "SOURCE_UNKNOWN": Row("r", "unknown", **free),
            "PERIOD_NOT_AN_INSTANT": Row("r", period_start="2020-02-30"),
            "PERIOD_OFFSET_MISSING": Row("r", period_start="2020-03-01T00:00:00"),
            "PERIOD_END_BEFORE_START": Row("r", period_start="2020-03-01", period_end="2020-03-01"),
            "PERIOD_IN_THE_FUTURE": Row("r", period_start="2026-03-01", period_end="2026-03-02"),
            "PERIOD_TOO_EARLY": Row("r", period_start="1989-12-30", period_end="1989-12-31"),
            "PERIOD_CROSSES_YEARS": Row("r", period_start="2020-12-31", period_end="2021-01-02"),
            "PERIOD_EDGES_IN_UTC": Row("r", period_start="2020-03-01T00:00:00Z", period_end="2020-04-01T00:00:00Z"),
            "PERIOD_OVERLAPS": Row("r", period_start="2020-01-05", period_end="2020-01-06"),
            "QUANTITY_NOT_A_DECIMAL": Row("r", quantity="1e3", **free),
            "QUANTITY_NEGATIVE": Row("r", quantity="-1", **free),
            "QUANTITY_HELD": Row("r", "monthly", "2020-05-01", "2020-06-01", "5000"),
            "AMOUNT_OUT_OF_RANGE": Row("r", quantity="999999999999", unit="GWh", **free),
            "UNIT_UNKNOWN": Row("r", unit="bushel", **free),
            "UNIT_OF_ANOTHER_DIMENSION": Row("r", unit="kg", **free),
            "FACTOR_MISSING": Row("r", period_start="2019-03-01", period_end="2019-03-02"),
            "PERIOD_CROSSES_FACTORS": Row("r", period_start="2020-06-30", period_end="2020-07-02"),
            "CONFIRMED_NOT_A_FLAG": Row("r", confirmed="yes", **free),
            "RECORD_ID_CONFLICT": Row("stored", quantity="101"),
            "SUPERSEDES_UNKNOWN": Row("r", supersedes="unknown", **free),
            "ALREADY_SUPERSEDED": Row("r", supersedes="target", **free),
        }
        # test_bounds has the one that only an enterprise meets
        assert set(bad) == set(REASONS) - {"RECORD_ID_TAKEN"}
        rows = [row._replace(record_id=f"r{place}") if row.record_id == "r" else row for place, row in enumerate(bad.values())]
        answer = await park.push(columns(rows, first_number=100))
        found = {problem.reason: problem for problem in answer.outcomes.problems}
        assert {reason: found[reason].row_number for reason in found} == {reason: 100 + n for n, reason in enumerate(bad)}
        for place, (reason, problem) in enumerate(found.items()):
            assert problem.record_id == rows[place].record_id
            assert problem.message_en
            assert problem.message_zh
            assert problem.field, reason
        assert outcomes(answer) == ["rejected"] * len(rows)
        assert len(await park.records()) == 7


def _book_with_a_change_in_july() -> FactorBook:
    shipped = load_factor_book()
    july, first, last = date(2020, 7, 1), date(2020, 1, 1), date(2027, 1, 1)
    rows = []
    for factor in shipped.all_factors():
        if factor.table_id == "wang_2024" and factor.carrier == "electricity":
            for start, end in ((first, july), (july, last)):
                digest = factor_digest(factor.factor_id, start.isoformat())
                rows.append(replace(factor, factor_id=digest, table_id="changing", valid_from=start, valid_to=end))
    known = shipped.factor_set("wang-2024")
    changing: FactorSet = replace(known, set_id="changing", tables=("changing",))
    return FactorBook(rows, [changing], GridRegions({}))


@pytest.mark.parametrize(
    ("field", "character"),
    [
        # an escape would take ten characters to show it
        pytest.param("unit", "\U000e0001", id="characters_that_cannot_be_printed"),
        pytest.param("unit", "\N{GRINNING FACE}", id="characters_of_four_bytes"),
        pytest.param("record_id", "\N{GRINNING FACE}", id="ids_of_four_bytes_a_character"),
        pytest.param("period_start", "\\", id="characters_that_are_shown_twice"),
    ],
)
async def test_ten_thousand_rows_of_rubbish_are_refused_in_one_answer(park: Tenant, field: str, character: str) -> None:
    rows = [Row(f"r{number}")._replace(**{field: character * 1_000}) for number in range(9_999)]
    answer = await park.push(encoded_columns([*rows, Row("good")]))
    assert len(answer.outcomes.problems) == 9_999
    assert outcomes(answer)[-1] == "accepted"


async def test_a_large_batch_that_is_sent_again_with_one_more_row_gains_that_row(park: Tenant) -> None:
    rows = hours(8_000)
    await park.push(encoded_columns(rows))
    again = await park.push(encoded_columns([*rows, Row("new", "gas", unit="Nm3")]))
    assert outcomes(again).count("duplicate") == 8_000
    assert outcomes(again)[-1] == "accepted"


async def test_batches_at_once_for_one_park_and_for_others_keep_every_record_once(park: Tenant) -> None:
    stand = park.stand
    others = [await stand.tenant().settle() for _ in range(3)]
    rows = hours(600)
    # Eight batches that overlap their neighbours by half, each also sent to three other parks.
    batches = [rows[start : start + 150] for start in range(0, 600, 75)]
    answers = await asyncio.gather(
        *(each.push(columns(batch)) for batch in batches for each in (park, *others)),
    )
    accepted = sum(outcomes(answer).count("accepted") for answer in answers)
    assert accepted == 4 * 600
    assert {outcome for answer in answers for outcome in outcomes(answer)} == {"accepted", "duplicate"}
    for each in (park, *others):
        records = await each.records()
        assert sorted(record.record_id for record in records) == sorted(row.record_id for row in rows)
        assert [record.position for record in records] == list(range(1, 601))
        assert await each.total() == (600 * 581_000_000, 600 * 122_900_000, 600)


async def test_records_of_two_parks_may_have_one_id(park: Tenant) -> None:
    other = await park.stand.tenant().settle()
    assert outcomes(await park.record(Row("r", quantity="1"))) == ["accepted"]
    assert outcomes(await other.record(Row("r", quantity="2"))) == ["accepted"]
    assert ((await park.total())[0], (await other.total())[0]) == (581_000_000, 1_162_000_000)


async def test_a_chain_that_is_too_long_for_a_batch_is_kept_as_far_as_it_goes_and_taken_up_where_it_ended(park: Tenant) -> None:
    chain = [Row("c0", quantity="1"), *(Row(f"c{n}", quantity=str(n + 1), supersedes=f"c{n - 1}") for n in range(1, 10_000))]
    answer = await park.push(encoded_columns(chain))
    assert outcomes(answer) == ["accepted", *["superseded"] * 63, *["rejected"] * 9_936]
    assert set(reasons(answer)) == {"SUPERSEDES_UNKNOWN"}
    assert "at most 63 times" in answer.outcomes.problems[0].message_en
    assert outcomes(await park.push(encoded_columns(chain[64:100]))) == ["superseded"] * 36
    assert await park.total() == (100 * 581_000_000, 100 * 122_900_000, 1)
