"""The rpcs of findings: wire to use case to wire."""

from datetime import UTC, datetime
from typing import Any

import grpc

from accounting.application import findings
from accounting.application.ports import Ports
from accounting.domain.findings import Finding
from chassis.identity import current_caller
from chassis.paging import Paging
from chassis.wire import rfc3339
from parkcarbon.accounting.v1 import accounting_pb2 as pb

_Context = grpc.aio.ServicerContext[Any, Any]
_UNSET_TIME = datetime.min.replace(tzinfo=UTC)


class FindingRpcs:
    """One method per rpc of findings."""

    _ports: Ports

    async def WriteFinding(self, request: pb.WriteFindingRequest, context: _Context) -> pb.WriteFindingResponse:
        """Writes a finding."""
        given = Finding(
            park_id=request.park_id,
            tenant_id="",
            year=0,
            version=0,
            finding_id=request.finding_id,
            number=0,
            kind=request.kind,
            material=request.material,
            item=request.item,
            enterprise_id=request.enterprise_id,
            record_id=request.record_id,
            text=request.text,
            evidence=tuple(request.evidence),
            written_by="",
            written_time=_UNSET_TIME,
        )
        kept, created = await findings.write_finding(self._ports, current_caller(), request.inventory_id, given)
        return pb.WriteFindingResponse(finding=_finding(kept), created=created)

    async def AnswerFinding(self, request: pb.AnswerFindingRequest, context: _Context) -> pb.AnswerFindingResponse:
        """Adds an answer."""
        kept = await findings.answer_finding(
            self._ports,
            current_caller(),
            request.park_id,
            request.inventory_id,
            request.finding_id,
            request.text,
            request.restated_in,
            tuple(request.evidence),
        )
        return pb.AnswerFindingResponse(finding=_finding(kept))

    async def CloseFinding(self, request: pb.CloseFindingRequest, context: _Context) -> pb.CloseFindingResponse:
        """Closes a finding."""
        kept = await findings.close_finding(
            self._ports,
            current_caller(),
            request.park_id,
            request.inventory_id,
            request.finding_id,
            request.conclusion,
            request.text,
        )
        return pb.CloseFindingResponse(finding=_finding(kept))

    async def ListFindings(self, request: pb.ListFindingsRequest, context: _Context) -> pb.ListFindingsResponse:
        """Returns a page of findings."""
        listed = f"{request.park_id}/inventories/{request.inventory_id}/findings"
        page = Paging(listed, request.page_size, request.page_token)
        found = await findings.list_findings(
            self._ports, current_caller(), request.park_id, request.inventory_id, page.after_number(), page.limit
        )
        shown, token = page.cut(found, lambda each: (each.number,))
        return pb.ListFindingsResponse(findings=map(_finding, shown), next_page_token=token)


def _finding(finding: Finding) -> pb.Finding:
    closing = finding.closing
    return pb.Finding(
        park_id=finding.park_id,
        inventory_id=finding.inventory_id,
        finding_id=finding.finding_id,
        number=finding.number,
        kind=finding.kind,
        material=finding.material,
        item=finding.item or None,
        enterprise_id=finding.enterprise_id or None,
        record_id=finding.record_id or None,
        text=finding.text,
        evidence=finding.evidence,
        written_by=finding.written_by,
        written_time=rfc3339(finding.written_time),
        state=finding.state,
        answers=[
            pb.FindingAnswer(
                number=each.number,
                text=each.text,
                restated_in=each.restated_in or None,
                evidence=each.evidence,
                answered_by=each.answered_by,
                answered_time=rfc3339(each.answered_time),
            )
            for each in finding.answers
        ],
        closing=pb.FindingClosing(
            conclusion=closing.conclusion,
            text=closing.text,
            closed_by=closing.closed_by,
            closed_time=rfc3339(closing.closed_time),
        )
        if closing
        else None,
    )
