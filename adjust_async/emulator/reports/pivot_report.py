"""A report as JSON with totals for each value of the dimensions of its index."""

from typing import Any

from adjust_async.emulator.facts.store import Facts
from adjust_async.emulator.reports.dimensions import Dimension
from adjust_async.emulator.reports.formulas import Number
from adjust_async.emulator.reports.json_report import dimension_writers, make_document, numbers_of
from adjust_async.emulator.reports.question import Question
from adjust_async.emulator.reports.refusals import missing
from adjust_async.emulator.reports.rows import Layout, find_rows


async def make_pivot(facts: Facts, question: Question) -> dict[str, Any]:
    """Make the document; an empty one for a report without rows. Raises a 400 `RefusalError` without an index."""
    if not question.index:
        raise missing(["index"])
    document = await make_document(facts, question)
    if document:
        document["totals_per_dimension"] = {
            dimension.slug: await _totals(facts, question, dimension) for dimension in question.index
        }
    return document


async def _totals(facts: Facts, question: Question, dimension: Dimension) -> dict[str, dict[str, Number]]:
    """Find the figures of each value, out of all its facts and not by adding up rows."""
    (write,) = dimension_writers(question, [dimension])
    layout = Layout((dimension,), question.metrics)
    return {
        write(row.keys[0]): numbers_of(question, row)
        async for piece in find_rows(facts, question, layout)
        for row in piece
    }
