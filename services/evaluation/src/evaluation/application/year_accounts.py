"""What is known of parks' years: the copies of accounting's figures, and what this service and the gateway add to them."""

from collections.abc import Mapping, Sequence

from evaluation.application.ports import Records
from evaluation.domain.derivation import YearAccount


async def year_accounts(records: Records, park_ids: Sequence[str], year: int) -> Mapping[str, YearAccount]:
    """Returns what is known of a year of each park."""
    sources = await records.parks.sources(park_ids)
    sums = await records.parks.sums(park_ids, year * 100 + 1, year * 100 + 12)
    figures = await records.parks.figures(park_ids, year)
    enterprises = await records.parks.enterprise_counts(park_ids)
    platforms = await records.platforms.seen_until(park_ids, year)
    assessments = await records.evaluations.counts(park_ids, year)
    return {
        park_id: YearAccount(
            year=year,
            sources={each.source_id: each for each in sources.get(park_id, [])},
            enterprises=enterprises.get(park_id, 0),
            sums=sums.get(park_id, []),
            figures=figures.get(park_id),
            assessments=assessments.get(park_id, 0),
            platforms=platforms.get(park_id, ()),
        )
        for park_id in park_ids
    }
