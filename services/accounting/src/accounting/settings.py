"""What the accounting service can be told; read from the environment by main only."""

from chassis.settings import GrpcServiceSettings, environment


class AccountingSettings(GrpcServiceSettings):
    """Variables begin with `ACCOUNTING_`; `ACCOUNTING_DATABASE__URL` sets `database.url`."""

    model_config = environment("ACCOUNTING_")
