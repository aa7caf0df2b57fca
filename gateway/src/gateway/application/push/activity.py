"""Activity data that is pushed in."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from gateway.application.ports import AccountingPort
from gateway.application.services import must_see_park
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import GatewayError, PushInterrupted
from gateway.domain.limits import Limits
from gateway.domain.push.activity import NOTHING, BatchOutcome, ReadRows, Receipt, Tally, receipt


async def push_activity(
    accounting: AccountingPort,
    acting: Callable[[], Awaitable[Caller]],
    park_id: str,
    parts: AsyncGenerator[ReadRows],
    take: Callable[[Receipt], Awaitable[None]],
    *,
    limits: Limits,
    before: Tally = NOTHING,
) -> Tally:
    """Sends the rows of a file to accounting, batch by batch while it is being read, and returns how many ended how in all.

    A batch is one transaction. Record ids make the push idempotent: after an interruption the same file is sent again.

    Args:
        accounting: Where the rows go.
        acting: Returns who pushes, with the rights of the moment; asked before each batch, as a file may take hours to arrive.
        park_id: Into which park.
        parts: The file, closed at the end; rows that could not be read appear in the receipts as rejected.
        take: Is given what became of each part, before the next is asked for.
        limits: The size of a batch.
        before: What became of the rows of the file that come before `parts`.

    Raises:
        RoleMissing: The caller may not record.
        AuthorityLapsed: It may not any more; what was recorded before stays.
        PushInterrupted: Accounting failed after at least one batch, or did not answer at all.
        ServiceRefused: Accounting refused the first batch as a whole, such as for a park that does not exist.
        GatewayError: The file broke a rule; `rows_handled` says how many rows came before that.
    """
    tally = before
    recorded_any = False
    try:
        async with aclosing(parts) as reading:
            async for part in reading:
                batches: list[BatchOutcome] = []
                handled = tally.rows
                for batch in part.rows.batches(limits):
                    caller = await _recording(acting)
                    try:
                        batches.append(await accounting.record_activity(caller, park_id, batch))
                    except GatewayError as error:
                        if recorded_any or error.kind == "unavailable":
                            rows = tally.rows + len(part.rows) + len(part.rejected)
                            raise PushInterrupted(rows_handled=handled, rows=rows) from error
                        raise
                    recorded_any = True
                    handled += len(batch)
                if not recorded_any:
                    # Without rows accounting is not asked to record, and would not say that the park is another tenant's.
                    await must_see_park(accounting, await _recording(acting), park_id)
                found = receipt(park_id, part, batches)
                tally = tally.with_receipt(found)
                await take(found)
    except GatewayError as error:
        if tally.rows and error.rows_handled is None:
            error.rows_handled = tally.rows
        raise
    return tally


async def _recording(acting: Callable[[], Awaitable[Caller]]) -> Caller:
    caller = await acting()
    caller.must(Action.RECORD)
    return caller
