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


class StoredInputsChanged(Exception):
    """What an evaluation stands on is not what it was made of: somebody went past the service."""


def inputs_sha256(inputs: Inputs) -> str:
    """Returns the SHA-256 of the document of an evaluation's inputs, lower-case hex."""
    return _sha256(written(inputs))


def read_inputs(document: str, sha256: str) -> Inputs:
    """Reads back the inputs of an evaluation.

    Raises:
        StoredInputsChanged: the document has another SHA-256 than the one that it was stored, and told, with.
    """
    if _sha256(document) != sha256:
        raise StoredInputsChanged(sha256)
    return read(document, Inputs)


def _sha256(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()
