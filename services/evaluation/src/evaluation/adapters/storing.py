"""What is stored as a document: systems, sets, and the inputs of evaluations, as JSON whose keys are sorted.

Fractions are written as `n/d`, so that reading gives back what was written, exactly.
"""

import hashlib
from fractions import Fraction
from typing import Any, TypeVar

import msgspec

from evaluation.domain.evaluations import Inputs

T = TypeVar("T")


def _encode(value: Any) -> Any:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    raise NotImplementedError(type(value))


def _decode(kind: type, value: Any) -> Any:
    if kind is Fraction:
        return Fraction(value)
    raise NotImplementedError(kind)


_ENCODER = msgspec.json.Encoder(enc_hook=_encode, order="sorted")


def written(value: Any) -> str:
    """Writes a value of the domain as a document."""
    return _ENCODER.encode(value).decode()


def read(document: str, kind: type[T]) -> T:
    """Reads a document back; the inverse of `written`."""
    return msgspec.json.decode(document, type=kind, dec_hook=_decode)


def inputs_sha256(inputs: Inputs) -> str:
    """Returns the SHA-256 of the document of an evaluation's inputs, lower-case hex."""
    return hashlib.sha256(written(inputs).encode()).hexdigest()
