"""Routes of mapping profiles."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import PageSize, PageToken, caller_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas.model import ID_PATTERN
from gateway.api.schemas.profiles import MappingProfileAnswer, MappingProfileBody, MappingProfilesAnswer
from gateway.application.push import profiles
from gateway.application.push.services import PushServices
from gateway.domain.callers import Action
from gateway.domain.push.profiles import MappingProfile, SavedProfile

ProfileId = Annotated[str, Path(alias="profile", pattern=ID_PATTERN, description="The profile's id", examples=["erp-export"])]


def router(push_services: PushServices, uploads: Uploads) -> APIRouter:
    """Returns the routes of mapping profiles."""
    routes = APIRouter(prefix="/v1/mapping-profiles", tags=["activity"])

    @routes.put(
        "/{profile}",
        response_model=MappingProfileAnswer,
        status_code=201,
        responses={
            200: {"model": MappingProfileAnswer, "description": "The newest version says the same"},
            **refusals(400, 403, 408, 409, 413, 415, 422, 429),
        },
        openapi_extra=body_of(MappingProfileBody),
    )
    async def save_mapping_profile(request: Request, profile: ProfileId) -> Response:
        """Saves how a sender's own files are read, as the next version of the profile; pushes name it by `?profile=`.

        A profile belongs to the caller that made it, if a bound holds that caller, or else to the tenant, whose callers all may use
        it. Whoever is bound to parks, regions or enterprises changes only its own: `PROFILE_TAKEN`.
        """
        caller = caller_of(request)
        caller.must(Action.RECORD)
        body = await read_json(uploads, request, MappingProfileBody)
        mapping = MappingProfile(body.columns, body.ignore_other_columns, body.defaults, body.units, body.utc_offset)
        saved, new = await profiles.save_profile(push_services, caller, profile, mapping)
        return answer(_profile_members(saved), 201 if new else 200)

    @routes.get("", response_model=MappingProfilesAnswer, responses=refusals(403, 422))
    async def list_mapping_profiles(request: Request, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the mapping profiles that the caller may use, each in its newest version, in order of id.

        These are its own and the tenant's; for whoever is not bound, all of the tenant.
        """
        found, token = await profiles.list_profiles(push_services.units, caller_of(request), after=page_token, limit=page_size)
        return answer({"profiles": [_profile_members(saved) for saved in found], "next_page_token": token})

    @routes.get("/{profile}", response_model=MappingProfileAnswer, responses=refusals(403, 404, 422))
    async def get_mapping_profile(
        request: Request,
        profile: ProfileId,
        version: Annotated[int | None, Query(ge=1, le=10**9, description="Which version; the newest when left out")] = None,
    ) -> Response:
        """Returns a mapping profile."""
        return answer(_profile_members(await profiles.get_profile(push_services.units, caller_of(request), profile, version)))

    return routes


def _profile_members(saved: SavedProfile) -> dict[str, object]:
    profile = saved.profile
    owner = {"owner": saved.owner} if saved.owner else {}
    return {
        "profile_id": saved.profile_id,
        "version": saved.version,
        "saved_time": saved.saved_time,
        "saved_by": saved.saved_by,
        **owner,
        "columns": profile.columns,
        "ignore_other_columns": profile.passes_over_others,
        "defaults": profile.defaults,
        "units": profile.units,
        "utc_offset": profile.utc_offset,
    }
