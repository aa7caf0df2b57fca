from zoneinfo import ZoneInfo

import pytest

from kernel.periods import (
    Month,
    NotAnInstant,
    NotATimeZone,
    OffsetMissing,
    format_instant,
    month_of,
    parse_instant,
    time_zone,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YEAR_2020_IN_SHANGHAI = 1577808000


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-01",
        "2020-01-01T00:00:00+08:00",
        "2019-12-31T16:00:00Z",
        "2019-12-31t16:00:00.000z",
        "2020-01-01T01:00:00+09:00",
    ],
)
def test_spellings_of_one_instant_agree(text: str) -> None:
    assert parse_instant(text, SHANGHAI) == NEW_YEAR_2020_IN_SHANGHAI


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(OffsetMissing):
        parse_instant("2020-01-01T00:00:00", SHANGHAI)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2021-02-29", id="no_leap_day_in_2021"),
        pytest.param("2020-01-01T24:00:00+08:00", id="hour_24"),
        pytest.param("2020-01-01T00:00:60Z", id="second_60"),
        pytest.param("2020-01-01T00:00:00.5Z", id="half_a_second"),
        pytest.param("2020/01/01", id="slashes"),
        pytest.param("2020-1-1", id="short_month"),
        pytest.param("20200101", id="basic_format"),
        pytest.param("2020-01-01 00:00:00+08:00", id="space_for_t"),
        pytest.param("2020-01-01T00:00+08:00", id="no_seconds"),
        pytest.param("２０２０-01-01", id="full_width"),
        pytest.param("", id="empty"),
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(NotAnInstant):
        parse_instant(text, SHANGHAI)


def test_the_leap_day_of_2020_exists() -> None:
    assert format_instant(parse_instant("2020-02-29", SHANGHAI), SHANGHAI) == "2020-02-29T00:00:00+08:00"


def test_months_are_cut_in_the_zone_of_the_place() -> None:
    last_second_of_2019 = NEW_YEAR_2020_IN_SHANGHAI - 1
    assert month_of(last_second_of_2019, SHANGHAI) == Month(2019, 12)
    assert month_of(NEW_YEAR_2020_IN_SHANGHAI, SHANGHAI) == Month(2020, 1)
    assert month_of(NEW_YEAR_2020_IN_SHANGHAI, ZoneInfo("UTC")) == Month(2019, 12)


def test_months_sort_and_number() -> None:
    assert Month(2019, 12) < Month(2020, 1)
    assert Month.from_number(202001) == Month(2020, 1)
    assert Month(2020, 1).number == 202001
    assert str(Month(2020, 1)) == "2020-01"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Asia"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(NotATimeZone):
        time_zone(name)
