"""Accounting over gRPC, asked on behalf of the caller of the call that is being handled."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from chassis.channel import Channel, SingleAnswer
from chassis.errors import RemoteError
from kernel.access import Caller
from kernel.refusals import Kind, ParkNotFound
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from parkcarbon.accounting.v1 import accounting_pb2_grpc
from parkcopies.parks import Enterprise, Park, ParkAccount, Source, SpanSum, YearFigures
from parkcopies.ports import AccountingUnavailable

A = TypeVar("A")
_PAGE = 1_000
_SUMS_PAGE = 10_000


class AccountingClient:
    """Accounting over a channel."""

    def __init__(self, channel: Channel) -> None:
        """Builds the stub.

        Args:
            channel: To accounting; forwards the statement of the caller.
        """
        self._channel = channel
        self._stub = accounting_pb2_grpc.AccountingServiceStub(channel.grpc)

    async def park_ids(self, caller: Caller) -> Sequence[str] | None:
        """Returns the ids of the caller's parks; None where its credential may not list them."""

        async def page(token: str) -> pb.ListParksResponse:
            return await self._call(self._stub.ListParks, pb.ListParksRequest(page_size=_PAGE, page_token=token), caller, "")

        try:
            return [park.park_id for answer in await _pages(page) for park in answer.parks]
        except RemoteError as error:
            if error.kind != Kind.DENIED:
                raise
            return None

    async def account(self, caller: Caller, park_id: str) -> ParkAccount:
        """Returns a park's account as a whole.

        Raises:
            ParkNotFound: it does not exist for this caller.
            AccountingUnavailable: accounting does not answer.
        """
        stub = self._stub
        found = (await self._call(stub.GetPark, pb.GetParkRequest(park_id=park_id), caller, park_id)).park
        tenant_id = found.tenant_id

        async def enterprises(token: str) -> pb.ListEnterprisesResponse:
            request = pb.ListEnterprisesRequest(park_id=park_id, page_size=_PAGE, page_token=token)
            return await self._call(stub.ListEnterprises, request, caller, park_id)

        async def sources(token: str) -> pb.ListSourcesResponse:
            request = pb.ListSourcesRequest(park_id=park_id, page_size=_PAGE, page_token=token)
            return await self._call(stub.ListSources, request, caller, park_id)

        async def figures(token: str) -> pb.ListAnnualFiguresResponse:
            request = pb.ListAnnualFiguresRequest(park_id=park_id, page_size=_PAGE, page_token=token)
            return await self._call(stub.ListAnnualFigures, request, caller, park_id)

        async def sums(token: str) -> pb.ListSumsResponse:
            request = pb.ListSumsRequest(park_id=park_id, page_size=_SUMS_PAGE, page_token=token)
            return await self._call(stub.ListSums, request, caller, park_id)

        versions = [each for answer in await _pages(figures) for each in answer.annual_figures]
        return ParkAccount(
            park=Park(park_id, tenant_id, found.name_zh, found.name_en, found.region_code, found.time_zone),
            enterprises=tuple(
                Enterprise(park_id, tenant_id, each.enterprise_id)
                for answer in await _pages(enterprises)
                for each in answer.enterprises
            ),
            sources=tuple(
                Source(park_id, tenant_id, each.source_id, each.enterprise_id, each.carrier, each.scope, each.counted_as)
                for answer in await _pages(sources)
                for each in answer.sources
            ),
            figures=tuple(
                YearFigures(park_id, tenant_id, each.year, each.version, each.gross_output_10k_cny, each.gdp_10k_cny)
                for each in {each.year: each for each in sorted(versions, key=lambda each: each.version)}.values()
            ),
            sums=tuple(
                SpanSum(
                    park_id, tenant_id, source_id, first, last, int(emissions_mg), int(energy_mgce), records, answer.last_position
                )
                for answer in await _pages(sums)
                for source_id, first, last, emissions_mg, energy_mgce, records in zip(
                    answer.source_id,
                    answer.first_month,
                    answer.last_month,
                    answer.emissions_mg_co2e,
                    answer.energy_mgce,
                    answer.records,
                    strict=True,
                )
            ),
        )

    async def _call(self, method: SingleAnswer[A], request: Any, caller: Caller, park_id: str) -> A:
        try:
            return await self._channel.call(method, request, caller=caller, idempotent=True)
        except RemoteError as error:
            if error.kind == Kind.NOT_FOUND and park_id:
                raise ParkNotFound(park_id) from error
            if error.kind in (Kind.UNAVAILABLE, Kind.EXHAUSTED):
                raise AccountingUnavailable from error
            raise


async def _pages(page: Callable[[str], Awaitable[Any]]) -> list[Any]:
    found = []
    token = ""
    while True:
        answer = await page(token)
        found.append(answer)
        token = answer.next_page_token
        if not token:
            return found
