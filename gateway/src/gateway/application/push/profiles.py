"""Mapping profiles: saved, looked up and applied to rows."""

from collections.abc import AsyncGenerator, AsyncIterator

from gateway.application.ports import UnitsOfWork
from gateway.application.push.services import PushServices
from gateway.domain.callers import Action, Caller
from gateway.domain.push.activity import ReadRows
from gateway.domain.push.profiles import NO_PROFILE, ChosenProfile, MappingProfile, ProfileTaken, ProfileUnknown, SavedProfile
from kernel.access import OF_THE_TENANT, may_change, may_use, owner_of_new


async def applied(parts: AsyncIterator[ReadRows], profile: MappingProfile) -> AsyncGenerator[ReadRows]:
    """Yields the parts with a profile's defaults, units and offset in them."""
    async for part in parts:
        yield part if profile == NO_PROFILE else profile.applied(part)


async def save_profile(
    services: PushServices, caller: Caller, profile_id: str, profile: MappingProfile
) -> tuple[SavedProfile, bool]:
    """Saves a mapping profile as its next version, unless the newest says the same; returns it, and whether it is new.

    Its first version says whose it is; the later ones are saved by the owner, and by callers that no bound holds.

    Raises:
        RoleMissing: The caller may not record.
        FieldsInvalid: The profile could not be applied.
        ProfileTaken: It is somebody else's.
    """
    caller.must(Action.RECORD)
    profile.check()
    async with services.units(caller.tenant) as unit:
        newest = await unit.profiles.newest(caller.tenant, profile_id)
        if newest is not None and not may_change(caller, newest.owner):
            raise ProfileTaken(profile_id)
        if newest is not None and newest.profile == profile:
            return newest, False
        version, owner = (1, owner_of_new(caller)) if newest is None else (newest.version + 1, newest.owner)
        saved = await unit.profiles.add(caller.tenant, profile_id, version, profile, caller.subject, owner)
        await unit.commit()
    return saved, True


async def get_profile(units: UnitsOfWork, caller: Caller, profile_id: str, version: int | None = None) -> SavedProfile:
    """Returns a mapping profile, its newest version unless one is named.

    Raises:
        RoleMissing: The caller may not record.
        ProfileUnknown: There is none for the caller: one of somebody else does not exist.
    """
    caller.must(Action.RECORD)
    async with units.read(caller.tenant) as unit:
        found = (
            await unit.profiles.newest(caller.tenant, profile_id)
            if version is None
            else await unit.profiles.version(caller.tenant, profile_id, version)
        )
    if found is None or not may_use(caller, found.owner):
        raise ProfileUnknown(profile_id if version is None else f"{profile_id}, version {version}")
    return found


async def choose_profile(units: UnitsOfWork, caller: Caller, profile_id: str, version: int | None) -> ChosenProfile:
    """Returns what a push is read with: the profile that it names, or the platform's own names where it names none.

    Raises:
        RoleMissing, ProfileUnknown: As `get_profile`.
    """
    if not profile_id:
        return ChosenProfile()
    found = await get_profile(units, caller, profile_id, version)
    return ChosenProfile(found.profile, found.profile_id, found.version)


async def list_profiles(units: UnitsOfWork, caller: Caller, *, after: str, limit: int) -> tuple[list[SavedProfile], str]:
    """Returns the newest version of each profile that the caller may use, by id, and where the next page begins, "" on the last."""
    caller.must(Action.RECORD)
    owners = frozenset({OF_THE_TENANT, caller.subject}) if caller.is_bound else None
    async with units.read(caller.tenant) as unit:
        found = list(await unit.profiles.list(caller.tenant, owners, after=after, limit=limit + 1))
    more = len(found) > limit
    return found[:limit], found[limit - 1].profile_id if more else ""
