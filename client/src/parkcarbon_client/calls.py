"""Every call of the API as a value, for `client.send` and `representations`; see `core.call`."""

# a name of two services would hide one of them; tests/contracts/test_client_coverage.py finds it
from parkcarbon_client.generated.accounting_calls import *  # noqa: F403
from parkcarbon_client.generated.evaluation_calls import *  # noqa: F403
from parkcarbon_client.services.activity_calls import *  # noqa: F403
from parkcarbon_client.services.indicator_value_calls import *  # noqa: F403
from parkcarbon_client.services.platform_calls import *  # noqa: F403
