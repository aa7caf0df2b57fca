"""Batches on the wire, by column, to and from the domain."""

import numpy as np
from numpy.typing import NDArray

from accounting.domain.batches import ActivityColumns, TextColumn
from accounting.domain.record import BatchResult, Outcome
from kernel.refusals import InvalidField
from parkcarbon.accounting.v1 import accounting_pb2 as pb

_WIRE_OUTCOME = {
    Outcome.ACCEPTED: pb.OUTCOME_ACCEPTED,
    Outcome.DUPLICATE: pb.OUTCOME_DUPLICATE,
    Outcome.SUPERSEDED: pb.OUTCOME_SUPERSEDED,
    Outcome.REJECTED: pb.OUTCOME_REJECTED,
}


def read_columns(rows: pb.ActivityColumns) -> ActivityColumns:
    """Reads a batch off the wire.

    A column that is left out is empty in every row; the rules then say what is missing.

    Raises:
        InvalidField: a column is not as long as row_number, or an index points beyond its values.
    """
    count = len(rows.row_number)

    def column(name: str) -> TextColumn:
        wire: pb.TextColumn = getattr(rows, name)
        if wire.indices:
            # Numpy reads a repeated field as a buffer, ten times faster than number by number.
            indices: NDArray[np.intp] = np.array(wire.indices, dtype=np.intp)
            if len(indices) != count or (count and int(indices.max()) >= len(wire.values)):
                raise InvalidField(
                    f"rows.{name}.indices",
                    str(len(indices)),
                    f"{count} indices below {len(wire.values)}",
                    f"{count} 个小于 {len(wire.values)} 的下标",
                )
            return TextColumn(wire.values[:], indices)
        if not wire.values:
            return TextColumn([""], np.zeros(count, dtype=np.intp))
        if len(wire.values) != count:
            raise InvalidField(
                f"rows.{name}.values",
                str(len(wire.values)),
                f"{count} values, one per row_number",
                f"{count} 个值,与 row_number 逐行对应",
            )
        return TextColumn(wire.values[:])

    return ActivityColumns(
        row_number=rows.row_number[:],
        record_id=column("record_id"),
        source_id=column("source_id"),
        period_start=column("period_start"),
        period_end=column("period_end"),
        quantity=column("quantity"),
        unit=column("unit"),
        supersedes=column("supersedes"),
        confirmed=column("confirmed"),
    )


def write_outcomes(result: BatchResult) -> pb.RowOutcomes:
    """Writes what became of each row."""
    outcomes = [_WIRE_OUTCOME[outcome] for outcome in result.outcomes]
    return pb.RowOutcomes(
        outcome=outcomes,
        problems=[
            pb.RowProblem(
                row_number=problem.row_number,
                record_id=problem.record_id,
                reason=problem.reason,
                field=problem.field,
                found=problem.found,
                allowed=problem.allowed,
                message_en=problem.message_en,
                message_zh=problem.message_zh,
            )
            for _, problem in sorted(result.problems.items())
        ],
    )
