"""Differences of the Report Service between accounts."""

from dataclasses import dataclass
from typing import Literal

_PIVOT_ROWS = ("rows", "data", "list", "row")
_DAYS = ("sunday", "monday")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Variants of the Report Service's answers that some callers have seen; the defaults are documented.

    `pivot_rows` is the nesting of pivot rows below a value of the index: "rows" is `{value: {"rows": [...], "totals":
    ...}}`, "data" has `data` instead of `rows`, "list" is `{value: [row, ...]}`, and "row" is `{value: row}`, once for
    each row. With `pivot_numbers`, the metrics of these rows are numbers instead of texts. With `day_times`, a `day`
    has a time (`2026-07-01T00:00:00`). With `hour_offsets`, an `hour` has its offset (`2026-10-25T02:00:00+02:00`), so
    that the repeated hour at the end of summer time is two rows. `weeks_begin` is "sunday" or "monday". `row_cap` is
    the maximum number of rows of a report, whatever its `limit`. With `debug`, JSON reports have a `debug` object.

    Raises `ValueError` for an unknown value, and for a cap below 1.
    """

    pivot_rows: Literal["rows", "data", "list", "row"] = "rows"
    pivot_numbers: bool = False
    day_times: bool = False
    hour_offsets: bool = False
    weeks_begin: Literal["sunday", "monday"] = "sunday"
    row_cap: int | None = None
    debug: bool = False

    def __post_init__(self) -> None:
        if self.pivot_rows not in _PIVOT_ROWS:
            raise ValueError(f"pivot_rows is one of {', '.join(_PIVOT_ROWS)}, not {self.pivot_rows!r}.")
        if self.weeks_begin not in _DAYS:
            raise ValueError(f"weeks_begin is one of {', '.join(_DAYS)}, not {self.weeks_begin!r}.")
        if self.row_cap is not None and self.row_cap < 1:
            raise ValueError(f"row_cap must be at least 1, not {self.row_cap!r}.")
