from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from chassis.broker import Message
from chassis.clock import FixedClock, SystemClock
from chassis.events import Event, NotAnEvent, from_message, to_message
from chassis.kafka_settings import KafkaSettings
from chassis.settings import BrokerKind, OneProcessOnly, ServiceSettings, environment
from chassis.topics import TopicRegistry, UnknownTopic, dead_letter_topic

REGISTERED = """{"topics": [{"name": "accounting.activity.v1", "owner": "accounting", "key": "park_id", "partitions": 12,
"retention_days": 30, "messages": ["parkcarbon.accounting.events.v1.ActivityRecorded"], "producers": ["accounting"],
"consumers": ["gateway"]}]}"""


def test_a_registry_is_read_from_json() -> None:
    registry = TopicRegistry.from_json(REGISTERED)
    (topic,) = registry
    assert topic == registry.get("accounting.activity.v1")
    assert (topic.partitions, topic.retention_days, topic.consumers) == (12, 30, ("gateway",))


@pytest.mark.parametrize(("part", "by"), [('"partitions": 12', '"partitions": 0'), ('"owner": "accounting",', ""), ("{", "[")])
def test_a_damaged_registry_is_refused(part: str, by: str) -> None:
    with pytest.raises(ValueError, match=r"partitions|owner|JSON"):
        TopicRegistry.from_json(REGISTERED.replace(part, by, 1))


def test_a_topic_registered_twice_is_refused() -> None:
    topic = next(iter(TopicRegistry.from_json(REGISTERED)))
    with pytest.raises(ValueError, match="twice"):
        TopicRegistry([topic, topic])


def test_dead_letters_have_a_topic_of_their_own() -> None:
    registry = TopicRegistry.from_json(REGISTERED)
    name = dead_letter_topic("accounting.activity.v1", "gateway")
    assert name == "accounting.activity.v1.gateway.dlq"
    assert (registry.get(name).partitions, registry.get(name).retention_days) == (1, 30)
    assert name not in {topic.name for topic in registry}


@pytest.mark.parametrize(
    "name",
    [
        "accounting.activity.v2",
        "accounting.activity.v1.gateway",
        "accounting.activity.v1.dlq",
        "accounting.activity.v1..dlq",
        "accounting.activity.v2.gateway.dlq",
        "",
    ],
)
def test_what_is_not_registered_is_unknown(name: str) -> None:
    with pytest.raises(UnknownTopic):
        TopicRegistry.from_json(REGISTERED).get(name)


@pytest.mark.parametrize("group", ["", "a.b", "Gateway", "a b"])
def test_a_group_that_would_spoil_a_topics_name_is_refused(group: str) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        dead_letter_topic("accounting.activity.v1", group)


EVENT = Event(
    id="e1",
    source="/accounting",
    type="parkcarbon.accounting.events.v1.ActivityRecorded",
    subject="activities/园区",
    time=datetime(2026, 1, 1, 8, 0, 0, 123456, timezone(timedelta(hours=8))),
    topic="accounting.activity.v1",
    key="p1",
    data=b"\x00\xff",
    tenant_id="t1",
    park_id="p1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_an_event_is_a_cloudevent_in_binary_mode() -> None:
    assert to_message(EVENT) == Message(
        topic="accounting.activity.v1",
        key="p1",
        value=b"\x00\xff",
        headers={
            "ce_specversion": b"1.0",
            "ce_id": b"e1",
            "ce_source": b"/accounting",
            "ce_type": b"parkcarbon.accounting.events.v1.ActivityRecorded",
            "ce_subject": "activities/园区".encode(),
            "ce_time": b"2026-01-01T08:00:00.123456+08:00",
            "ce_tenantid": b"t1",
            "ce_parkid": b"p1",
            "content-type": b"application/protobuf",
            "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
    )


AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))


@pytest.mark.parametrize(
    "event",
    [
        EVENT,
        replace(EVENT, subject="", park_id="", traceparent=""),
        replace(EVENT, time=AT),
        replace(EVENT, time=AT.astimezone(UTC)),
        replace(EVENT, time=AT.replace(tzinfo=timezone(timedelta(0), "other"))),
        replace(EVENT, subject="园区/一", tenant_id="赣州", key=""),
    ],
)
def test_an_event_is_written_as_the_library_writes_it(event: Event) -> None:
    attributes = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time,
        "datacontenttype": "application/protobuf",
        "tenantid": event.tenant_id,
        **({"subject": event.subject} if event.subject else {}),
        **({"parkid": event.park_id} if event.park_id else {}),
    }
    theirs = to_binary(CloudEvent(attributes, event.data), JSONFormat(), key_mapper=lambda _: event.key)
    ours = to_message(event)
    assert {name: value for name, value in ours.headers.items() if name != "traceparent"} == theirs.headers
    assert (ours.key, ours.value) == (theirs.key, theirs.value)


def test_an_event_comes_back_as_it_went() -> None:
    bare = Event("e", "/s", "t", "", datetime(2026, 1, 1, tzinfo=UTC), "accounting.activity.v1", "k", b"", "t1")
    assert [from_message(to_message(event)) for event in (EVENT, bare)] == [EVENT, bare]


def without(header: str) -> Mapping[str, bytes]:
    return {name: value for name, value in to_message(EVENT).headers.items() if name != header}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        *(
            pytest.param(without(header), id=f"without_{header}")
            for header in ("ce_id", "ce_source", "ce_type", "ce_time", "ce_tenantid")
        ),
        pytest.param({**to_message(EVENT).headers, "ce_time": b"2026-01-01T00:00:00"}, id="time_without_offset"),
        pytest.param({**to_message(EVENT).headers, "ce_time": b"soon"}, id="time_in_words"),
        pytest.param({**to_message(EVENT).headers, "ce_specversion": b"9.9"}, id="another_version"),
        pytest.param({**to_message(EVENT).headers, "ce_subject": b"\xff"}, id="not_utf_8"),
        pytest.param({**to_message(EVENT).headers, "traceparent": b"\xff"}, id="trace_not_ascii"),
        pytest.param({**to_message(EVENT).headers, "ce_Bad-Name": b"1"}, id="attribute_of_another_shape"),
    ],
)
def test_a_message_that_is_not_an_event_is_told_apart(headers: Mapping[str, bytes]) -> None:
    with pytest.raises(NotAnEvent):
        from_message(Message(EVENT.topic, EVENT.key, EVENT.data, headers))


def test_a_fixed_clock_moves_only_when_it_is_told() -> None:
    clock = FixedClock(datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8))))
    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(timedelta(hours=1))
    assert clock.now() == datetime(2026, 1, 1, 1, tzinfo=UTC)
    assert clock.now().utcoffset() == SystemClock().now().utcoffset() == timedelta(0)


def test_a_clock_cannot_stand_at_a_naive_moment() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 1, 1))  # noqa: DTZ001 - the point


class ExampleSettings(ServiceSettings):
    """Settings of a service."""

    model_config = environment("EXAMPLE_")


def test_settings_come_from_the_environment_by_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_DATABASE__URL", "postgresql://user:hunter2@host/name")
    monkeypatch.setenv("EXAMPLE_SERVER__PORT", "8443")
    monkeypatch.setenv("OTHER_SERVER__PORT", "1")
    settings = ExampleSettings()  # type: ignore[call-arg]  # the environment has the rest
    assert settings.server.port == 8443
    assert settings.database.url.get_secret_value() == "postgresql://user:hunter2@host/name"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [("EXAMPLE_SERVER__PORT", "99999"), ("EXAMPLE_SERVER__PROT", "1"), ("EXAMPLE_DATABASE", "hunter2")],
)
def test_settings_that_make_no_sense_are_refused_without_showing_them(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("EXAMPLE_DATABASE__URL", "sqlite:///hunter2")
    monkeypatch.setenv(name, value)
    with pytest.raises(Exception, match=r"(?i)settings|server|database") as caught:
        ExampleSettings()  # type: ignore[call-arg]
    assert "hunter2" not in str(caught.value)


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_DATABASE__URL", "sqlite:///x")
    settings: Any = ExampleSettings()  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        settings.server = None
    with pytest.raises(ValidationError, match="frozen"):
        settings.server.port = 1


KAFKA = {"bootstrap_servers": "one:9092,two:9092"}
LOGIN = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_user": "accounting", "sasl_password": "hunter2"}


@pytest.mark.parametrize(
    ("told", "because"),
    [
        pytest.param({"bootstrap_servers": "one"}, "bootstrap_servers", id="no_port"),
        pytest.param({**KAFKA, "security_protocol": "SASL_SSL"}, "needs sasl_mechanism", id="nobody_logs_in"),
        pytest.param({**KAFKA, **LOGIN}, "logs nobody in", id="a_login_that_is_ignored"),
        pytest.param({**KAFKA, "ca_file": "ca.pem"}, "encrypts nothing", id="a_certificate_that_is_ignored"),
        pytest.param({**KAFKA, "security_protocol": "SSL", "key_file": "key.pem"}, "go together", id="a_key_without_certificate"),
    ],
)
def test_settings_of_kafka_that_contradict_each_other_are_refused(told: dict[str, Any], because: str) -> None:
    with pytest.raises(ValidationError, match=because):
        KafkaSettings.model_validate(told)


def test_kafkas_password_is_in_no_representation_of_the_settings() -> None:
    settings = KafkaSettings.model_validate({**KAFKA, **LOGIN, "security_protocol": "SASL_SSL"})
    assert settings.sasl_password is not None
    assert settings.sasl_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_the_broker_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    class Example(ServiceSettings):
        model_config = environment("EXAMPLE_")

    monkeypatch.setenv("EXAMPLE_DATABASE__URL", "sqlite:///x")
    assert Example().broker.kind is BrokerKind.EMBEDDED  # type: ignore[call-arg]
    with pytest.raises(OneProcessOnly, match="EXAMPLE_BROKER__KIND=kafka"):
        Example().broker.must_connect_processes("EXAMPLE_")  # type: ignore[call-arg]
    monkeypatch.setenv("EXAMPLE_BROKER__KIND", "kafka")
    with pytest.raises(ValidationError, match="bootstrap_servers"):
        Example()  # type: ignore[call-arg]
    monkeypatch.setenv("EXAMPLE_BROKER__KAFKA__BOOTSTRAP_SERVERS", "kafka:9092")
    told = Example().broker  # type: ignore[call-arg]
    told.must_connect_processes("EXAMPLE_")
    assert told.kafka is not None
    assert told.kafka.bootstrap_servers == "kafka:9092"
