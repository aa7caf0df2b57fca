"""Mapping profiles: the names, units and defaults of a sender's own files, saved once and used with every push."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.errors import FieldProblem, FieldsInvalid, GatewayError
from gateway.domain.push.activity import FIELDS, HEADINGS, ActivityRows, Layout, ReadRows

_OFFSET = re.compile(r"[+-](0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)
_TIME = re.compile(
    r"(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})"
    r"(?:[ T](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?",
    re.ASCII,
)
MOST_ENTRIES = 200
"""The most columns, defaults or units of a profile."""


@dataclass(frozen=True, slots=True)
class MappingProfile:
    """How a sender's own files are read.

    Attributes:
        columns: The field of each own heading. The platform's own headings stay known.
        passes_over_others: Whether columns of other names are left out, instead of refused.
        defaults: What a field holds in rows that bring nothing for it.
        units: The unit that each own unit stands for.
        utc_offset: `±hh:mm`, for times of day that bring no offset; "" refuses those as ever. With it, days and times may also be
            written as `2022/1/31 0:15`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    passes_over_others: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    utc_offset: str = ""

    @property
    def layout(self) -> Layout:
        """The names that the columns of such files have."""
        return Layout({**self.columns, **HEADINGS}, frozenset(self.defaults), self.passes_over_others)

    def check(self) -> None:
        """Refuses a profile that could not be applied.

        Raises:
            FieldsInvalid: Names each entry that is wrong.
        """
        problems: list[FieldProblem] = []

        def refuse(where: str, found: str, allowed: str, allowed_zh: str = "") -> None:
            problems.append(FieldProblem("FIELD_INVALID", where, found[:200], allowed, allowed_zh))

        for name, entries in (("columns", self.columns), ("defaults", self.defaults), ("units", self.units)):
            if len(entries) > MOST_ENTRIES:
                refuse(name, str(len(entries)), f"at most {MOST_ENTRIES} entries", f"至多 {MOST_ENTRIES} 项")
            for key, value in list(entries.items())[:MOST_ENTRIES]:
                for text in (key, value):
                    if not text.strip() or len(text) > 200 or not text.isprintable():
                        refuse(name, repr(text), "1 to 200 printable characters", "1 至 200 个可打印字符")
        for heading, named in self.columns.items():
            if named not in FIELDS:
                refuse(f"columns.{heading[:50]}", named, ", ".join(FIELDS))
            if HEADINGS.get(heading, named) != named:
                refuse("columns", heading, "a heading that is none of the platform's own", "平台自有列名以外的列名")
        for named in self.defaults:
            if named not in FIELDS or named in ("record_id", "confirmed"):
                allowed = ", ".join(name for name in FIELDS if name not in ("record_id", "confirmed"))
                refuse("defaults", named, allowed)
        if self.utc_offset and _OFFSET.fullmatch(self.utc_offset) is None:
            refuse("utc_offset", self.utc_offset, "±hh:mm, such as +08:00", "±hh:mm,如 +08:00")
        if problems:
            raise FieldsInvalid(problems[:20])

    def applied(self, read: ReadRows) -> ReadRows:
        """Returns rows with the profile's defaults, units and offset in them."""
        rows = read.rows
        columns: dict[str, Sequence[str]] = {name: getattr(rows, name) for name in FIELDS}
        for name, value in self.defaults.items():
            columns[name] = [cell if cell and not cell.isspace() else value for cell in columns[name]]
        if self.units:
            columns["unit"] = [self.units.get(cell.strip(), cell) for cell in columns["unit"]]
        if self.utc_offset:
            for name in ("period_start", "period_end"):
                # A file of readings repeats its instants; each is written once.
                written = {cell: self._instant(cell) for cell in set(columns[name])}
                columns[name] = [written[cell] for cell in columns[name]]
        return ReadRows(ActivityRows(rows.row_numbers, **columns), read.rejected)

    def _instant(self, cell: str) -> str:
        found = _TIME.fullmatch(cell.strip())
        if found is None:
            return cell
        day = f"{found['year']}-{int(found['month']):02d}-{int(found['day']):02d}"
        if found["hour"] is None:
            return day
        return f"{day}T{int(found['hour']):02d}:{found['minute']}:{found['second'] or '00'}{self.utc_offset}"


NO_PROFILE = MappingProfile()
"""The platform's own names, and nothing filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedProfile:
    """A profile under its id; a change makes the next version, and no version is ever changed.

    Attributes:
        version: Counts from 1.
        saved_time: RFC 3339.
        saved_by: The subject that saved this version.
        owner: Whose the profile is in all of its versions: a subject, or "" for the tenant.
    """

    profile_id: str
    version: int
    profile: MappingProfile
    saved_time: str
    saved_by: str
    owner: str


@dataclass(frozen=True, slots=True)
class ChosenProfile:
    """What a push is read with: the profile as it stood when it was named, and which that was.

    Attributes:
        profile_id: "" where none was named.
        version: 0 where none was named.
    """

    profile: MappingProfile = NO_PROFILE
    profile_id: str = ""
    version: int = 0

    @property
    def members(self) -> dict[str, str | int]:
        """What a receipt says of it: nothing where none was named."""
        return {"profile_id": self.profile_id, "profile_version": self.version} if self.profile_id else {}


class ProfileUnknown(GatewayError):
    """There is no such mapping profile for the caller, or not that version of it."""

    kind = "not_found"

    def __init__(self, found: str) -> None:
        super().__init__("PROFILE_NOT_FOUND", found=found)


class ProfileTaken(GatewayError):
    """The id is that of somebody else's profile, of which nothing is told."""

    kind = "already_exists"

    def __init__(self, profile_id: str) -> None:
        super().__init__("PROFILE_TAKEN", found=profile_id)


class ProfileChangedMeanwhile(GatewayError):
    """Two requests saved the same profile at the same moment."""

    kind = "conflict"

    def __init__(self, profile_id: str) -> None:
        super().__init__("PROFILE_CHANGED_MEANWHILE", found=profile_id)
