"""Answers of the Report Service for tests: at random, by hand, and read by a naive reference."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from adjust_async.reports.report import Report, ReportPart
from adjust_async.tables import Table
from tests.frames import from_pandas

DIMENSIONS = ["day", "hour", "week", "app", "country", "partner_id", "campaign_network"]
METRICS = ["installs", "cost", "roas", "retention_rate_d7", "sessions_w2", "Level Up_events", "buy_d30_events_cohort"]
WORDS = ["unknown", "Organic", "-300", "", "é,\"'\n", "0", "64", "2026-01-01"]

#: A metric as the service writes it, and what Python reads it as.
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
FIGURES = NUMBERS.map(str) | st.sampled_from(["", "unknown", "0", "0.0", "-0.5", "1e-7"]) | st.none()
IDENTITIES = st.sampled_from(WORDS) | st.integers(0, 9).map(str) | st.none()
DAYS = st.dates().map(str) | st.none()


def part(
    *rows: dict[str, Any],
    app: str | None = None,
    period: str | None = None,
    totals: Mapping[str, Any] | None = None,
    warnings: Sequence[Any] = (),
    **extra: Any,
) -> ReportPart:
    """Make one answer."""
    return ReportPart(app, period, list(rows), dict(totals or {}), list(warnings), extra)


def report(*rows: dict[str, Any], dimensions: Sequence[str] = ("day",), metrics: Sequence[str] = ()) -> Report:
    """Make a report of one answer."""
    return Report([part(*rows)], dimensions, metrics)


def document(*rows: Any, **rest: Any) -> str:
    """Write an answer as the service does."""
    return json.dumps({"rows": list(rows), **rest})


@st.composite
def reports(draw: st.DrawFn, fewest: int = 0) -> Report:
    """Return a report, for some apps or in general, whose rows may lack any of their cells."""
    dimensions = draw(st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=4, unique=True))
    metrics = draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=4, unique=True))
    several: list[list[str | None]] = [[None], ["abc1"], ["abc1", "abc2", "abc3"]]
    apps = draw(st.sampled_from(several))
    parts = []
    for app in apps:
        rows = []
        for _ in range(draw(st.integers(fewest, 3))):
            row = {name: draw(DAYS if name == "day" else IDENTITIES) for name in dimensions if name != "hour"}
            row |= {name: draw(FIGURES) for name in metrics}
            for name in draw(st.lists(st.sampled_from([*dimensions, *metrics]), max_size=1)):
                row.pop(name, None)
            rows.append(row)
        parts.append(part(*rows, app=app))
    return Report(parts, dimensions, metrics)


DAY = {"day": "2026-01-05"}


ANSWER = {"day": "2026-01-05", "installs": "64", "cost": "0.0"}


def exports(source: Table) -> list[list[dict[str, Any]]]:
    """Return the rows of every other form."""
    return [source.to_arrow().to_pylist(), source.to_polars().to_dicts(), from_pandas(source)]
