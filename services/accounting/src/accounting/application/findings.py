"""Verifying an inventory: findings are written and closed by a verifier, and answered by the park's management."""

from collections.abc import Sequence
from dataclasses import replace

from accounting.application.inventories import inventory_of
from accounting.application.ports import Account, Clock, UnitOfWork
from accounting.application.register import park_of, read_whole_park
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
from accounting.domain.reference import ReferenceTables
from kernel.access import Caller, require
from kernel.refusals import InvalidField

_CONTENT = ("kind", "material", "item", "enterprise_id", "record_id", "text", "evidence")


async def write_finding(
    uow: UnitOfWork, caller: Caller, inventory_id: str, finding: Finding, *, reference: ReferenceTables, clock: Clock
) -> tuple[Finding, bool]:
    """Writes a finding about an inventory.

    Args:
        uow: the transaction.
        caller: the verifier.
        inventory_id: which inventory of the finding's park.
        finding: what the verifier says; whose it is and when follow from the call.
        reference: the inventory tree.
        clock: tells the time.

    Returns:
        The finding as it is kept, and whether it is new.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, InvalidField: the caller may not, or what it is about does not exist.
        ContentDiffers: the id was written with other content.
    """
    require(caller, VERIFY)
    park = await park_of(uow, caller, finding.park_id)
    whole_park(caller, park.park_id)
    inventory = await inventory_of(uow, park, inventory_id)
    finding = replace(
        valid_finding(finding, reference),
        tenant_id=park.tenant_id,
        year=inventory.year,
        version=inventory.version,
        written_by=caller.subject,
        written_time=clock.now(),
    )
    if finding.enterprise_id and await uow.enterprise(park.park_id, finding.enterprise_id) is None:
        allowed, allowed_zh = "the id of a registered enterprise, or empty", "已登记企业的编号,或为空"
        raise InvalidField("enterprise_id", finding.enterprise_id, allowed, allowed_zh)
    if finding.record_id and not await uow.sources_of_records(park.park_id, [finding.record_id]):
        allowed, allowed_zh = "the id of an accepted record, or empty", "已接收记录的编号,或为空"
        raise InvalidField("record_id", finding.record_id, allowed, allowed_zh)
    await uow.lock(park.park_id)
    before = await uow.findings(park.park_id, inventory.year, inventory.version)
    for kept in before:
        if kept.finding_id == finding.finding_id:
            for name in _CONTENT:
                if getattr(kept, name) != getattr(finding, name):
                    found, recorded = str(getattr(finding, name)), str(getattr(kept, name))
                    raise ContentDiffers("finding", finding.finding_id, name, found, recorded)
            return kept, False
    finding = replace(finding, number=len(before) + 1)
    await uow.add_finding(finding)
    uow.collect(FindingWritten(finding))
    await uow.commit()
    return finding, True


async def _finding(uow: UnitOfWork, park: Park, inventory_id: str, finding_id: str) -> Finding:
    inventory = await inventory_of(uow, park, inventory_id)
    await uow.lock(park.park_id)
    for each in await uow.findings(park.park_id, inventory.year, inventory.version):
        if each.finding_id == finding_id:
            return each
    raise FindingNotFound(finding_id)


async def answer_finding(
    uow: UnitOfWork,
    caller: Caller,
    park_id: str,
    inventory_id: str,
    finding_id: str,
    text: str,
    restated_in: str,
    evidence: Sequence[str],
    *,
    clock: Clock,
) -> Finding:
    """Adds an answer to a finding that is not closed; what the last answer says is not said again.

    Args:
        uow: the transaction.
        caller: who manages the park.
        park_id: the park.
        inventory_id: the inventory that the finding is about.
        finding_id: the finding.
        text: what is said.
        restated_in: the inventory that restates the year because of the finding, or "".
        evidence: ids of documents.
        clock: tells the time.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, FindingNotFound, InvalidField: the caller may not, or there is no such thing.
        FindingIsClosed: nothing is answered any more.
    """
    require(caller, FIGURES)
    park = await park_of(uow, caller, park_id)
    whole_park(caller, park_id)
    valid_text(text)
    documents = valid_evidence(evidence)
    finding = await _finding(uow, park, inventory_id, finding_id)
    if restated_in:
        await _check_restates(uow, park, finding, restated_in)
    last = finding.answers[-1] if finding.answers else None
    if last is not None and (last.text, last.restated_in, last.evidence) == (text, restated_in, documents):
        return finding
    if finding.closing is not None:
        raise FindingIsClosed(finding_id, finding.closing.conclusion)
    answer = Answer(len(finding.answers) + 1, text, restated_in, documents, caller.subject, clock.now())
    await uow.add_answer(finding, answer)
    uow.collect(FindingAnswered(finding, answer))
    await uow.commit()
    return replace(finding, answers=(*finding.answers, answer))


async def _check_restates(account: Account, park: Park, finding: Finding, restated_in: str) -> None:
    """Passes when an inventory is a later version of the finding's year."""
    try:
        later = await inventory_of(account, park, restated_in)
        year, version = inventory_key(restated_in)
    except InventoryNotFound:
        later, year, version = None, 0, 0
    if later is None or year != finding.year or version <= finding.version:
        allowed = f"a later version of {finding.inventory_id}, or empty"
        raise InvalidField("restated_in", restated_in, allowed, f"{finding.inventory_id} 之后的版本,或为空")


async def close_finding(
    uow: UnitOfWork,
    caller: Caller,
    park_id: str,
    inventory_id: str,
    finding_id: str,
    conclusion: str,
    text: str,
    *,
    clock: Clock,
) -> Finding:
    """Closes a finding; the same again is answered as before.

    Raises:
        Denied, ParkNotFound, InventoryNotFound, FindingNotFound, InvalidField: the caller may not, or there is no such thing.
        FindingIsClosed: it was closed otherwise.
    """
    require(caller, VERIFY)
    park = await park_of(uow, caller, park_id)
    whole_park(caller, park_id)
    valid_conclusion(conclusion)
    valid_text(text)
    finding = await _finding(uow, park, inventory_id, finding_id)
    if finding.closing is not None:
        if (finding.closing.conclusion, finding.closing.text) != (conclusion, text):
            raise FindingIsClosed(finding_id, finding.closing.conclusion)
        return finding
    finding = replace(finding, closing=Closing(conclusion, text, caller.subject, clock.now()))
    await uow.add_closing(finding)
    uow.collect(FindingClosed(finding))
    await uow.commit()
    return finding


async def list_findings(
    account: Account, caller: Caller, park_id: str, inventory_id: str, after: int, limit: int
) -> Sequence[Finding]:
    """Returns a page of the findings about an inventory, by number.

    Raises:
        Denied, ParkNotFound, InventoryNotFound: nothing to see for this caller.
    """
    park = await read_whole_park(account, caller, park_id)
    inventory = await inventory_of(account, park, inventory_id)
    found = await account.findings(park.park_id, inventory.year, inventory.version)
    return [each for each in found if each.number > after][:limit]
