"""Reading the factors that figures are computed with."""

from collections.abc import Sequence

from accounting.application.ports import Ports
from accounting.domain.callers import READ_PUBLISHED
from accounting.domain.factors import Factor, FactorSet
from kernel.access import Caller, require


async def list_factor_sets(ports: Ports, caller: Caller, after: str, limit: int) -> Sequence[FactorSet]:
    """Returns a page of factor sets, by id.

    Raises:
        Denied, OutOfScope: the caller may not.
    """
    require(caller, READ_PUBLISHED)
    return [each for each in ports.book.sets if each.set_id > after][:limit]


async def list_factors(ports: Ports, caller: Caller, set_id: str, after: str, limit: int) -> Sequence[Factor]:
    """Returns a page of the factors of a set, by id.

    Raises:
        Denied, OutOfScope: the caller may not.
        FactorSetNotFound: there is no such set.
    """
    require(caller, READ_PUBLISHED)
    return [each for each in ports.book.factors_of(set_id) if each.factor_id > after][:limit]
