"""Activity data: pushed in, read back."""

from gateway.application.ports import AccountingPort
from gateway.domain.account import ActivityRecord, Page, Paging
from gateway.domain.activity import BatchOutcome, ReadRows, Receipt, receipt
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import GatewayError, PushInterrupted
from gateway.domain.limits import Limits


async def push_activity(accounting: AccountingPort, caller: Caller, park_id: str, read: ReadRows, *, limits: Limits) -> Receipt:
    """Sends the rows of a file to accounting, batch by batch, and returns what became of each.

    A batch is one transaction. Record ids make the push idempotent: after an interruption the same file is sent again.

    Args:
        accounting: Where the rows go.
        caller: Who pushes.
        park_id: Into which park.
        read: The file; rows that could not be read appear in the receipt as rejected.
        limits: The size of a batch.

    Raises:
        RoleMissing: The caller may not record.
        PushInterrupted: Accounting failed after at least one batch, or did not answer at all.
        AccountingRefused: Accounting refused the first batch as a whole, such as for a park that does not exist.
    """
    caller.must(Action.RECORD)
    if not len(read.rows):
        # Without rows accounting is not asked to record, and would not say that the park is another tenant's.
        await accounting.get_park(caller, park_id)
    handled = 0
    batches: list[BatchOutcome] = []
    for batch in read.rows.batches(limits):
        try:
            batches.append(await accounting.record_activity(caller, park_id, batch))
        except GatewayError as error:
            if batches or error.kind == "unavailable":
                raise PushInterrupted(rows_handled=handled, rows=len(read.rows) + len(read.rejected)) from error
            raise
        handled += len(batch)
    return receipt(park_id, read, batches)


async def list_activity_records(accounting: AccountingPort, caller: Caller, park_id: str, paging: Paging) -> Page[ActivityRecord]:
    """Returns the records of a park in the order in which they were accepted."""
    caller.must(Action.READ_OWN)
    return await accounting.list_activity_records(caller, park_id, paging)
