"""What a program sends to the platform itself: callers, keys, documents, mapping profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class NewCaller:
    """Who may call, and what they may. All bounds hold together; None is none.

    Args:
        name: For people.
        roles: Such as enterprise, park_manager, region_reader.
        parks: Park ids.
        regions: Beginnings of GB/T 2260 codes, 2 to 6 digits.
        enterprises: `<park>/<enterprise>`.
        issuer: An identity provider that vouches for the caller.
        external_subject: Who it is there.
        active: False shuts the caller out.
    """

    name: str
    roles: Sequence[str]
    parks: Sequence[str] | None = None
    regions: Sequence[str] | None = None
    enterprises: Sequence[str] | None = None
    issuer: str = ""
    external_subject: str = ""
    active: bool = True


@dataclass(frozen=True)
class NewKey:
    """A key to make.

    Args:
        name: For people, such as "MES, line 2".
        kind: api, client or signing.
        caller_id: Whose; None for oneself.
        scopes: What it is narrowed to; None for all that its caller may.
        expires_time: At most two years ahead; a year when left out.
    """

    name: str
    kind: str = "api"
    caller_id: str | None = None
    scopes: Sequence[str] | None = None
    expires_time: datetime | None = None


@dataclass(frozen=True)
class NewDocument:
    """What a document of the library is; `kind` is policy, standard, news, case or training, `issued_date` YYYY-MM-DD."""

    kind: str
    title: str
    issuing_body: str
    issued_date: str
    summary: str = ""


@dataclass(frozen=True)
class MappingProfile:
    """How own files are read.

    Args:
        columns: The platform's field of each own heading.
        ignore_other_columns: Whether columns of other names are left out, instead of refusing the file.
        defaults: What a field holds in rows that bring nothing for it.
        units: The unit that each own one stands for.
        utc_offset: For times without one, such as +08:00.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    ignore_other_columns: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    utc_offset: str = ""
