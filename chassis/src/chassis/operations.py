"""Jobs over the wire: `google.longrunning.Operations`, the same for every service.

An operation is named `operations/<job id>`. Its metadata and its response are `google.protobuf.Struct`; decimals in them are
text. A caller sees the jobs of its tenant, and `platform_operator` those of all; one that is bound to parks sees theirs, and one
that is bound otherwise its own.
"""

import asyncio
import base64
import binascii
import json
from datetime import datetime
from typing import Any, Final

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc  # type: ignore[import-untyped]
from google.protobuf import any_pb2, empty_pb2, message, struct_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]
from sqlalchemy import Table

from chassis import jobs
from chassis.clock import Clock
from chassis.columns import utc_text
from chassis.database import Database
from chassis.errors import RemoteError, to_rpc_status
from chassis.identity import current_caller
from chassis.job_runner import JobRunner
from chassis.jobs import Job, JobNotFound, JobState
from chassis.server import Registration
from chassis.tenancy import Platform, Scope, Tenant
from kernel.access import Caller, Place, sees
from kernel.refusals import Kind, Refusal

OPERATOR_ROLE: Final = "platform_operator"
_PREFIX: Final = "operations/"
_DEFAULT_PAGE: Final = 50
_LARGEST_PAGE: Final = 1000
_LONGEST_WAIT_SECONDS: Final = 60.0


class RequestNotUnderstood(Refusal):
    """A field of a request cannot be read."""

    kind = Kind.INVALID
    reason = "OPERATION_REQUEST_INVALID"


class OperationsServicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # generated without types
    """Answers about the jobs of one service."""

    def __init__(
        self,
        database: Database,
        table: Table,
        runner: JobRunner,
        *,
        clock: Clock,
        error_domain: str,
        wait_poll_seconds: float = 0.25,
    ) -> None:
        """Stores the parts.

        Args:
            database: Of the service.
            table: Made by `jobs.job_table`.
            runner: Told when a job is cancelled.
            clock: For the time of a change.
            error_domain: Names the service in the errors of its jobs.
            wait_poll_seconds: How often `WaitOperation` looks, > 0.
        """
        self._database = database
        self._table = table
        self._runner = runner
        self._clock = clock
        self._error_domain = error_domain
        self._wait_poll_seconds = wait_poll_seconds

    def registration(self) -> Registration:
        """Returns what `GrpcServer` needs to serve this."""
        return Registration(
            "google.longrunning.Operations",
            lambda server: operations_pb2_grpc.add_OperationsServicer_to_server(self, server),
        )

    async def GetOperation(self, request: Any, _context: Any) -> Any:  # noqa: N802 - generated name
        """Returns the operation as it stands."""
        return self._operation(await self._get(request.name))

    async def ListOperations(self, request: Any, _context: Any) -> Any:  # noqa: N802 - generated name
        """Returns operations, the newest first, 50 a page unless told otherwise and 1000 at most; takes no filter.

        A page may hold fewer for a caller that does not see all of its tenant's.
        """
        if request.filter:
            raise RequestNotUnderstood("operations cannot be filtered")
        if request.page_size < 0:
            raise RequestNotUnderstood(f"page_size has to be >= 0, got {request.page_size}")
        limit = min(request.page_size or _DEFAULT_PAGE, _LARGEST_PAGE)
        before = _read_token(request.page_token) if request.page_token else None
        async with self._database.read(_scope()) as session:
            found = await jobs.page(
                session, self._table, tenant_id=_visible_tenant(current_caller()), limit=limit + 1, before=before
            )
        shown = found[:limit]
        return operations_pb2.ListOperationsResponse(
            operations=[self._operation(job) for job in shown if _visible(current_caller(), job)],
            next_page_token=_write_token(shown[-1]) if len(found) > limit else "",
        )

    async def CancelOperation(self, request: Any, _context: Any) -> Any:  # noqa: N802 - generated name
        """Asks for the end of an operation; idempotent, and without effect on one that is done."""
        await self._get(request.name)
        async with self._database.begin(_scope()) as session:
            await jobs.request_cancel(
                session,
                self._table,
                job_id=_job_id(request.name),
                tenant_id=_visible_tenant(current_caller()),
                now=self._clock.now(),
            )
            await session.commit()
        self._runner.notify()
        return empty_pb2.Empty()

    async def DeleteOperation(self, _request: Any, context: Any) -> Any:  # noqa: N802 - generated name
        """Is not offered: what was done stays on record."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "operations are kept")

    async def WaitOperation(self, request: Any, _context: Any) -> Any:  # noqa: N802 - generated name
        """Returns the operation when it is done or `timeout` is over, 60 s at most, whichever comes first."""
        wanted = request.timeout.ToTimedelta().total_seconds() if request.HasField("timeout") else _LONGEST_WAIT_SECONDS
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + min(max(wanted, 0.0), _LONGEST_WAIT_SECONDS)
        while True:
            job = await self._get(request.name)
            remaining = ends_at - loop.time()
            if job.done or remaining <= 0:
                return self._operation(job)
            await asyncio.sleep(min(self._wait_poll_seconds, remaining))

    async def _get(self, name: str) -> Job:
        tenant_id = _visible_tenant(current_caller())
        async with self._database.read(_scope()) as session:
            job = await jobs.get(session, self._table, job_id=_job_id(name), tenant_id=tenant_id)
        if not _visible(current_caller(), job):
            raise JobNotFound(job.job_id)
        return job

    def _operation(self, job: Job) -> Any:
        operation = operations_pb2.Operation(name=_PREFIX + job.job_id, done=job.done)
        metadata = {
            "kind": job.kind,
            "state": job.state.value,
            "progress": job.progress,
            "owner": job.owner,
            "tenant_id": job.tenant_id,
            "park_id": job.park_id,
            "created_time": utc_text(job.created_at),
            "updated_time": utc_text(job.updated_at),
        }
        operation.metadata.CopyFrom(_any(_struct(metadata)))
        if job.state is JobState.SUCCEEDED:
            operation.response.CopyFrom(_any(_struct(dict(job.result or {}))))
        elif job.state is JobState.CANCELLED:
            code: int = grpc.StatusCode.CANCELLED.value[0]
            operation.error.CopyFrom(status_pb2.Status(code=code, message="the job was cancelled"))
        elif job.failure is not None:
            failure = job.failure
            error = RemoteError(kind=failure.kind, reason=failure.reason, message=failure.message, metadata=failure.facts)
            operation.error.CopyFrom(to_rpc_status(error, domain=self._error_domain))
        return operation


def _visible_tenant(caller: Caller) -> str | None:
    return None if OPERATOR_ROLE in caller.roles else caller.tenant


def _visible(caller: Caller, job: Job) -> bool:
    """Says whether a job of a tenant that the caller sees lies within its bounds."""
    if job.owner == caller.subject:
        return True
    # The tenant is decided by the query; the region of the park is not known here.
    return sees(caller, Place(caller.tenant, job.park_id))


def _scope() -> Scope:
    tenant_id = _visible_tenant(current_caller())
    return Platform("operations") if tenant_id is None else Tenant(tenant_id)


def _job_id(name: str) -> str:
    if not name.startswith(_PREFIX):
        raise JobNotFound(name)
    return name.removeprefix(_PREFIX)


def _any(packed: message.Message) -> any_pb2.Any:
    found = any_pb2.Any()
    found.Pack(packed)
    return found


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def _write_token(job: Job) -> str:
    return base64.urlsafe_b64encode(json.dumps([utc_text(job.created_at), job.job_id]).encode()).decode()


def _read_token(token: str) -> tuple[datetime, str]:
    try:
        created_at, job_id = json.loads(base64.urlsafe_b64decode(token.encode()))
        at = datetime.fromisoformat(created_at)
    except (ValueError, TypeError, binascii.Error) as error:
        raise RequestNotUnderstood("page_token is not one of ours") from error
    if at.tzinfo is None or not isinstance(job_id, str):
        raise RequestNotUnderstood("page_token is not one of ours")
    return at, job_id
