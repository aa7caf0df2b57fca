from fractions import Fraction

import pytest

from kernel.units import UnitOfAnotherDimension, UnitUnknown, all_units, conversion, find_unit, unit_codes


def test_every_unit_has_a_source_and_both_names() -> None:
    units = list(all_units())
    assert len(units) >= 20
    assert all(unit.source and unit.name_zh and unit.name_en and unit.ratio > 0 for unit in units)


@pytest.mark.parametrize(
    ("one", "is_so_many", "of"),
    [
        ("MWh", 1000, "kWh"),
        ("万kWh", 10_000, "kWh"),
        ("kWh", Fraction(36, 10), "MJ"),
        ("GJ", Fraction(10**9, 3_600_000), "kWh"),
        ("万t", 10_000, "t"),
        ("万Nm3", 10_000, "Nm3"),
        ("tce", 1000, "kgce"),
        ("mg", Fraction(1, 10**9), "t"),
    ],
)
def test_conversion_is_exact(one: str, is_so_many: int | Fraction, of: str) -> None:
    assert conversion(find_unit(one), find_unit(of)) == is_so_many


def test_case_matters() -> None:
    with pytest.raises(UnitUnknown):
        find_unit("mwh")


def test_a_unit_of_another_dimension_names_the_allowed_ones() -> None:
    with pytest.raises(UnitOfAnotherDimension) as refused:
        find_unit("kg", "energy")
    assert refused.value.found == "kg"
    assert refused.value.allowed == unit_codes("energy")


def test_a_cubic_metre_is_not_a_normal_cubic_metre() -> None:
    with pytest.raises(UnitOfAnotherDimension):
        conversion(find_unit("m3"), find_unit("Nm3"))
