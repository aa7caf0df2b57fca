"""Files for people: the report of an evaluation, and the template for entering values."""

from evaluation.application.evaluate import stored_evaluation
from evaluation.application.ports import Documents, Ports
from evaluation.application.selection import Selection, valid_selection
from evaluation.application.systems import system_of
from evaluation.application.values import input_value, shown_values
from evaluation.domain.callers import READ
from evaluation.domain.evaluations import Evaluation, assessed
from kernel.access import Caller, require
from kernel.refusals import InvalidField
from parkcopies.parks import Park

FILE_SECONDS = 20.0


async def render_report(ports: Ports, caller: Caller, park_id: str, evaluation_id: str, language: str) -> bytes:
    """Returns the report of an evaluation as a PDF.

    Raises:
        InvalidField: the language is neither zh nor en.
    """
    park, evaluation = await stored_evaluation(ports, caller, park_id, evaluation_id)
    spoken = valid_language(language)
    return await ports.executor.run(caller, FILE_SECONDS, _reported, ports.documents, evaluation, park, spoken)


def _reported(documents: Documents, evaluation: Evaluation, park: Park, language: str) -> bytes:
    return documents.report(evaluation, assessed(evaluation.inputs), park, language)


async def render_template(ports: Ports, caller: Caller, park_id: str, selection: Selection, language: str) -> bytes:
    """Returns an XLSX for entering a year's values, with what was entered filled in and what the platform has beside it."""
    require(caller, READ)
    park = await ports.parks.reach(caller, park_id)
    valid_selection(selection)
    async with ports.read(caller.tenant) as records:
        system = await system_of(ports.shipped, records.systems, caller, selection.system_id)
        shown = (await shown_values(ports.shipped, ports.clock, records, system, [park], selection.year))[park.park_id]
    found = [value for each in shown for value in (each.value, each.conflicting) if value is not None]
    entered, derived = (
        {value.indicator_id: input_value(value) for value in found if value.origin == origin} for origin in ("manual", "derived")
    )
    make, spoken = ports.documents.template, valid_language(language)
    return await ports.executor.run(caller, FILE_SECONDS, make, system, selection.year, entered, derived, spoken)


def valid_language(language: str) -> str:
    """Returns zh or en; empty is en.

    Raises:
        InvalidField: it is another.
    """
    if language not in ("", "zh", "en"):
        raise InvalidField("language", language, "zh or en", "zh 或 en")
    return language or "en"
