"""Mapping profiles as callers send and see them."""

from typing import Any

from pydantic import ConfigDict, Field

from gateway.api.schemas.model import Answer, RequestBody

_PROFILE: dict[str, Any] = {
    "columns": {"电表": "source_id", "读数": "quantity"},
    "ignore_other_columns": True,
    "defaults": {"unit": "kWh"},
    "units": {"度": "kWh"},
    "utc_offset": "+08:00",
}


class MappingProfileBody(RequestBody):
    """How a sender's own files are read."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROFILE]})

    columns: dict[str, str] = Field(default_factory=dict, description="The field of each own heading")
    ignore_other_columns: bool = Field(default=False, description="Whether columns of other names are left out, not refused")
    defaults: dict[str, str] = Field(default_factory=dict, description="What a field holds where a row brings nothing")
    units: dict[str, str] = Field(default_factory=dict, description="The unit that each own unit stands for")
    utc_offset: str = Field(default="", description="For times without an offset, such as +08:00")


class MappingProfileAnswer(Answer):
    """A version of a mapping profile."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "profile_id": "erp-export",
                    "version": 1,
                    "saved_time": "2026-11-21T02:00:00Z",
                    "saved_by": "erp",
                    **_PROFILE,
                }
            ]
        },
    )

    profile_id: str
    version: int
    saved_time: str
    saved_by: str
    owner: str | None = Field(default=None, description="Whose it is; left out where it is the tenant's")
    columns: dict[str, str]
    ignore_other_columns: bool
    defaults: dict[str, str]
    units: dict[str, str]
    utc_offset: str


class MappingProfilesAnswer(Answer):
    """Mapping profiles in order of id, each in its newest version."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"profiles": [], "next_page_token": ""}]})

    profiles: list[MappingProfileAnswer]
    next_page_token: str
