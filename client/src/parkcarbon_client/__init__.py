"""Push activity data to a ParkCarbon platform, pull its figures and follow its changes, over HTTP."""

from parkcarbon_client import calls, generated
from parkcarbon_client.aio.client import (
    AsyncParkCarbonClient,
)
from parkcarbon_client.core import representations
from parkcarbon_client.core.answers import (
    ActivityOutcome,
    Job,
    Registered,
    RowProblem,
    RowResult,
)
from parkcarbon_client.core.credentials import (
    ClientCredentials,
    SignedRequests,
)
from parkcarbon_client.core.errors import (
    AnswerNotUnderstood,
    ClientError,
    FieldProblem,
    FileNotReadable,
    JobFailed,
    JobNotFinished,
    ProblemError,
    PushInterrupted,
    ServerUnreachable,
)
from parkcarbon_client.core.receipts import (
    PushProgress,
    Receipt,
)
from parkcarbon_client.core.representations import (
    Table,
    Tagged,
)
from parkcarbon_client.core.retrying import (
    RetryPolicy,
)
from parkcarbon_client.generated import *  # noqa: F403 - exactly what is in its __all__
from parkcarbon_client.services.activity_entries import (
    ActivityRow,
)
from parkcarbon_client.services.indicator_values import (
    EntryProblem,
    RecordedValues,
    given_value,
    indicator_value,
)
from parkcarbon_client.services.platform_answers import (
    AuditEntry,
    AuditPage,
    BodyCount,
    Caller,
    Change,
    ChangePage,
    Delivery,
    Document,
    DocumentFile,
    DocumentStatistics,
    Key,
    Login,
    MonthCount,
    NewKeyMade,
    SavedProfile,
    TitleCount,
    Webhook,
    WebhookProblem,
    Who,
)
from parkcarbon_client.services.platform_entries import (
    MappingProfile,
    NewCaller,
    NewDocument,
    NewKey,
)
from parkcarbon_client.sync.client import (
    ParkCarbonClient,
)

__all__ = [
    "ActivityOutcome",
    "ActivityRow",
    "AnswerNotUnderstood",
    "AsyncParkCarbonClient",
    "AuditEntry",
    "AuditPage",
    "BodyCount",
    "Caller",
    "Change",
    "ChangePage",
    "ClientCredentials",
    "ClientError",
    "Delivery",
    "Document",
    "DocumentFile",
    "DocumentStatistics",
    "EntryProblem",
    "FieldProblem",
    "FileNotReadable",
    "Job",
    "JobFailed",
    "JobNotFinished",
    "Key",
    "Login",
    "MappingProfile",
    "MonthCount",
    "NewCaller",
    "NewDocument",
    "NewKey",
    "NewKeyMade",
    "ParkCarbonClient",
    "ProblemError",
    "PushInterrupted",
    "PushProgress",
    "Receipt",
    "RecordedValues",
    "Registered",
    "RetryPolicy",
    "RowProblem",
    "RowResult",
    "SavedProfile",
    "ServerUnreachable",
    "SignedRequests",
    "Table",
    "Tagged",
    "TitleCount",
    "Webhook",
    "WebhookProblem",
    "Who",
    "calls",
    "given_value",
    "indicator_value",
    "representations",
]
__all__ += generated.__all__
