"""Mapping profiles: saved, looked up and applied to rows."""

from collections.abc import AsyncGenerator, AsyncIterator

from gateway.application.ports import UnitsOfWork
from gateway.application.push.services import PushServices
from gateway.domain.callers import Action, Caller
from gateway.domain.push.activity import ReadRows
from gateway.domain.push.profiles import NO_PROFILE, MappingProfile, ProfileUnknown, SavedProfile


async def applied(parts: AsyncIterator[ReadRows], profile: MappingProfile) -> AsyncGenerator[ReadRows]:
    """Yields the parts with a profile's defaults, units and offset in them."""
    async for part in parts:
        yield part if profile == NO_PROFILE else profile.applied(part)


async def save_profile(
    services: PushServices, caller: Caller, profile_id: str, profile: MappingProfile
) -> tuple[SavedProfile, bool]:
    """Saves a mapping profile as its next version, unless the newest says the same; returns it, and whether it is new.

    Raises:
        RoleMissing: The caller may not record.
        FieldsInvalid: The profile could not be applied.
    """
    caller.must(Action.RECORD)
    profile.check()
    async with services.units(caller.tenant) as unit:
        newest = await unit.profiles.newest(caller.tenant, profile_id)
        if newest is not None and newest.profile == profile:
            return newest, False
        version = 1 if newest is None else newest.version + 1
        saved = await unit.profiles.add(caller.tenant, profile_id, version, profile, caller.subject)
        await unit.commit()
    return saved, True


async def get_profile(units: UnitsOfWork, caller: Caller, profile_id: str, version: int | None = None) -> SavedProfile:
    """Returns a mapping profile, its newest version unless one is named.

    Raises:
        RoleMissing: The caller may not record.
        ProfileUnknown: There is none.
    """
    caller.must(Action.RECORD)
    async with units.read(caller.tenant) as unit:
        found = (
            await unit.profiles.newest(caller.tenant, profile_id)
            if version is None
            else await unit.profiles.version(caller.tenant, profile_id, version)
        )
    if found is None:
        raise ProfileUnknown(profile_id if version is None else f"{profile_id}, version {version}")
    return found


async def list_profiles(units: UnitsOfWork, caller: Caller, *, after: str, limit: int) -> tuple[list[SavedProfile], str]:
    """Returns the newest version of each profile in order of id, and where the next page begins, "" on the last."""
    caller.must(Action.RECORD)
    async with units.read(caller.tenant) as unit:
        found = list(await unit.profiles.list(caller.tenant, after=after, limit=limit + 1))
    more = len(found) > limit
    return found[:limit], found[limit - 1].profile_id if more else ""
