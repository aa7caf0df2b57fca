"""The handler of the job that records an upload."""

from collections.abc import Mapping

import msgspec

from chassis.job_runner import JobContext
from chassis.jobs import Json
from gateway.application.push.recording import RecordingServices, Upload, record_upload
from gateway.domain.access.authority import Authority
from gateway.domain.callers import Caller
from gateway.domain.push.media import Media
from gateway.domain.push.profiles import ChosenProfile, MappingProfile


class UploadArguments(msgspec.Struct):
    """The arguments of the job, by the names under which they are stored.

    Attributes:
        encoding: Of the upload as it is stored.
        caller: Who pushed, as it stood then.
        auth_method: By what the caller was authenticated.
        credential: By which one, as `Authority` has it.
        profile_id: Of the mapping profile, "" where none was named.
        profile_version: Of it; 0 where none was named.
    """

    media: Media
    encoding: str
    profile: MappingProfile
    caller: Caller
    park_id: str = ""
    upload_bytes: int = 0
    auth_method: str = msgspec.field(default="", name="way")
    credential: str = ""
    profile_id: str = ""
    profile_version: int = 0


class UploadJobs:
    """Records uploads. A job that was interrupted continues after the last row whose result is stored."""

    def __init__(self, services: RecordingServices) -> None:
        """Works with these."""
        self._services = services

    async def __call__(self, context: JobContext) -> Mapping[str, Json]:
        """Records an upload and returns the counts.

        Raises:
            JobLost: Another attempt has taken the job over.
            GatewayError: The upload broke a rule, or accounting is unavailable; the runner tries again in the second case.
        """
        job = context.job
        arguments = msgspec.convert(job.arguments, UploadArguments)
        upload = Upload(
            job_id=job.job_id,
            attempt=job.attempts,
            park_id=job.park_id,
            media=arguments.media,
            encoding=arguments.encoding,
            size_bytes=arguments.upload_bytes,
            profile=arguments.profile,
            authority=Authority(arguments.caller, arguments.auth_method, arguments.credential),
        )
        chosen = ChosenProfile(arguments.profile, arguments.profile_id, arguments.profile_version)
        return await record_upload(self._services, upload, chosen, context.progress)
