"""The JSON documents of the Report Service: their check, and the flattening of pivots."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adjust_async._checks import shown
from adjust_async.errors import MalformedError
from adjust_async.reports.cells import number

__all__ = ["ReportPart", "open_report", "unfold"]


class ReportPart(NamedTuple):
    """One answer of the service: for one app and window, or for the whole question.

    Attributes:
        app_token: The app; `None` where the answer is not for one app alone.
        date_period: The days of the answer.
        rows: The rows as the service sent them.
        totals: The service's own totals. They need not be the sum of the rows, and those of parts are not additive.
        warnings: The service's warnings.
        extra: The rest of the answer, such as `currencies`.
    """

    app_token: str | None
    date_period: str | None
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    warnings: list[Any]
    extra: dict[str, Any]


def open_report(document: Any, app_token: str | None, date_period: str | None) -> ReportPart:
    """Check all of an answer of the Report Service, and return it.

    Raises:
        MalformedError: It is of another shape.
    """
    if not isinstance(document, Mapping):
        raise MalformedError(f"expected an object, found {shown(document)}", "$")
    rows = document.get("rows")
    if rows is None and (words := document.get("error_desc") or document.get("error")):
        raise MalformedError(f"the answer is an error in spite of its status: {words}", "$")
    if not isinstance(rows, list):
        raise MalformedError(f"expected a list of rows, found {shown(rows)}", "$.rows")
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise MalformedError(f"expected an object, found {shown(row)}", f"$.rows[{index}]")
        if app_token is not None and row.get("app_token") not in (None, app_token):
            problem = f"expected the figures of app {app_token!r}, found those of {shown(row['app_token'])}"
            raise MalformedError(problem, f"$.rows[{index}].app_token")
    totals = document.get("totals")
    if not isinstance(totals, (Mapping, type(None))):
        raise MalformedError(f"expected an object, found {shown(totals)}", "$.totals")
    warnings: list[Any] = []
    for key in ("warnings", "data_warnings"):
        found = document.get(key) or []
        warnings += found if isinstance(found, list) else [found]
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
    """Flatten the rows of a pivot report, which may hang below the values of its index.

    Rows were seen flat, each below its value, as in `{"2026-01-01": {...}}`, and several of them there in a list.
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
    """Return whether a row holds nothing but rows below values."""
    return bool(row) and all(isinstance(inner, (Mapping, list)) for inner in row.values())
