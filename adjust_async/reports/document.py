"""Check the JSON documents of the Report Service, and flatten its pivot reports."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from adjust_async._checks import shown
from adjust_async._http.error_words import carried_error
from adjust_async._json import SLICE, loads, loads_in_slices, loads_packing
from adjust_async.errors import MalformedError
from adjust_async.reports.cells import number
from adjust_async.tables import Records, Texts

__all__ = ["ReportPart", "any_hangs", "open_pivot", "open_report", "read_report"]


def _records(rows: Any, texts: Texts | None = None) -> Records:
    """Return the rows of an answer by column. Equal texts of a column share one object, from `texts` if it has it.

    Raises:
        MalformedError: They are not a list of objects.
    """
    if isinstance(rows, Records):
        return rows
    if not isinstance(rows, (list, tuple)):
        raise MalformedError(f"expected a list of rows, found {shown(rows)}", "$.rows")
    if not set(map(type, rows)) <= {dict}:
        index, row = next((index, row) for index, row in enumerate(rows) if not isinstance(row, dict))
        raise MalformedError(f"expected an object, found {shown(row)}", f"$.rows[{index}]")
    return Records.of(rows, texts)


@attrs.frozen
class ReportPart:
    """One answer of the service: for one app and window, or for the whole query.

    Attributes:
        app_token: The app; `None` if the answer is not for a single app.
        date_period: The days of the answer.
        records: The rows as the service sent them, by column.
        totals: The service's own totals. They need not be the sum of the rows, and those of parts are not additive.
        warnings: The warnings of the service, then those of the SDK about unexpected rows.
        extra: The rest of the answer, such as `currencies`.
        index_totals: For a pivot report, the service's totals below each value of its index, with that value.
    """

    app_token: str | None
    date_period: str | None
    records: Records = attrs.field(alias="rows", converter=_records, repr=lambda records: f"<{len(records)} rows>")
    totals: dict[str, Any]
    warnings: list[Any]
    extra: dict[str, Any]
    index_totals: Sequence[dict[str, Any]] = ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as the service sent them. They are built from the columns each time."""
        return list(self.records)


def read_report(document: bytes, *, exact: bool, size: int = SLICE) -> Any:
    """Decode a large answer of the Report Service as `loads` does, but with its rows as `Records`.

    The dictionaries of a slice become columns before the next slice is decoded. There are never many of them at a time,
    so Python's collector does not stop the event loop.

    Raises:
        JSONDecodeError: As `loads` does.
    """
    runs: list[Records] = []
    texts: Texts = {}

    def pack(whole: Any, opened: int) -> None:
        # The open values are the document and the list under its last key.
        if opened == 2 and isinstance(whole, dict) and next(reversed(whole)) == "rows":
            runs.append(_records(whole["rows"], texts))
            whole["rows"].clear()
        elif runs and not opened:
            whole["rows"] = Records.joined([*runs, _records(whole["rows"], texts)])

    try:
        return loads_packing(document, pack, exact=exact, size=size)
    except MalformedError:
        return loads_in_slices(document, exact=exact)
    except ValueError:
        return loads(document, exact=exact)


def open_report(
    document: Any,
    app_token: str | None,
    date_period: str | None,
    apps: Collection[str] = (),
    texts: Texts | None = None,
) -> ReportPart:
    """Check a complete answer of the Report Service, and return it with typed totals.

    Args:
        document: The answer.
        app_token: The app, if the answer is for a single app.
        date_period: The days of the answer.
        apps: The apps that may have rows; empty for all.
        texts: The texts of the answers before this one, as in `Records.of`.

    Raises:
        MalformedError: It has another structure.
    """
    if not isinstance(document, Mapping):
        raise MalformedError(f"expected an object, found {shown(document)}", "$")
    if words := carried_error(document):
        raise MalformedError(f"the answer is an error: {words}", "$")
    records = _records(document.get("rows"), texts)
    for index, token in enumerate(records.column("app_token") if apps and "app_token" in records.keys else ()):
        if token is not None and token not in apps:
            expected = ", ".join(map(repr, apps))
            problem = f"expected the figures of app {expected}, found those of {shown(token)}"
            raise MalformedError(problem, f"$.rows[{index}].app_token")
    totals = document.get("totals")
    if not isinstance(totals, (Mapping, type(None))):
        raise MalformedError(f"expected an object, found {shown(totals)}", "$.totals")
    return ReportPart(
        app_token,
        date_period,
        records,
        {key: number(value) for key, value in (totals or {}).items()},
        _warnings_of(document),
        {key: value for key, value in document.items() if key not in {"rows", "totals", "warnings", "data_warnings"}},
    )


def _warnings_of(document: Mapping[str, Any]) -> list[Any]:
    warnings: list[Any] = []
    for key in ("warnings", "data_warnings"):
        found = document.get(key) or []
        warnings += found if isinstance(found, list) else [found]
    if pagination := document.get("pagination"):
        # In all known answers it was null. Missing rows must not go unnoticed.
        warnings.append(f"the service says that the rows are one page of several: pagination is {shown(pagination)}")
    return warnings


@attrs.define
class _Unfolded:
    """The rows of a pivot report, each with its values of the index, and the totals and warnings next to them."""

    rows: list[Any] = attrs.field(factory=list)
    totals: list[dict[str, Any]] = attrs.field(factory=list)
    warnings: list[Any] = attrs.field(factory=list)

    def add(self, rows: Sequence[Any], index: Sequence[str], above: Mapping[str, str]) -> None:
        if not index and not above:
            self.rows += rows
            return
        for row in rows:
            if index and hangs(row):
                for value, inner in row.items():
                    self._add_below(inner, index[1:], {**above, index[0]: value})
            elif isinstance(row, Mapping):
                self.rows.append({**above, **row})
            else:
                self.rows.append(row)

    def _add_below(self, inner: Any, index: Sequence[str], above: Mapping[str, str]) -> None:
        if isinstance(inner, list):
            self.add(inner, index, above)
        elif not (index and hangs(inner)) and (words := carried_error(inner)):
            place = " and ".join(f"{name} {value!r}" for name, value in above.items())
            raise MalformedError(f"the answer has an error below {place}: {words}", "$.rows")
        elif not _is_container(inner):
            self.add([inner], index, above)
        else:
            rows = inner.get("rows", inner.get("data"))
            self.add(rows if isinstance(rows, list) else [], index, above)
            if isinstance(totals := inner.get("totals"), Mapping):
                self.totals.append({**above, **{key: number(value) for key, value in totals.items()}})
            self.warnings += _warnings_of(inner)


#: The keys of an object with rows below a value of an index.
_CONTAINER = frozenset(("rows", "data", "totals", "warnings", "data_warnings", "pagination"))


def _is_container(inner: Mapping[str, Any]) -> bool:
    has_rows = isinstance(inner.get("rows"), list) or isinstance(inner.get("data"), list)
    return has_rows or (bool(inner) and inner.keys() <= _CONTAINER and isinstance(inner.get("totals", {}), Mapping))


def hangs(row: Any) -> bool:
    """Return whether a row consists only of values of an index with rows nested below them."""
    return isinstance(row, Mapping) and bool(row) and all(isinstance(inner, (Mapping, list)) for inner in row.values())


def any_hangs(records: Records) -> bool:
    """Return whether any row consists only of values of an index with rows nested below them."""
    # Every cell of such a row has nested rows, so looking at the first cell is enough.
    first = dict.fromkeys(shape[0] for shape in records.shapes if shape)
    if not any({dict, list} & set(map(type, records.column(key))) for key in first):
        return False
    return any(map(hangs, records))


def open_pivot(document: Any, index: Sequence[str], date_period: str | None, apps: Collection[str] = ()) -> ReportPart:
    """Check a complete pivot report of the Report Service, and return it with flat rows.

    According to the documentation, rows are nested below the values of the index, level by level: `{"2026-01-01":
    {"rows": [...], "totals": {...}}}`. Live answers also had `data` as the key of the inner rows, a list instead of the
    object, the row itself, and flat rows.

    Raises:
        MalformedError: It has another structure.
    """
    rows = document.get("rows") if isinstance(document, Mapping) else None
    if isinstance(rows, Records) and any_hangs(rows):
        rows = list(rows)
    if not isinstance(rows, list):
        return open_report(document, None, date_period, apps)
    unfolded = _Unfolded()
    unfolded.add(rows, index, {})
    part = open_report({**document, "rows": unfolded.rows}, None, date_period, apps)
    warnings = part.warnings + [warning for warning in unfolded.warnings if warning not in part.warnings]
    return attrs.evolve(part, index_totals=unfolded.totals, warnings=warnings)
