"""Verifying an inventory: findings are written and closed by a verifier, and answered by the park's management."""

from collections.abc import Sequence
from dataclasses import replace

from accounting.application.inventories import inventory_of
from accounting.application.ports import Account, Inventories, Ports
from accounting.application.register import park_of, whole_park_of
from accounting.domain.callers import FIGURES, VERIFY, whole_park
from accounting.domain.errors import ContentDiffers, FindingIsClosed, FindingNotFound, InventoryNotFound
from accounting.domain.facts import FindingAnswered, FindingClosed, FindingWritten
from accounting.domain.findings import (
    Answer,
    Closing,
    Finding,
    valid_conclusion,
    valid_evidence,
    valid_finding,
    valid_text,
)
from accounting.domain.inventories import inventory_key
from accounting.domain.parks import Park
from kernel.access import Caller, require
from kernel.refusals import InvalidField

_CONTENT = ("kind", "material", "item", "enterprise_id", "record_id", "text", "evidence")


async def write_finding(ports: Ports, caller: Caller, inventory_id: str, finding: Finding) -> tuple[Finding, bool]:
    """Writes a finding about an inventory.

    Args:
        ports: the account, the inventory tree, the clock.
        caller: the verifier.
        inventory_id: which inventory of the finding's park.
        finding: what the verifier says; whose it is and when follow from the call.

    Returns:
        The finding as it is kept, and whether it is new.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, InvalidField: the caller may not, or what it is about does not exist.
        ContentDiffers: the id was written with other content.
    """
    require(caller, VERIFY)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, finding.park_id)
        whole_park(caller, park.park_id)
        inventory = await inventory_of(uow.inventories, park, inventory_id)
        finding = replace(
            valid_finding(finding, ports.reference),
            tenant_id=park.tenant_id,
            year=inventory.year,
            version=inventory.version,
            written_by=caller.subject,
            written_time=ports.clock.now(),
        )
        if finding.enterprise_id and await uow.enterprises.get(park.park_id, finding.enterprise_id) is None:
            allowed, allowed_zh = "the id of a registered enterprise, or empty", "已登记企业的编号,或为空"
            raise InvalidField("enterprise_id", finding.enterprise_id, allowed, allowed_zh)
        if finding.record_id and not await uow.activity.sources_of(park.park_id, [finding.record_id]):
            allowed, allowed_zh = "the id of an accepted record, or empty", "已接收记录的编号,或为空"
            raise InvalidField("record_id", finding.record_id, allowed, allowed_zh)
        await uow.parks.lock(park.park_id)
        before = await uow.findings.about(park.park_id, inventory.year, inventory.version)
        for kept in before:
            if kept.finding_id == finding.finding_id:
                for name in _CONTENT:
                    if getattr(kept, name) != getattr(finding, name):
                        found, recorded = str(getattr(finding, name)), str(getattr(kept, name))
                        raise ContentDiffers("finding", finding.finding_id, name, found, recorded)
                return kept, False
        finding = replace(finding, number=len(before) + 1)
        await uow.findings.add(finding)
        uow.collect(FindingWritten(finding))
        await uow.commit()
        return finding, True


async def _locked_finding(account: Account, park: Park, inventory_id: str, finding_id: str) -> Finding:
    inventory = await inventory_of(account.inventories, park, inventory_id)
    await account.parks.lock(park.park_id)
    for each in await account.findings.about(park.park_id, inventory.year, inventory.version):
        if each.finding_id == finding_id:
            return each
    raise FindingNotFound(finding_id)


async def answer_finding(
    ports: Ports,
    caller: Caller,
    park_id: str,
    inventory_id: str,
    finding_id: str,
    text: str,
    restated_in: str,
    evidence: Sequence[str],
) -> Finding:
    """Adds an answer to a finding that is not closed; what the last answer says is not said again.

    Args:
        ports: the account, the inventory tree, the clock.
        caller: who manages the park.
        park_id: the park.
        inventory_id: the inventory that the finding is about.
        finding_id: the finding.
        text: what is said.
        restated_in: the inventory that restates the year because of the finding, or "".
        evidence: ids of documents.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, FindingNotFound, InvalidField: the caller may not, or there is no such thing.
        FindingIsClosed: nothing is answered any more.
    """
    require(caller, FIGURES)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, park_id)
        whole_park(caller, park_id)
        valid_text(text)
        documents = valid_evidence(evidence)
        finding = await _locked_finding(uow, park, inventory_id, finding_id)
        if restated_in:
            await _check_restates(uow.inventories, park, finding, restated_in)
        last = finding.answers[-1] if finding.answers else None
        if last is not None and (last.text, last.restated_in, last.evidence) == (text, restated_in, documents):
            return finding
        if finding.closing is not None:
            raise FindingIsClosed(finding_id, finding.closing.conclusion)
        answer = Answer(len(finding.answers) + 1, text, restated_in, documents, caller.subject, ports.clock.now())
        await uow.findings.add_answer(finding, answer)
        uow.collect(FindingAnswered(finding, answer))
        await uow.commit()
        return replace(finding, answers=(*finding.answers, answer))


async def _check_restates(inventories: Inventories, park: Park, finding: Finding, restated_in: str) -> None:
    """Passes when an inventory is a later version of the finding's year."""
    try:
        later = await inventory_of(inventories, park, restated_in)
        year, version = inventory_key(restated_in)
    except InventoryNotFound:
        later, year, version = None, 0, 0
    if later is None or year != finding.year or version <= finding.version:
        allowed = f"a later version of {finding.inventory_id}, or empty"
        raise InvalidField("restated_in", restated_in, allowed, f"{finding.inventory_id} 之后的版本,或为空")


async def close_finding(
    ports: Ports,
    caller: Caller,
    park_id: str,
    inventory_id: str,
    finding_id: str,
    conclusion: str,
    text: str,
) -> Finding:
    """Closes a finding; the same again is answered as before.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, FindingNotFound, InvalidField: the caller may not, or there is no such thing.
        FindingIsClosed: it was closed otherwise.
    """
    require(caller, VERIFY)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, park_id)
        whole_park(caller, park_id)
        valid_conclusion(conclusion)
        valid_text(text)
        finding = await _locked_finding(uow, park, inventory_id, finding_id)
        if finding.closing is not None:
            if (finding.closing.conclusion, finding.closing.text) != (conclusion, text):
                raise FindingIsClosed(finding_id, finding.closing.conclusion)
            return finding
        finding = replace(finding, closing=Closing(conclusion, text, caller.subject, ports.clock.now()))
        await uow.findings.add_closing(finding)
        uow.collect(FindingClosed(finding))
        await uow.commit()
        return finding


async def list_findings(ports: Ports, caller: Caller, park_id: str, inventory_id: str, after: int, limit: int) -> Sequence[Finding]:
    """Returns a page of the findings about an inventory, by number.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    async with ports.read(caller.tenant) as account:
        park = await whole_park_of(account.parks, caller, park_id)
        inventory = await inventory_of(account.inventories, park, inventory_id)
        found = await account.findings.about(park.park_id, inventory.year, inventory.version)
    return [each for each in found if each.number > after][:limit]
