"""What a notebook shows: representations, completion, and help."""

import inspect
from typing import Any

import pytest

import adjust_async
from adjust_async import (
    AsyncAdjust,
    ConfigurationError,
    DeliverablesQuery,
    PivotReport,
    ProvisionOutcome,
    ProvisionResult,
    Report,
    ReportPart,
    TrackerSpec,
)
from adjust_async.emulator import Emulator
from adjust_async.kpis.resource import KPIs
from adjust_async.reports.resource import Reports

pytestmark = pytest.mark.anyio

QUERY: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"]}


def part(rows: list[dict[str, Any]], period: str | None = "2026-01-01:2026-01-02") -> ReportPart:
    """Return an answer of the Report Service."""
    return ReportPart(None, period, rows, {}, [], {})


def report(*parts: ReportPart, cls: type[Report] = Report, **details: Any) -> Report:
    """Return a report of one column."""
    return cls(parts or [part([{"day": "2026-01-01"}])], ["day"], [], **details)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (report(), "<Report of 1 row, 2026-01-01 to 2026-01-02: day>"),
        (report(part([], None)), "<Report of 0 rows: day>"),
        (report(part([], "last_month")), "<Report of 0 rows, last_month: day>"),
        (report(part([], "-7d:-4d"), part([], "-3d:-1d")), "<Report of 0 rows, -7d to -1d: day>"),
        (report(cls=PivotReport), "<PivotReport of 1 row, 2026-01-01 to 2026-01-02: day>"),
        (
            report(failures={name: ConfigurationError("no") for name in "abcde"}),
            "<Report of 1 row, 2026-01-01 to 2026-01-02, 5 failed (a, b, c and 2 more): day>",
        ),
        (
            Report([part([])], [f"d{number}" for number in range(20)], []),
            "<Report of 0 rows, 2026-01-01 to 2026-01-02: "
            + ", ".join(f"d{number}" for number in range(12))
            + ", and 8 more>",
        ),
    ],
)
async def test_a_report_says_what_it_is(shown: Report, text: str) -> None:
    """One line has the number of rows, the days, the failures, and the columns."""
    assert repr(shown) == text


@pytest.mark.account(apps=2, trackers_per_app=3)
async def test_results_of_a_service_describe_themselves_too(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """KPI reports count rows and apps; lists say how to get their items; neither sends anything."""
    kpis = await adjust.kpis.deliverables(
        emulator.app_tokens, start_date="2026-01-01", end_date="2026-01-02", kpis=["clicks"], grouping=["apps", "day"]
    )
    assert repr(kpis) == (
        "<KpiReport of 4 rows in 2 apps, 2026-01-01 to 2026-01-02: app_token, app_name, currency, date, clicks>"
    )
    fetched = await adjust.reports.fetch(**QUERY, date_period="2026-01-01:2026-01-02", app_tokens=emulator.app_tokens)
    assert repr(fetched) == "<Report of 4 rows, 2026-01-01 to 2026-01-02: app_token, day, installs>"
    sent = emulator.stats.total
    assert "await collect()" in repr(adjust.trackers.list("app"))
    assert "await it" in repr(adjust.apps.list())
    assert emulator.stats.total == sent


async def test_html_is_a_table_of_the_first_rows() -> None:
    """A notebook shows twenty rows and the note about more. Text from the service can't become markup."""
    rows = [{"day": f"<b>{number}</b>"} for number in range(25)]
    html = report(part(rows))._repr_html_()
    assert html.startswith("<p>Report of 25 rows, 2026-01-01 to 2026-01-02</p><table><thead><tr><th>day</th></tr>")
    assert html.count("<tr>") == 21
    assert "<td>&lt;b&gt;19&lt;/b&gt;</td>" in html
    assert html.endswith("<p>and more rows</p>")
    assert "more rows" not in report()._repr_html_()
    outcomes = [ProvisionOutcome("A", "failed", error=ConfigurationError("<no>"))]
    result = ProvisionResult("app", [TrackerSpec("A")], outcomes, [], dry_run=True)
    shown = result._repr_html_()
    assert "<p>ProvisionResult of app (dry run): 0 created, 0 updated, 0 unchanged, 1 failed</p>" in shown
    assert "&lt;no&gt;" in shown
    assert "None" not in shown


def test_a_plan_shows_what_is_set() -> None:
    """An entry of a plan is shown as in code."""
    assert repr(TrackerSpec("A::B")) == "TrackerSpec('A::B')"
    spec = TrackerSpec("A", partner_id=1, cost_data_enabled=False)
    assert repr([spec]) == "[TrackerSpec('A', partner_id=1, cost_data_enabled=False)]"


def test_completion_offers_the_names_of_the_package() -> None:
    """`adjust_async.Tr<TAB>` offers names that are imported on first use, and `progress` too."""
    assert {"Tracker", "TrackerSpec", "AsyncAdjust", "ReportQuery", "progress"} <= set(dir(adjust_async))
    assert callable(adjust_async.progress.bar())


@pytest.mark.parametrize(
    ("method", "needed", "offered"),
    [
        (Reports.fetch, {"dimensions", "metrics", "date_period"}, {"currency", "window", "on_progress"}),
        (Reports.iter_csv, {"dimensions", "metrics", "date_period"}, {"readable_names", "exact"}),
        (KPIs.deliverables, {"app_tokens", "start_date", "end_date"}, {"event_kpis", "grouping"}),
        (KPIs.stream, {"app_tokens", "start_date", "end_date"}, {"endpoint", "event_kpis", "period", "partner_ids"}),
        (AsyncAdjust.with_options, set(), {"timeout", "deadline", "max_attempts", "grace_time"}),
    ],
)
def test_signatures_spell_the_keywords_out(method: Any, needed: set[str], offered: set[str]) -> None:
    """`fetch(<TAB>` offers every parameter; those without a default are the required ones, and none is hidden."""
    parameters = dict(inspect.signature(method).parameters)
    del parameters["self"]
    assert {name for name, each in parameters.items() if each.default is inspect.Parameter.empty} == needed
    assert offered <= parameters.keys()
    assert all(each.kind is not inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    assert "Returns:" in (inspect.getdoc(method) or "")


def test_every_method_with_keywords_is_spelled_out() -> None:
    """No public method of a resource ends in `**query`, and each accepts what its signature has."""
    adjust = AsyncAdjust("secret-token")
    for resource in (adjust, adjust.trackers, adjust.partners, adjust.kpis, adjust.reports, adjust.apps):
        for name, method in inspect.getmembers(resource, callable):
            if not name.startswith("_"):
                kinds = {parameter.kind for parameter in inspect.signature(method).parameters.values()}
                assert inspect.Parameter.VAR_KEYWORD not in kinds, name
    assert DeliverablesQuery.__annotations__.keys() <= inspect.signature(adjust.kpis.deliverables).parameters.keys()


async def test_a_typo_names_the_valid_arguments(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """An unknown keyword is refused before anything is sent."""
    query: Any = QUERY | {"date_perod": "today"}
    with pytest.raises((ConfigurationError, TypeError), match="date_perod"):
        await adjust.reports.fetch(**query)
    assert emulator.stats.total == 0
