"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from parkcarbon_client import calls, pulling
from parkcarbon_client.answers import (
    ActivityOutcome,
    ActivityRecord,
    AnnualFigures,
    Change,
    ChangePage,
    Emissions,
    Enterprise,
    Factor,
    FactorSet,
    Finding,
    Indicators,
    Inventory,
    InventoryLine,
    Job,
    Park,
    Publication,
    PublishedEmissions,
    PublishedPark,
    RegionEmissions,
    RegionRelease,
    Registered,
    Replay,
    Source,
    Withdrawal,
)
from parkcarbon_client.calls import Call
from parkcarbon_client.connecting import headers, is_on_this_machine
from parkcarbon_client.entries import (
    ActivityRow,
    NewEnterprise,
    NewFinding,
    NewPark,
    NewSource,
    YearFigures,
)
from parkcarbon_client.errors import ClientError, JobNotFinished, ProblemError, PushInterrupted, ServerUnreachable
from parkcarbon_client.evaluating import Evaluating
from parkcarbon_client.files import PIECE_ROWS, RefusedLine, pieces
from parkcarbon_client.operating import Operating
from parkcarbon_client.receipts import PushProgress, Receipt
from parkcarbon_client.resuming import PushLog, push_of
from parkcarbon_client.retrying import RETRIED_ERRORS, Attempts, RetryPolicy
from parkcarbon_client.whole_files import WholeFile, receipt_of, whole_file

T = TypeVar("T")
LONGEST_POLL_SECONDS = 2.0


class ParkCarbonClient(Evaluating, Operating):
    """Talks to a ParkCarbon platform. Close it, or use it in a `with` statement. May be shared by threads.

    Every method raises ProblemError when the server refuses, ServerUnreachable when no answer comes after every retry, and
    AnswerNotUnderstood when an answer does not have the promised shape.

    >>> with ParkCarbonClient("https://parkcarbon.example", token) as client:  # doctest: +SKIP
    ...     receipt = client.push_file("ganzhou-etdz", "records.csv")

    Args:
        base_url: Where the platform is, such as https://parkcarbon.example.
        token: The bearer token, such as `<key id>.<secret>`; "" for the routes that need none, and with `auth`.
        auth: Says who asks in another way: SignedRequests or ClientCredentials.
        timeout_seconds: How long one attempt may wait for the connection, and for each part of the answer, s, > 0.
        retries: How often and how patiently to ask again after 429, 502, 503, 504 and connection errors; a number of further
            attempts, or a policy.
        language: "zh" or "en": what sentences of the server are in.
        transport: Stands in for the network, for tests and special routes; without one, the environment's proxies are used,
            except for this machine.
        sleep: Waits, s.
    """

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        auth: httpx.Auth | None = None,
        timeout_seconds: float = 60.0,
        retries: int | RetryPolicy = 4,
        language: str = "en",
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if transport is None and is_on_this_machine(base_url):
            transport = httpx.HTTPTransport()
        self.base_url = base_url.rstrip("/")
        self._language = language
        self._policy = retries if isinstance(retries, RetryPolicy) else RetryPolicy(retries)
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=self.base_url, headers=headers(token, language), auth=auth, timeout=timeout_seconds, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def is_up(self) -> bool:
        """Returns whether the platform's process answers; asks once."""
        return self._succeeds(calls.healthy())

    def is_ready(self) -> bool:
        """Returns whether the platform can do its work; asks once."""
        return self._succeeds(calls.ready())

    def openapi(self) -> Mapping[str, Any]:
        """Returns the OpenAPI description of the API."""
        return self.send(calls.openapi())

    def create_park(self, park: NewPark) -> Registered[Park]:
        """Registers a park. The same park again is answered as before; the same id with other content is refused (409)."""
        return self.send(calls.create_park(park))

    def park(self, park_id: str) -> Park:
        """Returns a park."""
        return self.send(calls.park(park_id))

    def iterate_parks(self) -> Iterator[Park]:
        """Yields the parks of the token's tenant in order of id."""
        return self._items(calls.list_parks)

    def create_enterprise(self, park_id: str, enterprise: NewEnterprise) -> Registered[Enterprise]:
        """Registers an enterprise of a park; idempotent like `create_park`."""
        return self.send(calls.create_enterprise(park_id, enterprise))

    def iterate_enterprises(self, park_id: str) -> Iterator[Enterprise]:
        """Yields the enterprises of a park in order of id."""
        return self._items(lambda token: calls.list_enterprises(park_id, token))

    def create_source(self, park_id: str, source: NewSource) -> Registered[Source]:
        """Registers an emission source of a park; idempotent like `create_park`."""
        return self.send(calls.create_source(park_id, source))

    def iterate_sources(self, park_id: str) -> Iterator[Source]:
        """Yields the emission sources of a park in order of id."""
        return self._items(lambda token: calls.list_sources(park_id, token))

    def record_annual_figures(self, park_id: str, year: int, figures: YearFigures) -> AnnualFigures:
        """Records the figures of a year; the same figures again change nothing, others become the next version."""
        return self.send(calls.record_annual_figures(park_id, year, figures))

    def iterate_annual_figures(self, park_id: str) -> Iterator[AnnualFigures]:
        """Yields every version of a park's annual figures, by year, then by version."""
        return self._items(lambda token: calls.list_annual_figures(park_id, token))

    def record_activity(self, park_id: str, rows: Sequence[ActivityRow], *, results: str = "all") -> ActivityOutcome:
        """Sends rows in one request; good rows are kept whatever the others are.

        Args:
            park_id: The park.
            rows: 1 to 100,000 rows.
            results: Which rows the answer lists: "all", "rejected" or "none".
        """
        return self.send(calls.record_activity(park_id, rows, results))

    def push_file(
        self,
        park_id: str,
        path: str | PathLike[str],
        *,
        progress: Callable[[PushProgress], None] | None = None,
        piece_rows: int = PIECE_ROWS,
        profile: str = "",
        log: str | PathLike[str] | None = None,
    ) -> Receipt:
        """Sends a file and returns what became of its rows. Sending it again changes nothing.

        CSV, NDJSON and JSON go in pieces. With a log, a push that was interrupted or killed goes on behind the last piece that was
        answered, and its receipt is that of the whole file; without one all pieces are sent again, which counts nothing twice. A
        workbook or Parquet file goes whole, and a job of the platform records it: who sends the same file again within a day, after
        a crash too, waits for the same job.

        Args:
            park_id: The park.
            path: The file, named *.csv, *.ndjson, *.jsonl or *.json, in UTF-8 (with or without a mark) or GB 18030; or *.xlsx or
                *.parquet.
            progress: Told after each piece.
            piece_rows: Rows in one request, 1 to 100,000.
            profile: The mapping profile that the file is read with; "" for the platform's own headings.
            log: A file that the push keeps what was answered in until it has ended; not used where a file goes whole.

        Raises:
            FileNotReadable: The file is none of these; nothing was sent.
            PushInterrupted: It ended before the last row; it says which rows were answered.
            JobFailed: The platform refused a whole file; it says why.
        """
        file = Path(path)
        whole = whole_file(park_id, file, profile)
        if whole is not None:
            return self._push_whole(whole, progress)
        bytes_total = file.stat().st_size
        push = push_of(file, self.base_url, park_id, profile, piece_rows) if log is not None else {}
        answered = PushLog(Path(log) if log is not None else None, push, park_id)
        for piece in islice(pieces(file, self._language, piece_rows=piece_rows), answered.done, None):
            if isinstance(piece, RefusedLine):
                answered.note(Receipt(park_id).with_refused(piece.result))
            else:
                try:
                    outcome = self.send(calls.send_activity(park_id, piece.body, piece.media_type, "rejected", profile))
                except ClientError as error:
                    raise PushInterrupted(answered.receipt, error) from error
                answered.note(Receipt(park_id).with_outcome(outcome, piece.row_offset))
            if progress is not None:
                progress(PushProgress(piece.bytes_done, bytes_total, answered.receipt))
        answered.end()
        return answered.receipt

    def _push_whole(self, whole: WholeFile, progress: Callable[[PushProgress], None] | None) -> Receipt:
        job = self.job((self.send(whole.submission())).job_id)
        if job.state == "failed":
            # It may be the job of an earlier push that failed for a reason which is over.
            job = self.send(whole.submission(anew=True))
        wait = 0.05
        while not job.ended:
            if progress is not None:
                progress(whole.progress(job))
            self._sleep(wait)
            wait = min(wait * 1.5, LONGEST_POLL_SECONDS)
            job = self.job(job.job_id)
        receipt = receipt_of(job, whole.park_id, ())
        if receipt.rejected:
            receipt = receipt_of(job, whole.park_id, self.job_results(job.job_id, outcome="rejected"))
        if progress is not None:
            progress(PushProgress(len(whole.content), len(whole.content), receipt))
        return receipt

    def iterate_activity_records(self, park_id: str) -> Iterator[ActivityRecord]:
        """Yields a park's records in the order in which they were accepted, superseded ones included."""
        return self._items(lambda token: calls.list_activity_records(park_id, token))

    def emissions(self, park_id: str, from_month: str, to_month: str, *, group_by: Sequence[str] = ()) -> Emissions:
        """Returns exact totals of the records in force.

        Args:
            park_id: The park.
            from_month: YYYY-MM, or YYYY for its January, inclusive, in the park's time zone.
            to_month: The same, exclusive.
            group_by: At most 4 of year, month, scope, item, carrier, gas, sector, enterprise, source.
        """
        return self.send(calls.emissions(park_id, from_month, to_month, group_by))

    def indicators(self, park_id: str, year: int) -> Indicators:
        """Returns a park's own figures of one year: emissions, energy, mix, intensities."""
        return self.send(calls.indicators(park_id, year))

    def close_inventory(self, park_id: str, year: int, *, reason: str = "") -> Registered[Inventory]:
        """Closes the inventory of a year. While nothing has changed it is the one that is closed; else the next version.

        Args:
            park_id: The park.
            year: Which is over.
            reason: Why it is closed again; needed from the second version on.
        """
        return self.send(calls.close_inventory(park_id, year, reason))

    def iterate_inventories(self, park_id: str) -> Iterator[Inventory]:
        """Yields the closed inventories of a park by year, then by version."""
        return self._items(lambda token: calls.list_inventories(park_id, token))

    def inventory(self, park_id: str, inventory_id: str) -> Inventory:
        """Returns a closed inventory with its parts and the rows of factors that it was computed with."""
        return self.send(calls.inventory(park_id, inventory_id))

    def iterate_inventory_lines(self, park_id: str, inventory_id: str) -> Iterator[InventoryLine]:
        """Yields the lines of a closed inventory in the order of their number."""
        return self._items(lambda token: calls.list_inventory_lines(park_id, inventory_id, token))

    def replay_inventory(self, park_id: str, inventory_id: str) -> Replay:
        """Computes a closed inventory again from what it was closed with, and returns where it differs."""
        return self.send(calls.replay_inventory(park_id, inventory_id))

    def write_finding(self, park_id: str, inventory_id: str, finding: NewFinding) -> Registered[Finding]:
        """Writes a finding of a verification about a closed inventory."""
        return self.send(calls.write_finding(park_id, inventory_id, finding))

    def iterate_findings(self, park_id: str, inventory_id: str) -> Iterator[Finding]:
        """Yields the findings about an inventory in the order in which they were written."""
        return self._items(lambda token: calls.list_findings(park_id, inventory_id, token))

    def answer_finding(
        self, park_id: str, inventory_id: str, finding_id: str, *, text: str, restated_in: str = "", evidence: Sequence[str] = ()
    ) -> Finding:
        """Adds what the park's management says to a finding that is not closed.

        Args:
            park_id: The park.
            inventory_id: The inventory that the finding is about.
            finding_id: The finding.
            text: What is said.
            restated_in: The later version of the inventory that the finding led to.
            evidence: Ids of documents.
        """
        return self.send(calls.answer_finding(park_id, inventory_id, finding_id, text, restated_in, evidence))

    def close_finding(self, park_id: str, inventory_id: str, finding_id: str, *, conclusion: str, text: str) -> Finding:
        """Closes a finding as resolved, accepted or unresolved."""
        return self.send(calls.close_finding(park_id, inventory_id, finding_id, conclusion, text))

    def publish_inventory(self, park_id: str, inventory_id: str, *, breakdowns: Sequence[str] = ()) -> Registered[Publication]:
        """Publishes the total of an inventory, as far as no enterprise is shown by it.

        Args:
            park_id: The park.
            inventory_id: Such as 2022-v1.
            breakdowns: Of scope and industry, to be published with it.
        """
        return self.send(calls.publish_inventory(park_id, inventory_id, breakdowns))

    def withdraw_publication(self, park_id: str, inventory_id: str, *, reason: str) -> Withdrawal:
        """Takes a publication back, for good."""
        return self.send(calls.withdraw_publication(park_id, inventory_id, reason))

    def release_regions(self, year: int) -> Registered[RegionRelease]:
        """Releases the sums of a year by region, once."""
        return self.send(calls.release_regions(year))

    def iterate_published_parks(self) -> Iterator[PublishedPark]:
        """Yields the parks of which something is published."""
        return self._items(calls.list_published_parks)

    def iterate_published_emissions(self, park_id: str) -> Iterator[PublishedEmissions]:
        """Yields what of a park is published, a row for each sum."""
        return self._items(lambda token: calls.list_published_emissions(park_id, token))

    def region_emissions(self, region_code: str, year: int) -> RegionEmissions:
        """Returns the released sums of a region and of the regions in it."""
        return self.send(calls.region_emissions(region_code, year))

    def iterate_factor_sets(self) -> Iterator[FactorSet]:
        """Yields the factor sets that a park can choose from."""
        return self._items(calls.list_factor_sets)

    def iterate_factors(self, set_id: str) -> Iterator[Factor]:
        """Yields the factors of a set."""
        return self._items(lambda token: calls.list_factors(set_id, token))

    def if_changed(self, call: Call[T], etag: str = "") -> pulling.Tagged[T] | None:
        """Returns an answer with its entity tag, or None while it is still the one of `etag`.

        >>> known = client.if_changed(calls.park("ganzhou-etdz"))  # doctest: +SKIP
        >>> client.if_changed(calls.park("ganzhou-etdz"), known.etag) is None  # doctest: +SKIP
        True
        """
        return self.send(pulling.if_changed(call, etag))

    def rebuild_sums(self, park_id: str) -> Job:
        """Starts the job that computes a park's sums anew from its records."""
        return self.send(calls.rebuild_sums(park_id))

    def job(self, job_id: str) -> Job:
        """Returns a job."""
        return self.send(calls.job(job_id))

    def wait_for_job(self, job_id: str, *, timeout_seconds: float = 600.0) -> Job:
        """Asks for a job until it has ended, and returns it; whether it succeeded, its state says.

        Args:
            job_id: The job.
            timeout_seconds: How long to wait between asking, in sum, s.

        Raises:
            JobNotFinished: The job still ran when the time was over.
        """
        waited, wait = 0.0, 0.05
        while not (job := self.job(job_id)).ended:
            if waited >= timeout_seconds:
                raise JobNotFinished(job, waited)
            self._sleep(wait)
            waited += wait
            wait = min(wait * 1.5, LONGEST_POLL_SECONDS)
        return job

    def read_changes(self, since: str = "", *, limit: int | None = None) -> ChangePage:
        """Returns what happened after a cursor, "" from the beginning, in an order without gaps."""
        return self.send(calls.changes(since, limit))

    def iterate_change_pages(self, since: str = "", *, limit: int | None = None) -> Iterator[ChangePage]:
        """Yields pages of what happened after a cursor until there is no more; keep each page's `next` once it is applied."""
        more = True
        while more:
            page = self.read_changes(since, limit=limit)
            yield page
            since, more = page.next, page.more

    def iterate_changes(self, since: str = "") -> Iterator[Change]:
        """Yields what happened after a cursor, one fact at a time."""
        for page in self.iterate_change_pages(since):
            yield from page.changes

    def _succeeds(self, call: Call[None]) -> bool:
        try:
            self.send(call)
        except (ProblemError, ServerUnreachable):
            return False
        return True

    def send(self, call: Call[T]) -> T:
        """Sends a call of `calls`, `evaluation_calls` or `operation_calls`, also as `pulling` changes it; returns what it says."""
        attempts = Attempts(self._policy if call.retried else RetryPolicy(0))
        while True:
            try:
                response = self._http.request(
                    call.method, call.path, params=call.params, content=call.content, headers=call.request_headers
                )
            except RETRIED_ERRORS as error:
                wait = attempts.wait_after_error(error, self.base_url)
            else:
                pause = attempts.wait_after_answer(response)
                if pause is None:
                    return calls.read_answer(call, response)
                wait = pause
            self._sleep(wait)
