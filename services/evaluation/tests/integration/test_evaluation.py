"""Evaluating a park: what fills itself, what is missing, conflicts, immutable results, and who may."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chassis.errors import RemoteError
from chassis.events import Event, to_message
from chassis.tenancy import Tenant as TenantScope
from evaluation.adapters import tables
from evaluation.adapters.storing import StoredInputsChanged, read, read_inputs, written
from evaluation.api import wire
from evaluation.domain.evaluations import Inputs, assessed
from kernel.access import Caller
from parkcarbon.evaluation.events.v1 import events_pb2
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from parkcarbon.gateway.events.v1 import events_pb2 as platforms_pb2
from services.accounting.tests.integration.stand import Row, refusal
from services.evaluation.tests.integration.stand import GUIDE, Stand, Tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

PDI_A = (("performance", "2022", "2.94"), ("development", "2022", "1.84"), ("impact", "2022", "3.65"))


async def reason(answer: Any) -> RemoteError:
    return await refusal(answer)


async def test_what_the_platform_knows_is_filled_and_the_rest_is_missing(park: Tenant) -> None:
    """Of 2022, [P] table 4: 29,557,895 Nm3 · 1.33 kgce over that + 1,052,105,126 kWh · 0.1229 + 108,152,571 kg · 1.47."""
    found = await park.values()
    gas, power, oil = (
        Decimal("29557895") * Decimal("1.33"),
        Decimal("1052105126") * Decimal("0.1229"),
        Decimal("108152571") * Decimal("1.47"),
    )
    expected = 100 * gas / (gas + power + oil)
    assert found["52"].origin == "derived"
    assert abs(Decimal(found["52"].value) - expected) < Decimal("0.000001")
    assert "records up to position 9" in found["52"].evidence
    assert (found["57"].value, found["57"].origin) == ("1", "derived")
    assert not found["56"].HasField("value")
    assert not found["52"].HasField("missing")
    assert found["56"].missing == "no enterprise is registered"
    assert found["65"].missing == "gdp_10k_cny of 2022 is not reported or 0"
    assert found["1"].missing == "not entered"
    assert found["1"].missing_zh == "未填报"
    assert len(found) == 69


async def test_the_figures_that_need_gdp_come_with_it(park: Tenant) -> None:
    for year, gdp in ((2021, "3000000"), (2022, "3300000")):
        await park.account.record_figures(year, gross_output_10k_cny="1", gdp_10k_cny=gdp)
    await park.account.create_enterprise("mill")
    await park.account.create_enterprise("idle")
    await park.account.create_source("mill-power", enterprise_id="mill")
    await park.account.record(Row("m-1", "mill-power", "2022-03-01", "2022-04-01", "100"))
    found = await park.values()
    # one of two enterprises
    assert found["56"].value == "50"
    by_year = {each: await park.account.query(start=f"{each}-01", end=f"{each + 1}-01") for each in (2021, 2022)}
    emissions = {each: Decimal(answer.total.emissions_t_co2e) for each, answer in by_year.items()}
    energy_tce = Decimal(by_year[2022].total.energy_tce)
    assert Decimal(found["65"].value) == round(energy_tce / 3_300_000, 6)
    fall = 100 * (1 - emissions[2022] / 3_300_000 / (emissions[2021] / 3_000_000))
    assert Decimal(found["66"].value) == round(fall, 6)
    zero = await park.values(system="zero-carbon-park")
    assert Decimal(zero["carbon-per-energy"].value) == round(emissions[2022] / energy_tce, 6)


async def test_facts_keep_what_was_caught_up(stand: Stand, park: Tenant) -> None:
    before = await park.values()
    await park.account.record(Row("more", "gas", "2022-01-01", "2022-02-01", "1", "万Nm3", supersedes="gas-2022"))
    await stand.heard()
    after = await park.values()
    assert Decimal(after["52"].value) < Decimal(before["52"].value)
    (synced,) = await stand.rows(tables.park, park.park_id)
    assert synced.synced_time is not None


async def test_a_fact_that_comes_again_or_late_changes_nothing(stand: Stand, park: Tenant) -> None:
    await park.values()
    await stand.heard()
    copies = (tables.park, tables.source, tables.emissions_sum, tables.year_figures)
    before = [await stand.rows(table, park.park_id) for table in copies]
    events = [event for event in await stand.accounting.published() if event.park_id == park.park_id]
    assert len(events) > 5
    for event in reversed(events):
        handler = stand.service.consumer._handlers.get(event.type)
        if handler is not None:
            async with stand.service.database.begin(TenantScope(event.tenant_id)) as session:
                await handler(session, event)
                await session.commit()
    assert [await stand.rows(table, park.park_id) for table in copies] == before


async def test_a_regional_platform_counts_from_the_year_in_which_it_connected(stand: Stand, park: Tenant) -> None:
    """The last hour of 2025 in UTC is of 2026 in Shanghai, as the park counts."""
    facts = [
        platforms_pb2.PlatformConnected(
            park_id=park.park_id, tenant_id=park.manager.tenant, platform_id=name, kind=kind, connected_time=time
        )
        for name, kind, time in (
            ("mes", "enterprise", "2020-05-01T00:00:00Z"),
            ("jiangxi", "region", "2025-12-31T23:00:00Z"),
            # as a gateway that lost its database would tell it again
            ("jiangxi", "region", "2027-01-01T00:00:00Z"),
        )
    ]
    events = [
        Event(
            id=f"{park.park_id}-{number}",
            source="/gateway",
            type=fact.DESCRIPTOR.full_name,
            subject="",
            time=datetime.now(UTC),
            topic="gateway.platform.v1",
            key=park.park_id,
            data=fact.SerializeToString(),
            tenant_id=park.manager.tenant,
            park_id=park.park_id,
            traceparent="",
        )
        for number, fact in enumerate(facts)
    ]
    for _ in range(2):
        await stand.accounting.log.publish([to_message(event) for event in events])
        await stand.heard()
    assert len(await stand.rows(tables.connected_platform, park.park_id)) == 2
    assert (await park.values(2025))["47"].missing == "no regional platform had pulled the park here by the end of 2025"
    for year in (2026, 2027):
        found = (await park.values(year))["47"]
        assert (found.value, found.origin) == ("1", "derived")
        assert found.evidence == "gateway: jiangxi pulls the park for a region since 2025-12-31 (UTC)"
    assert (await park.values(2026))["48"].missing == "not entered"


async def test_a_manual_value_beside_a_derived_one_is_shown_and_not_overwritten(park: Tenant) -> None:
    derived = (await park.values())["52"].value
    answer = await park.enter(("52", "2022", "45"), evidence="report-7")
    assert answer.accepted == 1
    found = (await park.values())["52"]
    assert (found.value, found.origin) == (derived, "derived")
    assert (found.conflicting_value, found.conflicting_evidence) == ("45", "report-7")
    kept = await park.evaluate()
    leaf = next(each for each in kept.indicators if each.indicator_id == "52")
    assert (leaf.value, leaf.origin, leaf.conflicting_value) == (derived, "derived", "45")


async def test_rows_are_judged_one_by_one_and_the_same_again_changes_nothing(stand: Stand, park: Tenant) -> None:
    rows = (("53", "2022", "140"), ("1", "2022", "80"), ("999", "2022", "1"), ("3", "2022", "0"))
    answer = await park.enter(*rows)
    assert (answer.accepted, answer.unchanged) == (1, 0)
    assert [(each.row_number, each.reason) for each in answer.problems] == [
        (1, "VALUE_OUT_OF_RANGE"),
        (3, "INDICATOR_UNKNOWN"),
        (4, "ZERO_NOT_CONFIRMED"),
    ]
    assert answer.problems[0].message_zh == "取值应为 0 至 100 %,实际为 140"
    again = await park.enter(("1", "2022", "80"))
    assert (again.accepted, again.unchanged) == (0, 1)
    await park.enter(("1", "2022", "81"))
    versions = await stand.rows(tables.indicator_value, park.park_id)
    assert [(row.value, row.version) for row in versions] == [("80", 1), ("81", 2)]
    assert (await park.values())["1"].value == "81"


async def test_the_evaluation_of_ganzhou_shows_what_is_known_and_what_is_open(park: Tenant) -> None:
    found = await park.evaluate()
    scored = {each.indicator_id: each.score for each in found.indicators if each.HasField("score")}
    assert set(scored) == {"52", "57"}
    # 0.2·0.5·0.2 of the clean-energy share and 0.2·0.5·0.5 of the platform
    assert Decimal(found.total.coverage_pct) == 7
    share = Decimal(scored["52"])
    assert Decimal(found.total.low) == round(Decimal("0.02") * share + 5, 6)
    assert Decimal(found.total.high) == Decimal(found.total.low) + 93
    assert Decimal(found.total.score) == round((Decimal("0.02") * share + 5) / Decimal("0.07"), 6)
    missing = {each.indicator_id: each.missing for each in found.indicators if each.HasField("missing")}
    assert len(missing) == 67
    assert not scored.keys() & missing.keys()
    assert [band.band for band in found.bands] == ["starting", "growing", "advanced", "leading"]
    assert not found.synthetic


async def test_an_evaluation_stays_as_it_was(stand: Stand, park: Tenant) -> None:
    first = await park.evaluate(system="pdi") if (await park.enter(*PDI_A, system="pdi")).accepted == 3 else None
    assert first is not None
    assert first.total.score == "2.752"
    assert [band.band for band in first.bands] == ["mature"]
    await park.enter(("impact", "2022", "5"), system="pdi")
    second = await park.evaluate(system="pdi")
    assert second.total.score == "3.022"
    again = await park.ask("GetEvaluation", pb.GetEvaluationRequest(park_id=park.park_id, evaluation_id=first.evaluation_id))
    assert again.evaluation == first
    row = next(row for row in await stand.rows(tables.evaluation, park.park_id) if row.evaluation_id == first.evaluation_id)
    assert written(read(row.inputs, Inputs)) == row.inputs
    assert (row.score, row.inputs_sha256) == ("2.752", first.inputs_sha256)


async def test_an_evaluation_is_replayed_bit_for_bit_from_what_is_stored(stand: Stand, park: Tenant) -> None:
    await park.enter(("52", "2022", "45"), ("26", "2022", "no"), ("66", "2022", "-3.123456"))
    row = pb.Threshold(node_id="66", minimum="-7", maximum="3", source="a test")
    given = pb.ThresholdSet(threshold_set_id="replayed", system_id=GUIDE, origin="synthetic", source="a test", rows=[row])
    await park.ask("CreateThresholdSet", pb.CreateThresholdSetRequest(threshold_set=given))
    kept = [
        await park.evaluate(weight_set_id="equal", threshold_set_ids=["replayed"], industry="automotive"),
        await park.evaluate(system="zero-carbon-park"),
        await park.evaluate(system="pdi-tree"),
    ]
    for first in kept:
        (row,) = [each for each in await stand.rows(tables.evaluation, park.park_id) if each.evaluation_id == first.evaluation_id]
        inputs = read_inputs(row.inputs, row.inputs_sha256)
        assert written(inputs) == row.inputs
        replayed = wire.assessment(assessed(inputs))
        assert row.score == (replayed.total.score if first.basis == "score" else row.score)
        for name in ("evaluation_id", "park_id", "scored_time", "scored_by", "inputs_sha256"):
            setattr(replayed, name, getattr(first, name))
        assert replayed.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)


async def test_inputs_that_somebody_changed_are_not_told_as_an_evaluation(stand: Stand, park: Tenant) -> None:
    kept = await park.evaluate()
    (row,) = await stand.rows(tables.evaluation, park.park_id)
    assert row.inputs_sha256 == kept.inputs_sha256
    changed = row.inputs.replace('"year":2022', '"year":2021')
    assert changed != row.inputs
    with pytest.raises(StoredInputsChanged):
        read_inputs(changed, row.inputs_sha256)


async def test_part_of_a_year_is_not_set_beside_the_output_of_the_whole(stand: Stand) -> None:
    tenant = stand.tenant()
    await tenant.account.settle()
    for year in (2021, 2022):
        await tenant.account.record_figures(year, gross_output_10k_cny="1", gdp_10k_cny="3000000")
    await tenant.account.record(Row("before", "gas", "2021-01-01", "2022-01-01", "700", "万Nm3"))
    await tenant.account.record(Row("early", "gas", "2022-01-01", "2022-03-01", "100", "万Nm3"))
    found = await tenant.values()
    assert found["65"].missing == found["66"].missing == "records of 2022 are of 2 of 12 months"
    assert found["65"].missing_zh == "2022 年仅有 2 个月的记录(共 12 个月)"
    # a share of what there is says something all the same
    assert found["52"].value == "100"
    await tenant.account.record(Row("late", "gas", "2022-03-01", "2023-01-01", "250", "万Nm3"))
    await stand.heard()
    # 350 after 700 over the same output
    assert (await tenant.values())["66"].value == "50"


async def test_a_system_of_targets_is_neither_ranked_nor_compared_nor_planned_by(stand: Stand) -> None:
    tenant = await stand.tenant().settle()
    kept = [await tenant.evaluate(year, system="zero-carbon-park") for year in (2021, 2022)]
    ids = [each.evaluation_id for each in kept]
    compare = pb.CompareEvaluationsRequest(park_id=tenant.park_id, before_id=ids[0], after_id=ids[1])
    step = pb.Step(step_id="solar", indicator_id="clean-energy-share", change="5", cost_10k_cny="1")
    plan = pb.PlanImprovementsRequest(park_id=tenant.park_id, evaluation_id=ids[0], steps=[step], target="50")
    rank = pb.RankParksRequest(region_code="36", system_id="zero-carbon-park", year=2022)
    for method, request in (("CompareEvaluations", compare), ("PlanImprovements", plan), ("RankParks", rank)):
        assert (await reason(tenant.ask(method, request))).reason == "NOT_WEIGHED"


async def test_evaluations_are_listed_newest_first_by_pages(park: Tenant) -> None:
    kept = [(await park.evaluate(year)).evaluation_id for year in (2020, 2021, 2022)]
    request = pb.ListEvaluationsRequest(park_id=park.park_id, page_size=2)
    first = await park.ask("ListEvaluations", request, park.reader)
    assert [each.evaluation_id for each in first.evaluations] == [kept[2], kept[1]]
    assert not first.evaluations[0].nodes
    assert first.evaluations[0].total.coverage_pct == "7"
    rest = await park.ask("ListEvaluations", pb.ListEvaluationsRequest(park_id=park.park_id, page_token=first.next_page_token))
    assert [each.evaluation_id for each in rest.evaluations] == [kept[0]]
    assert rest.next_page_token == ""


async def test_assessments_made_here_count_as_such(park: Tenant) -> None:
    assert (await park.values(2026))["29"].missing == "no evaluation was made here in 2026"
    await park.evaluate()
    assert (await park.values(2026))["29"].value == "1"


async def test_the_fact_tells_what_was_scored(stand: Stand, park: Tenant) -> None:
    await park.enter(*PDI_A, system="pdi")
    kept = await park.evaluate(system="pdi")
    (event,) = [each for each in await stand.told() if each.park_id == park.park_id]
    fact = events_pb2.EvaluationScored.FromString(event.data)
    assert (fact.evaluation_id, fact.score, fact.low, fact.high, fact.band) == (
        kept.evaluation_id,
        "2.752",
        "2.752",
        "2.752",
        "mature",
    )
    assert list(fact.indicator_id) == ["performance", "development", "impact"]
    assert list(fact.indicator_score) == ["2.94", "1.84", "3.65"]
    assert fact.inputs_sha256 == kept.inputs_sha256


async def test_a_zero_carbon_park_is_judged_by_its_targets(park: Tenant) -> None:
    """Of 2022: 1,005,954 t over 327,600 tce is 3.07 t/tce, far above the 0.2 of parks of 200,000 to 1,000,000 tce."""
    found = await park.evaluate(system="zero-carbon-park")
    core = found.verdicts[0]
    assert (core.indicator_id, core.target, core.verdict, core.veto) == ("carbon-per-energy", "0.2", "missed", True)
    assert found.verdict == "failed"
    assert Decimal(found.emissions_gap_t_co2e) > 900_000
    assert {each.verdict for each in found.verdicts[2:]} == {"open"}
    assert found.verdicts[1].verdict == "missed"


async def test_thresholds_and_weights_of_the_tenants_own_are_versions_that_stay(park: Tenant) -> None:
    row = pb.Threshold(node_id="65", minimum="0.01", maximum="1", source="a plan")
    given = pb.ThresholdSet(threshold_set_id="plan-1", system_id=GUIDE, origin="synthetic", source="a test", rows=[row])
    request = pb.CreateThresholdSetRequest(threshold_set=given)
    assert (await park.ask("CreateThresholdSet", request)).created
    assert not (await park.ask("CreateThresholdSet", request)).created
    request.threshold_set.rows[0].maximum = "2"
    assert (await reason(park.ask("CreateThresholdSet", request))).reason == "CONTENT_DIFFERS"
    await park.enter(("65", "2022", "0.505"))
    found = await park.evaluate(threshold_set_ids=["plan-1"])
    leaf = next(each for each in found.indicators if each.indicator_id == "65")
    # less is better: 1 − (0.505 − 0.01)/(1 − 0.01) = 0.5
    assert (leaf.score, leaf.threshold_source, found.synthetic) == ("50", "a plan", True)
    equal = await park.evaluate(weight_set_id="equal")
    assert equal.weight_set_id == "equal"
    weights = [pb.Weight(node_id=each, weight=weight) for each, weight in (("performance", "0.4"), ("development", "0.3"))]
    given_weights = pb.WeightSet(weight_set_id="mine", system_id="pdi", method="delphi", source="experts", weights=weights)
    short = await reason(park.ask("CreateWeightSet", pb.CreateWeightSetRequest(weight_set=given_weights)))
    assert short.reason == "WEIGHT_MISSING"
    given_weights.weights.add(node_id="impact", weight="0.2")
    wrong = await reason(park.ask("CreateWeightSet", pb.CreateWeightSetRequest(weight_set=given_weights)))
    assert (wrong.reason, wrong.metadata["found"]) == ("WEIGHTS_NOT_ONE", "0.9")
    given_weights.weights[2].weight = "0.3"
    assert (await park.ask("CreateWeightSet", pb.CreateWeightSetRequest(weight_set=given_weights))).created
    await park.enter(*PDI_A, system="pdi")
    # 0.4·2.94 + 0.3·1.84 + 0.3·3.65
    assert (await park.evaluate(system="pdi", weight_set_id="mine")).total.score == "2.823"
    assert (await reason(park.evaluate(weight_set_id="mine"))).reason == "WEIGHT_SET_NOT_FOUND"


async def test_a_system_of_ones_own_needs_no_code(park: Tenant) -> None:
    nodes = [
        pb.Node(node_id="roof", name_zh="屋顶光伏", name_en="Roof solar", weight="0.7", kind="share", unit="%", direction="+"),
        pb.Node(node_id="noise", name_zh="噪声", name_en="Noise", weight="0.3", kind="amount", unit="dB", direction="-"),
    ]
    given = pb.IndicatorSystem(system_id="my-park", name_zh="本园指标", name_en="Our own", source="ourselves", nodes=nodes)
    assert (await park.ask("CreateIndicatorSystem", pb.CreateIndicatorSystemRequest(system=given))).created
    await park.enter(("roof", "2022", "40"), ("noise", "2022", "60"), system="my-park")
    found = await park.evaluate(system="my-park")
    # noise has no threshold, so that it is unscored
    assert (found.total.score, found.total.coverage_pct, found.total.low, found.total.high) == ("40", "70", "28", "58")
    assert found.indicators[1].missing == "threshold"
    listed = await park.ask("ListIndicatorSystems", pb.ListIndicatorSystemsRequest(), park.reader)
    assert [(each.system_id, each.shipped) for each in listed.systems if not each.shipped] == [("my-park", False)]
    nodes[0].weight = "0.8"
    wrong = pb.IndicatorSystem(system_id="other", name_zh="其他", name_en="Other", source="ourselves", nodes=nodes)
    answer = await reason(park.ask("CreateIndicatorSystem", pb.CreateIndicatorSystemRequest(system=wrong)))
    assert (answer.reason, answer.metadata["node"], answer.metadata["found"]) == ("WEIGHTS_NOT_ONE", "total", "1.1")
    stranger = park.stand.tenant()
    other = await stranger.ask("ListIndicatorSystems", pb.ListIndicatorSystemsRequest())
    assert all(each.shipped for each in other.systems)


async def test_the_difference_of_two_years_is_split_exactly(park: Tenant) -> None:
    await park.enter(("performance", "2021", "2"), ("development", "2021", "1"), system="pdi")
    before = await park.evaluate(2021, system="pdi")
    await park.enter(*PDI_A, system="pdi")
    after = await park.evaluate(2022, system="pdi", weight_set_id="equal")
    request = pb.CompareEvaluationsRequest(park_id=park.park_id, before_id=before.evaluation_id, after_id=after.evaluation_id)
    found = await park.ask("CompareEvaluations", request, park.reader)
    parts = [Decimal(each) for each in (found.value_points, found.weight_points, found.threshold_points, found.coverage_points)]
    # 2.83 − 1.625 over equal and own weights: thirds, which no decimal holds
    assert sum(parts) == Decimal(found.change)
    assert sum(Decimal(each.value_points) for each in found.indicators) == parts[0]
    assert sum(Decimal(each.weight_points) for each in found.indicators) == parts[1]
    assert parts[2] == 0
    assert list(found.only_after) == ["impact"]


async def test_the_cheapest_steps_to_a_target_are_found(park: Tenant) -> None:
    await park.enter(*PDI_A, system="pdi")
    kept = await park.evaluate(system="pdi")
    steps = [
        pb.Step(step_id="solar", indicator_id="performance", change="1", cost_10k_cny="900"),
        pb.Step(step_id="laboratory", indicator_id="development", change="1", cost_10k_cny="400", divisible=True),
    ]
    request = pb.PlanImprovementsRequest(park_id=park.park_id, evaluation_id=kept.evaluation_id, steps=steps, target="2.902")
    found = await park.ask("PlanImprovements", request, park.reader)
    # half of the laboratory: 0.3·0.5 = 0.15 points for 200
    assert [(each.step_id, each.share, each.cost_10k_cny) for each in found.steps] == [("laboratory", "0.5", "200")]
    assert (found.score_before, found.score_after) == ("2.752", "2.902")
    request.target = "4.9"
    assert (await reason(park.ask("PlanImprovements", request))).reason == "TARGET_UNREACHABLE"


async def test_parks_of_a_region_are_ranked_and_a_group_of_one_is_refused(stand: Stand) -> None:
    tenant = stand.tenant()
    await tenant.account.create_park()
    parks = {tenant.park_id: "2", f"{tenant.park_id}-b": "3", f"{tenant.park_id}-c": ""}
    for park_id, points in parks.items():
        each = replace(tenant, account=replace(tenant.account, park_id=park_id))
        await each.account.create_park(region_code="360700" if park_id != f"{tenant.park_id}-c" else "360100")
        if points:
            await each.enter(("performance", "2022", points), ("development", "2022", "1"), ("impact", "2022", "1"), system="pdi")
    request = pb.RankParksRequest(region_code="3607", system_id="pdi", year=2022, draws=50, seed=7)
    found = await tenant.ask("RankParks", request, tenant.reader)
    assert [(each.park_id, each.rank, each.percentile) for each in found.parks] == [
        (f"{tenant.park_id}-b", 1, "100"),
        (tenant.park_id, 2, "0"),
    ]
    assert [(each.rank_low, each.rank_high, each.first_pct) for each in found.parks] == [(1, 1, "100"), (2, 2, "0")]
    request.region_code = "36"
    wider = await tenant.ask("RankParks", request, tenant.reader)
    assert [each.park_id for each in wider.parks][-1] == f"{tenant.park_id}-c"
    last = wider.parks[-1]
    assert [last.HasField(each) for each in ("rank", "score", "rank_low", "rank_high", "percentile", "first_pct")] == [False] * 6
    assert found.flips == wider.flips
    assert await tenant.ask("RankParks", request, tenant.reader) == wider
    request.region_code = "360100"
    assert (await reason(tenant.ask("RankParks", request))).reason == "PEERS_TOO_FEW"
    request.region_code = "36070"
    assert (await reason(tenant.ask("RankParks", request))).metadata["field"] == "region_code"


async def several(stand: Stand, count: int) -> tuple[Tenant, list[str]]:
    """A tenant with parks in one region whose three forces differ, and a value that is missing in every third."""
    tenant = stand.tenant()
    ids = [f"{tenant.park_id}-{number:02}" for number in range(count)]
    for number, park_id in enumerate(ids):
        each = replace(tenant, account=replace(tenant.account, park_id=park_id))
        await each.account.create_park(region_code="360700")
        rows = (("performance", "2022", f"{1 + number % 3}"), ("development", "2022", f"{0.5 + 0.1 * number:.1f}"))
        await each.enter(*rows, *([("impact", "2022", "2.5")] if number % 3 else []), system="pdi")
    return tenant, ids


async def test_a_ranking_says_what_an_evaluation_says_and_what_missing_values_leave(stand: Stand) -> None:
    tenant, ids = await several(stand, 5)
    found = await tenant.ask("RankParks", pb.RankParksRequest(region_code="36", system_id="pdi", year=2022, seed=3), tenant.reader)
    totals = {}
    for park_id in ids:
        each = replace(tenant, account=replace(tenant.account, park_id=park_id))
        totals[park_id] = (await each.evaluate(system="pdi")).total
    for row in found.parks:
        total = totals[row.park_id]
        assert (row.score, row.low, row.high, row.coverage_pct) == (total.score, total.low, total.high, total.coverage_pct)
        better = [each for each in totals.values() if Decimal(each.low) > Decimal(total.high)]
        not_worse = [each for each in totals.values() if Decimal(each.high) >= Decimal(total.low)]
        assert (row.rank_best, row.rank_worst) == (1 + len(better), len(not_worse))
        assert row.rank_best <= row.rank <= row.rank_worst
    assert (found.park_count, found.scored_count, found.weight_set_id, found.synthetic) == (5, 5, "delphi", False)
    assert (found.draws, found.seed, found.spread, found.next_page_token) == (1000, 3, "0.2", "")
    still = await tenant.ask("RankParks", pb.RankParksRequest(region_code="36", system_id="pdi", year=2022, spread="0"))
    assert all(row.rank_low == row.rank == row.rank_high for row in still.parks)


async def test_a_derived_value_counts_in_a_ranking_too(stand: Stand) -> None:
    first = await stand.tenant().settle()
    other = replace(first, account=replace(first.account, park_id=f"{first.park_id}-b"))
    await other.account.create_park(region_code="360700")
    await first.enter(("52", "2022", "99"))
    await other.enter(("52", "2022", "50"))
    found = await first.ask("RankParks", pb.RankParksRequest(region_code="36", system_id=GUIDE, year=2022))
    scores = {row.park_id: row.score for row in found.parks}
    # 12 % of natural gas, and the platform that is in place
    assert scores == {first.park_id: (await first.evaluate()).total.score, other.park_id: "50"}


async def test_a_synthetic_threshold_is_told_wherever_it_counts(stand: Stand) -> None:
    tenant, ids = await several(stand, 3)
    row = pb.Threshold(node_id="impact", minimum="0", maximum="4", source="made up")
    given = pb.ThresholdSet(threshold_set_id="demo", system_id="pdi", origin="synthetic", source="made up", rows=[row])
    await tenant.ask("CreateThresholdSet", pb.CreateThresholdSetRequest(threshold_set=given))
    found = await tenant.ask(
        "RankParks", pb.RankParksRequest(region_code="36", system_id="pdi", year=2022, threshold_set_ids=["demo"])
    )
    assert (found.synthetic, list(found.threshold_set_ids)) == (True, ["demo"])
    each = replace(tenant, account=replace(tenant.account, park_id=ids[1]))
    assert (await each.evaluate(system="pdi", threshold_set_ids=["demo"])).synthetic
    (event,) = [event for event in await stand.told() if event.park_id == ids[1]]
    assert events_pb2.EvaluationScored.FromString(event.data).synthetic


async def test_a_ranking_is_read_by_pages_that_fit_together(stand: Stand) -> None:
    tenant, ids = await several(stand, 7)
    request = pb.RankParksRequest(region_code="36", system_id="pdi", year=2022, draws=20)
    whole = await tenant.ask("RankParks", request, tenant.reader)
    assert len(whole.parks) == 7
    request.page_size = 3
    first = await tenant.ask("RankParks", request, tenant.reader)
    assert first.flips == whole.flips
    # what changes between the pages does not tear them apart
    each = replace(tenant, account=replace(tenant.account, park_id=ids[0]))
    await each.enter(("impact", "2022", "4"), system="pdi")
    parks, page = list(first.parks), first
    while page.next_page_token:
        request.page_token = page.next_page_token
        page = await tenant.ask("RankParks", request, tenant.reader)
        assert (page.park_count, len(page.flips)) == (7, 0)
        parks += page.parks
    assert parks == list(whole.parks)
    # somebody else has no part in what is remembered, and finds another ranking by now
    refused = await reason(tenant.ask("RankParks", request, tenant.manager))
    assert refused.metadata["field"] == "page_token"
    assert "ask for the first page again" in refused.message
    for token in ("3", "x.y", f"3.{'0' * 32}", "٣.aaaa"):
        request.page_token = token
        assert (await reason(tenant.ask("RankParks", request))).metadata["field"] == "page_token"


async def test_peers_make_thresholds(stand: Stand) -> None:
    tenant = stand.tenant()
    await tenant.account.create_park()
    other = replace(tenant, account=replace(tenant.account, park_id=f"{tenant.park_id}-b"))
    await other.account.create_park()
    await tenant.enter(("3", "2022", "40"))
    await other.enter(("3", "2022", "90"))
    given = pb.ThresholdSet(threshold_set_id="peers", system_id=GUIDE, source="two parks")
    request = pb.CreateThresholdSetRequest(threshold_set=given, peer_park_ids=[tenant.park_id, other.park_id], peer_year=2022)
    found = (await tenant.ask("CreateThresholdSet", request)).threshold_set
    assert [(row.node_id, row.minimum, row.maximum) for row in found.rows] == [("3", "40", "90")]
    assert found.origin == "peers"
    one = pb.CreateThresholdSetRequest(threshold_set=given, peer_park_ids=[tenant.park_id], peer_year=2022)
    one.threshold_set.threshold_set_id = "alone"
    refused = await reason(tenant.ask("CreateThresholdSet", one))
    # of the indicator that the most of them have
    assert (refused.reason, refused.metadata["node"], refused.metadata["found"]) == ("PEERS_TOO_FEW", "3", "1")
    row = pb.Threshold(node_id="3", minimum="1", maximum="2", source="mine")
    both = [tenant.park_id, other.park_id]
    for wrong, field in (
        (pb.CreateThresholdSetRequest(threshold_set=given, peer_park_ids=both), "peer_year"),
        (pb.CreateThresholdSetRequest(threshold_set=_set(given, rows=[row]), peer_park_ids=both), "rows"),
        (
            pb.CreateThresholdSetRequest(threshold_set=_set(given, origin="synthetic"), peer_park_ids=both),
            "origin",
        ),
        (pb.CreateThresholdSetRequest(threshold_set=_set(given, origin="peers", rows=[row])), "peer_park_ids"),
        (pb.CreateThresholdSetRequest(threshold_set=given), "rows"),
    ):
        assert (await reason(tenant.ask("CreateThresholdSet", wrong))).metadata["field"] == field


def _set(given: pb.ThresholdSet, **other: Any) -> pb.ThresholdSet:
    return pb.ThresholdSet(threshold_set_id="wrong", system_id=given.system_id, source=given.source, **other)


async def test_another_tenants_park_does_not_exist(stand: Stand, park: Tenant) -> None:
    kept = await park.evaluate()
    stranger = stand.tenant()
    await stranger.account.create_park()
    calls = {
        "ListIndicatorValues": pb.ListIndicatorValuesRequest(park_id=park.park_id, system_id=GUIDE, year=2022),
        "EvaluatePark": pb.EvaluateParkRequest(park_id=park.park_id, system_id=GUIDE, year=2022),
        "GetEvaluation": pb.GetEvaluationRequest(park_id=park.park_id, evaluation_id=kept.evaluation_id),
        "ListEvaluations": pb.ListEvaluationsRequest(park_id=park.park_id),
        "RecordIndicatorValues": pb.RecordIndicatorValuesRequest(park_id=park.park_id, system_id=GUIDE),
    }
    for method, request in calls.items():
        assert (await reason(stranger.ask(method, request))).reason == "PARK_NOT_FOUND"
        assert (await reason(stranger.ask(method, type(request)(**{"park_id": "nowhere"})))).reason == "PARK_NOT_FOUND"
    own = pb.GetEvaluationRequest(park_id=stranger.park_id, evaluation_id=kept.evaluation_id)
    assert (await reason(stranger.ask("GetEvaluation", own))).reason == "EVALUATION_NOT_FOUND"


async def test_roles_scopes_and_bounds_are_held_here_too(park: Tenant) -> None:
    evaluate = pb.EvaluateParkRequest(park_id=park.park_id, system_id=GUIDE, year=2022)
    read_values = pb.ListIndicatorValuesRequest(park_id=park.park_id, system_id=GUIDE, year=2022)
    await park.ask("ListIndicatorValues", read_values, park.reader)
    assert (await reason(park.ask("EvaluatePark", evaluate, park.reader))).reason == "ROLE_MISSING"
    scoped = replace(park.manager, scopes=frozenset({"read"}))
    assert (await reason(park.ask("EvaluatePark", evaluate, scoped))).reason == "SCOPE_MISSING"
    elsewhere = replace(park.reader, parks=frozenset({"another"}))
    assert (await reason(park.ask("ListIndicatorValues", read_values, elsewhere))).reason == "PARK_NOT_FOUND"
    region = replace(park.reader, regions=frozenset({"11"}))
    assert (await reason(park.ask("ListIndicatorValues", read_values, region))).reason == "PARK_NOT_FOUND"
    mill = Caller("mill", park.manager.tenant, frozenset({"enterprise"}), enterprises=frozenset({f"{park.park_id}/mill"}))
    assert (await reason(park.ask("ListIndicatorValues", read_values, mill))).reason == "ROLE_MISSING"
    bound = replace(park.reader, enterprises=mill.enterprises)
    assert (await reason(park.ask("ListIndicatorValues", read_values, bound))).reason == "PARK_NOT_FOUND"
