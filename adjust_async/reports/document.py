"""The documents that the Report Service answers with, opened and checked."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adjust_async._checks import shown
from adjust_async.reports.cells import number

__all__ = ["ReportError", "ReportPart", "open_report", "unfold"]


class ReportError(Exception):
    """A document that is no report: `location` tells where, `problem` what."""

    def __init__(self, problem: str, location: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.location = location


class ReportPart(NamedTuple):
    """One answer of the service: for one app and window, or for all that was asked for.

    Attributes:
        app_token: The app; `None` where the answer is not for one app alone.
        date_period: The range that it is for.
        rows: The rows as the service gave them.
        totals: The service's own totals. They need not be the sum of the rows, and those of parts don't add up.
        warnings: What the service remarked.
        extra: What else it said, such as `currencies`.
    """

    app_token: str | None
    date_period: str | None
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    warnings: list[Any]
    extra: dict[str, Any]


def open_report(document: Any, app_token: str | None, date_period: str | None) -> ReportPart:
    """Open an answer of the Report Service, and check all of it.

    Raises:
        ReportError: It is of another shape.
    """
    if not isinstance(document, Mapping):
        raise ReportError(f"expected an object, found {shown(document)}", "$")
    rows = document.get("rows")
    if rows is None and (words := document.get("error_desc") or document.get("error")):
        raise ReportError(f"the answer is an error in spite of its status: {words}", "$")
    if not isinstance(rows, list):
        raise ReportError(f"expected a list of rows, found {shown(rows)}", "$.rows")
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ReportError(f"expected an object, found {shown(row)}", f"$.rows[{index}]")
        if app_token is not None and row.get("app_token") not in (None, app_token):
            problem = f"expected the figures of app {app_token!r}, found those of {shown(row['app_token'])}"
            raise ReportError(problem, f"$.rows[{index}].app_token")
    totals = document.get("totals")
    if not isinstance(totals, (Mapping, type(None))):
        raise ReportError(f"expected an object, found {shown(totals)}", "$.totals")
    warnings: list[Any] = []
    for key in ("warnings", "data_warnings"):
        told = document.get(key) or []
        warnings += told if isinstance(told, list) else [told]
    if pagination := document.get("pagination"):
        # It was never seen to be anything but null; rows that are missing must not go unnoticed.
        warnings.append(f"the service says that the rows are one page of several: pagination is {shown(pagination)}")
    return ReportPart(
        app_token,
        date_period,
        rows,
        {key: number(value) for key, value in (totals or {}).items()},
        warnings,
        {key: value for key, value in document.items() if key not in {"rows", "totals", "warnings", "data_warnings"}},
    )


def unfold(rows: Sequence[Any], index: Sequence[str]) -> list[Any]:
    """Bring the rows of a pivot report into one list, where they hang below the values of the index.

    The rows are documented as flat. Live clients also saw each below its value, as in `{"2026-01-01": {...}}`, and
    several of them there in a list.
    """
    if not index:
        return list(rows)
    dimension, below = index[0], index[1:]
    flat: list[Any] = []
    for row in rows:
        if not isinstance(row, Mapping) or dimension in row or not _hangs(row):
            flat.append(row)
            continue
        for value, inner in row.items():
            nested = inner if isinstance(inner, list) else [inner]
            flat += [
                {dimension: value, **part} if isinstance(part, Mapping) else part for part in unfold(nested, below)
            ]
    return flat


def _hangs(row: Mapping[str, Any]) -> bool:
    """Whether a row has nothing but rows below values."""
    return bool(row) and all(isinstance(inner, (Mapping, list)) for inner in row.values())
