"""The published account of Ganzhou, as facts.

Source: Wang et al. 2024, tables 4 to 7, DOI 10.16516/j.ceec.2023-311; the quantities follow from its shares of energy and its
coefficients of standard coal.
"""

from decimal import Decimal

QUANTITIES = {
    # year: electricity MWh, natural gas 10^4 Nm3, refined oil t
    2020: ("882077.299", "2676.0902", "103810.000"),
    2021: ("971033.360", "2932.3308", "113374.150"),
    2022: ("1052105.126", "2955.7895", "108152.571"),
}
GROSS_OUTPUT_10K_CNY = {2020: "7070000", 2021: "9547000", 2022: "11620000"}
PUBLISHED_EMISSIONS_10K_T = {2020: Decimal("88.87"), 2021: Decimal("97.50"), 2022: Decimal("100.60")}
EMISSIONS_10K_T = {2020: "88.7874", 2021: "97.4350", 2022: "100.5954"}
ENERGY_10K_TCE = {2020: "29.66", 2021: "32.50", 2022: "32.76"}
INTENSITY_T_PER_10K_CNY = {2020: "0.125583", 2021: "0.102058", 2022: "0.086571"}


def rows() -> list[dict[str, str]]:
    """Returns the nine records of the three years."""
    return [
        {
            "record_id": f"{source}-{year}",
            "source_id": source,
            "period_start": f"{year}-01-01",
            "period_end": f"{year + 1}-01-01",
            "quantity": quantity,
            "unit": unit,
        }
        for year, quantities in QUANTITIES.items()
        for source, quantity, unit in zip(("electricity", "gas", "oil"), quantities, ("MWh", "万Nm3", "t"), strict=True)
    ]


def csv_text() -> str:
    """Returns the same records as a CSV file."""
    names = ["record_id", "source_id", "period_start", "period_end", "quantity", "unit"]
    return "\n".join([",".join(names), *(",".join(row[name] for name in names) for row in rows())]) + "\n"
