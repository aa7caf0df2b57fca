"""Receipts of parts of an upload in a few bytes a row."""

import zlib

import msgspec

from gateway.domain.push.activity import Outcome, Receipt, RowProblem

_OUTCOMES = tuple(Outcome)


class PartResults(msgspec.Struct, array_like=True):
    """What became of the rows of one part: columns, and a problem for each rejected row."""

    park_id: str
    row_numbers: list[int]
    record_ids: list[str]
    outcomes: list[int]
    problems: list[RowProblem]

    def receipt(self) -> Receipt:
        """Returns them as a receipt."""
        return Receipt(
            self.park_id,
            self.row_numbers,
            self.record_ids,
            [_OUTCOMES[outcome] for outcome in self.outcomes],
            {problem.row: problem for problem in self.problems},
        )


_decoder = msgspec.msgpack.Decoder(PartResults)
_encoder = msgspec.msgpack.Encoder()


def packed(receipt: Receipt) -> bytes:
    """Returns a receipt in a few bytes a row: ids and sentences repeat themselves."""
    numbers = {outcome: number for number, outcome in enumerate(_OUTCOMES)}
    part = PartResults(
        receipt.park_id,
        list(receipt.row_numbers),
        list(receipt.record_ids),
        [numbers[outcome] for outcome in receipt.outcomes],
        list(receipt.problems.values()),
    )
    return zlib.compress(_encoder.encode(part), 1)


def unpacked(part: bytes) -> Receipt:
    """Returns a receipt that was packed."""
    return _decoder.decode(zlib.decompress(part)).receipt()
