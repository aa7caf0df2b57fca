"""Accounting over gRPC: one way to ask, and what is more than a question: batches of rows, and long tasks."""

from collections.abc import Sequence
from typing import Any

from google.longrunning import operations_pb2, operations_pb2_grpc  # type: ignore[import-untyped]
from google.protobuf import any_pb2, json_format, struct_pb2

from chassis.channel import Channel
from chassis.errors import RemoteError
from gateway.adapters.generated.accounting import CONTRACT
from gateway.adapters.services import ServiceClient, refuse
from gateway.domain.callers import Caller
from gateway.domain.errors import ServiceRefused
from gateway.domain.push.activity import ActivityRows, BatchOutcome, Outcome, RowProblem
from gateway.domain.push.jobs import Job
from kernel.refusals import Kind
from parkcarbon.accounting.v1 import accounting_pb2 as pb

_OPERATIONS = "operations/"

_OUTCOMES: dict[int, Outcome] = {
    pb.OUTCOME_ACCEPTED: Outcome.ACCEPTED,
    pb.OUTCOME_DUPLICATE: Outcome.DUPLICATE,
    pb.OUTCOME_SUPERSEDED: Outcome.SUPERSEDED,
    pb.OUTCOME_REJECTED: Outcome.REJECTED,
}


class AccountingClient(ServiceClient):
    """An AccountingPort over a channel."""

    def __init__(self, channel: Channel) -> None:
        """Builds the stubs.

        Args:
            channel: To accounting; signs the caller of each call.
        """
        super().__init__(CONTRACT, channel)
        self._operations = operations_pb2_grpc.OperationsStub(channel.grpc)

    async def record_activity(self, caller: Caller, park_id: str, rows: ActivityRows) -> BatchOutcome:
        """Records a batch in one transaction and returns one outcome per row."""
        request = pb.RecordActivityRequest(park_id=park_id, rows=activity_columns(rows))
        found = (await self.call(caller, "RecordActivity", request)).outcomes
        problems = [
            RowProblem(
                row=problem.row_number,
                record_id=problem.record_id,
                reason=problem.reason,
                field=problem.field,
                found=problem.found,
                allowed=problem.allowed,
                message_en=problem.message_en,
                message_zh=problem.message_zh,
            )
            for problem in found.problems
        ]
        return BatchOutcome([_OUTCOMES[outcome] for outcome in found.outcome], problems)

    async def rebuild_sums(self, caller: Caller, park_id: str) -> Job:
        """Starts the job that computes a park's sums anew."""
        found = await self.ask(caller, "RebuildSums", {"park_id": park_id})
        return await self.get_job(caller, found["operation_name"].removeprefix(_OPERATIONS))

    async def get_job(self, caller: Caller, job_id: str) -> Job:
        """Returns a job."""
        request = operations_pb2.GetOperationRequest(name=_OPERATIONS + job_id)
        try:
            answer = await self._channel.call(self._operations.GetOperation, request, caller=caller, idempotent=True)
        except RemoteError as error:
            refuse("accounting", error)
        tenant, job = _job(answer)
        # Accounting shows an operator the jobs of all tenants; here every caller, an operator too, acts in its own.
        if tenant != caller.tenant:
            raise ServiceRefused(Kind.NOT_FOUND, "JOB_NOT_FOUND", f"there is no job {job_id!r}", {"job_id": job_id})
        return job


def activity_columns(rows: ActivityRows) -> pb.ActivityColumns:
    """Returns rows as the wire's columns: texts that repeat are written once and pointed at."""
    return pb.ActivityColumns(
        row_number=rows.row_numbers,
        record_id=pb.TextColumn(values=rows.record_id),
        source_id=_dictionary(rows.source_id),
        period_start=_dictionary(rows.period_start),
        period_end=_dictionary(rows.period_end),
        quantity=pb.TextColumn(values=rows.quantity),
        unit=_dictionary(rows.unit),
        supersedes=_dictionary(rows.supersedes),
        confirmed=_dictionary(rows.confirmed),
    )


def _dictionary(column: Sequence[str]) -> pb.TextColumn:
    # One source, one unit, nothing superseded: cheaper to see than to look up row by row.
    if len(column) > 1 and column.count(column[0]) == len(column):
        # Where a column is left out, every row is empty there.
        return pb.TextColumn(values=column[:1], indices=[0] * len(column)) if column[0] else pb.TextColumn()
    places: dict[str, int] = {}
    indices = [places.setdefault(text, len(places)) for text in column]
    if len(places) == len(column):
        return pb.TextColumn(values=column)
    return pb.TextColumn(values=places, indices=indices)


def _job(operation: operations_pb2.Operation) -> tuple[str, Job]:
    """Returns an operation as a job, with the tenant whose it is."""
    said = _struct(operation.metadata)
    job = Job(
        job_id=operation.name.removeprefix(_OPERATIONS),
        state=str(said.get("state", "")),
        progress=float(said.get("progress", 0.0)),
        result=_struct(operation.response) if operation.HasField("response") else None,
        error={"code": operation.error.code, "message": operation.error.message} if operation.HasField("error") else None,
    )
    return str(said.get("tenant_id", "")), job


def _struct(packed: any_pb2.Any) -> dict[str, Any]:
    struct = struct_pb2.Struct()
    packed.Unpack(struct)
    found: dict[str, Any] = json_format.MessageToDict(struct)
    # A Struct knows no integers: 3 arrives as 3.0.
    return {name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in found.items()}
