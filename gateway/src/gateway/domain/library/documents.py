"""The library: policies, standards, news, cases and training material, in versions, found in Chinese and English."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gateway.domain.errors import GatewayError

Kind = Literal["policy", "standard", "news", "case", "training"]
KINDS: Sequence[Kind] = get_args(Kind)

MEDIA_TYPES = (
    "application/pdf",
    "text/plain",
    "text/markdown",
    "image/png",
    "image/jpeg",
    "video/mp4",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
)
"""What a file may be; none of them is a page that a browser would run."""

MOST_GRAMS = 40
"""The most pieces of a query that are looked for."""

_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
_WORD = re.compile(r"[^\W_\u3400-\u9fff\uf900-\ufaff]+")


class DocumentUnknown(GatewayError):
    """There is no such document in the caller's tenant, not that version of it, or it has no file."""

    kind = "not_found"

    def __init__(self, found: str) -> None:
        super().__init__("DOCUMENT_NOT_FOUND", found=found)


class DocumentTaken(GatewayError):
    """The document is somebody else's, or the tenant's: the caller reads it and does not change it."""

    kind = "already_exists"

    def __init__(self, document_id: str) -> None:
        super().__init__("DOCUMENT_TAKEN", found=document_id)


class DocumentChangedMeanwhile(GatewayError):
    """Two requests changed one document at the same moment."""

    kind = "conflict"

    def __init__(self, document_id: str) -> None:
        super().__init__("DOCUMENT_CHANGED_MEANWHILE", found=document_id)


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A file of a document.

    Attributes:
        sha256: Of its bytes, hexadecimal; under this name it is kept once, however many documents have it.
    """

    sha256: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Description:
    """What a document is.

    Attributes:
        title: At most 300 characters.
        issuing_body: Who issued it.
        issued_date: YYYY-MM-DD.
        summary: At most 5,000 characters, searched as well.
    """

    kind: Kind
    title: str
    issuing_body: str
    issued_date: str
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A version of a document.

    Attributes:
        version: Counts from 1; a change makes the next, and no version is ever changed.
        saved_time: RFC 3339.
        saved_by: The subject that saved this version.
        owner: Whose the document is in all of its versions: a subject, or "" for the tenant.
    """

    document_id: str
    version: int
    description: Description
    content: StoredContent | None
    saved_time: str
    saved_by: str
    owner: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the library holds and what of it is read, from a month to another.

    Attributes:
        added: Documents by the month in which they came, YYYY-MM.
        views: Views by month.
        top_titles: Id, title and views of the five that were read most.
        top_issuing_bodies: The five issuing bodies of most documents, with how many.
    """

    added: Sequence[tuple[str, int]]
    views: Sequence[tuple[str, int]]
    top_titles: Sequence[tuple[str, str, int]]
    top_issuing_bodies: Sequence[tuple[str, int]]


def grams(text: str) -> list[str]:
    """Returns the pieces by which a text is found: words as they are, Chinese in pairs of characters and each by itself.

    Chinese is written without spaces, and a dictionary of words knows no new ones; pairs find every phrase.

    >>> grams("园区碳排放 GB/T 32150")
    ['区', '区碳', '园', '园区', '排', '排放', '放', '碳', '碳排', '32150', 'gb', 't']
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    chinese = {piece for run in _CJK.findall(plain) for at in range(len(run)) for piece in (run[at], run[at : at + 2])}
    return sorted(chinese) + sorted(set(_WORD.findall(plain)))


def search_terms(query: str) -> list[str]:
    """Returns the pieces that a text must have to be found by a query: of Chinese the pairs, unless there is but one character.

    >>> search_terms("碳排放 Carbon"), search_terms("碳"), search_terms(" ,;")
    (['排放', '碳排', 'carbon'], ['碳'], [])
    """
    plain = unicodedata.normalize("NFKC", query).casefold()
    pairs = {run[at : at + 2] for run in _CJK.findall(plain) for at in range(max(1, len(run) - 1))}
    return (sorted(pairs) + sorted(set(_WORD.findall(plain))))[:MOST_GRAMS]
