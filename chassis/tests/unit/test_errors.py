import base64
from collections.abc import Mapping
from urllib.parse import quote

import grpc
import pytest
from grpc_status import rpc_status

from chassis.errors import CODE_OF_KIND, INTERNAL, RemoteError, from_rpc_error, kind_of, to_rpc_status
from kernel.refusals import Kind, Refusal


class QuantityNegative(Refusal):
    """A refusal as a domain declares it, which knows nothing of the chassis."""

    reason = "QUANTITY_NEGATIVE"

    def __init__(self, kind: str = "invalid", facts: Mapping[str, str] | None = None) -> None:
        super().__init__("quantity must be >= 0 kWh, got -1.0 in row 17", **({"row": "17"} if facts is None else facts))
        self.kind = kind


def sent(error: Exception, domain: str = "accounting.parkcarbon") -> grpc.aio.AioRpcError:
    """The error as it arrives at a caller."""
    status = rpc_status.to_status(to_rpc_status(error, domain=domain))
    return grpc.aio.AioRpcError(
        status.code, grpc.aio.Metadata(), grpc.aio.Metadata(*(status.trailing_metadata or ())), status.details
    )


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("invalid", grpc.StatusCode.INVALID_ARGUMENT),
        ("not_found", grpc.StatusCode.NOT_FOUND),
        ("already_exists", grpc.StatusCode.ALREADY_EXISTS),
        ("conflict", grpc.StatusCode.FAILED_PRECONDITION),
        ("denied", grpc.StatusCode.PERMISSION_DENIED),
        ("unauthenticated", grpc.StatusCode.UNAUTHENTICATED),
        ("exhausted", grpc.StatusCode.RESOURCE_EXHAUSTED),
        ("unavailable", grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_an_error_goes_over_the_wire_and_back_whole(kind: str, code: grpc.StatusCode) -> None:
    on_the_wire = sent(QuantityNegative(kind))
    assert on_the_wire.code() is code
    read = from_rpc_error(on_the_wire)
    assert (read.kind, read.reason, read.domain) == (kind, "QUANTITY_NEGATIVE", "accounting.parkcarbon")
    assert read.message == str(read) == "quantity must be >= 0 kWh, got -1.0 in row 17"
    assert read.facts() == {"row": "17"}


def test_every_kind_has_a_code() -> None:
    assert set(CODE_OF_KIND) == set(Kind)
    assert len(set(CODE_OF_KIND.values())) == len(Kind)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.ABORTED, "conflict"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "unavailable"),
        (grpc.StatusCode.OUT_OF_RANGE, "invalid"),
        (grpc.StatusCode.CANCELLED, "unavailable"),
        (grpc.StatusCode.UNAVAILABLE, "unavailable"),
        (grpc.StatusCode.INTERNAL, INTERNAL),
        (grpc.StatusCode.UNKNOWN, INTERNAL),
        (grpc.StatusCode.UNIMPLEMENTED, INTERNAL),
        (grpc.StatusCode.DATA_LOSS, INTERNAL),
    ],
)
def test_a_bare_code_is_read_by_the_table(code: grpc.StatusCode, kind: str) -> None:
    read = from_rpc_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "details"))
    assert (read.kind, read.reason, read.domain) == (kind, code.name, "")


def test_an_internal_error_keeps_no_detail_of_the_other_side() -> None:
    failed = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), "password=hunter2")
    assert "hunter2" not in str(from_rpc_error(failed))


@pytest.mark.parametrize("error", [ValueError("secret"), QuantityNegative("no such kind"), QuantityNegative(INTERNAL)])
def test_an_error_without_a_kind_tells_only_its_trace(error: Exception) -> None:
    assert kind_of(error) is None
    status = to_rpc_status(error, domain="accounting.parkcarbon", trace_id="abc")
    assert (status.code, status.message, list(status.details)) == (13, "internal error, trace abc", [])


def test_a_remote_error_keeps_its_kind_when_it_is_passed_on() -> None:
    passed_on = from_rpc_error(sent(RemoteError(kind="not_found", reason="PARK_NOT_FOUND", message="no park 7")))
    assert (passed_on.kind, passed_on.reason) == ("not_found", "PARK_NOT_FOUND")


def test_a_fact_is_cut_to_300_characters() -> None:
    read = from_rpc_error(sent(QuantityNegative(facts={"allowed": "x" * 301, "message_zh": "值" * 301, "row": "17"})))
    assert read.facts() == {"allowed": "x" * 300, "message_zh": "值" * 300, "row": "17"}


@pytest.mark.parametrize("character", ["x", "值", "𠀀"])
def test_message_and_facts_are_cut_to_what_a_trailer_holds(character: str) -> None:
    facts = {f"fact_{number}": character * 10_000 for number in range(100)} | {"row": "17"}
    error = RemoteError(kind="invalid", reason="R", message=character * 10_000, metadata=facts)
    status = to_rpc_status(error, domain="accounting.parkcarbon")
    on_the_wire = len(quote(status.message)) + len(base64.b64encode(status.SerializeToString()))
    assert 4096 < on_the_wire < 8192 - 256, "the names of the headers take some room as well"
    assert set(status.message) == {character}


def test_a_fact_that_does_not_fit_leaves_room_for_a_smaller_one() -> None:
    facts = {f"fact_{number}": "值" * 300 for number in range(3)} | {"row": "17"}
    assert set(from_rpc_error(sent(QuantityNegative(facts=facts))).facts()) == {"fact_0", "fact_1", "row"}


def test_more_than_sixteen_facts_are_not_sent() -> None:
    read = from_rpc_error(sent(QuantityNegative(facts={f"fact_{number}": "1" for number in range(17)})))
    assert len(read.facts()) == 16


def test_a_status_that_contradicts_its_trailer_keeps_the_code() -> None:
    trailer = rpc_status.to_status(to_rpc_status(QuantityNegative(), domain="d")).trailing_metadata or ()
    mixed = grpc.aio.AioRpcError(grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), grpc.aio.Metadata(*trailer), "another sentence")
    read = from_rpc_error(mixed)
    assert (read.kind, read.reason) == ("not_found", "NOT_FOUND")
