"""The answers of the Report Service, and the reports and pivots that they become."""

import json
import logging
import pickle
from datetime import date
from typing import Any

import httpx
import pytest

from adjust_async import ConfigurationError, DecodeError, GoneError, PivotReport
from tests.clock import jumping_clock
from tests.reports.scripted import QUERY, report, sent, service
from tests.script import client

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


def day(number: int, installs: int = 1, **more: Any) -> dict[str, Any]:
    """Compose a row."""
    return {"day": f"2026-01-{number:02}", "installs": str(installs), "cost": "0.5"} | more


def by_app(**answers: Any) -> Any:
    """Answer each app with a document of its own."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("filters_data"):
            return httpx.Response(200, json={"apps": [{"id": app} for app in answers]})
        document = answers[request.url.params["app_token__in"]]
        if isinstance(document, int):
            return httpx.Response(document, json={"error_desc": "no"})
        return httpx.Response(204) if document is None else httpx.Response(200, json=document)

    return answer


# What comes back.


async def test_rows_of_parts_are_joined() -> None:
    """Rows are in the order of the requested apps, each with its app. Totals stay those of each part."""
    answers = by_app(
        one=report(day(1, 3), day(2, 4)),
        two=report(day(1, 5, app_token="two"), totals={"installs": "7"}, currencies=["EUR"]),
        three=None,
    )
    async with client(answers) as (adjust, _):
        answer = await adjust.reports.fetch(**QUERY, app_tokens=["two", "three", "one"])
    assert list(answer.rows()) == [
        {"app_token": "two", "day": date(2026, 1, 1), "installs": 5, "cost": 0.5},
        {"app_token": "one", "day": date(2026, 1, 1), "installs": 3, "cost": 0.5},
        {"app_token": "one", "day": date(2026, 1, 2), "installs": 4, "cost": 0.5},
    ]
    assert [(part.app_token, part.totals) for part in answer.parts] == [
        ("two", {"installs": 7}),
        ("three", {}),
        ("one", {"installs": 5, "cost": 1.5}),
    ]
    assert answer.parts[0].extra == {"pagination": None, "currencies": ["EUR"]}
    with pytest.raises(ConfigurationError, match="3 parts, and totals are not additive"):
        _ = answer.totals


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ({}, ("day", "installs", "cost")),
        ({"app_tokens": ["a", "b"]}, ("app_token", "day", "installs", "cost")),
        ({"app_tokens": ["a", "b"], "fan_out": "none"}, ("day", "installs", "cost")),
        ({"app_tokens": ["a"], "dimensions": ["day", "app_token"]}, ("day", "app_token", "installs", "cost")),
        ({"metrics": ["retention_rate_D7"], "window": 3}, ("day", "retention_rate_d7")),
    ],
    ids=str,
)
async def test_an_empty_report_has_its_columns(query: Any, columns: tuple[str, ...]) -> None:
    """If the service has no rows (204), the report has the same columns as with rows, and no totals."""
    async with service(None) as (adjust, _):
        answer = await adjust.reports.fetch(**QUERY | query)
    assert answer.columns == columns
    assert list(answer.rows()) == []
    assert answer.failures == {}
    assert answer.to_arrow().num_rows == 0
    if len(answer.parts) == 1:
        assert answer.totals == {}


WRONG: list[tuple[Any, str]] = [
    ([], r"expected an object, found \[\] \(at \$\)"),
    ("rows", r"expected an object, found 'rows' \(at \$\)"),
    (3, r"\(at \$\)"),
    ({}, r"expected a list of rows, found None \(at \$\.rows\)"),
    ({"rows": None}, r"\(at \$\.rows\)"),
    ({"rows": {}}, r"\(at \$\.rows\)"),
    ({"rows": [{}, []]}, r"expected an object, found \[\] \(at \$\.rows\[1\]\)"),
    ({"rows": [{}, None]}, r"\(at \$\.rows\[1\]\)"),
    ({"rows": [], "totals": []}, r"expected an object, found \[\] \(at \$\.totals\)"),
    ({"rows": [day(1), day(2, app_token="other")]}, r"expected the figures of app 'app', found those of 'other' \(at"),
    ({"error_code": "service_error"}, r"\(at \$\)"),
    ({"rows": [], "error_code": "service_error"}, r"in spite of its status 200: service_error \(at \$\)"),
]


@pytest.mark.parametrize(("document", "place"), WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("ask", ["fetch", "stream", "pivot"])
async def test_an_invalid_answer_is_located(document: Any, place: str, ask: str) -> None:
    """A document of another structure, or the figures of another app, is reported at once with its place."""
    if ask == "pivot" and "figures of app" in place:
        return  # which is not asked for one app alone
    async with client(httpx.Response(200, content=httpx.Response(200, json=document).content)) as (adjust, script):
        with pytest.raises(DecodeError, match=place) as raised:
            if ask == "stream":
                _ = [found async for found in adjust.reports.stream(**QUERY, app_tokens="app")]
            elif ask == "pivot":
                await adjust.reports.pivot(**QUERY, index=["day"])
            else:
                await adjust.reports.fetch(**QUERY, app_tokens="app")
        assert len(script.requests) == 1
    assert raised.value.path == f"/reports-service/{'pivot_report' if ask == 'pivot' else 'report'}"
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


async def test_figures_of_another_app_fail_only_that_app() -> None:
    """If failures are kept, an answer that can't be trusted is one of them."""
    answers = by_app(one=report(day(1, app_token="two")), two=report(day(1)))
    async with client(answers) as (adjust, _):
        answer = await adjust.reports.fetch(**QUERY, app_tokens=["one", "two"], on_failure="keep")
    assert [row["app_token"] for row in answer.rows()] == ["two"]
    assert {app: type(error) for app, error in answer.failures.items()} == {"one": DecodeError}


async def test_warnings_are_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """The service's warnings are in `warnings` and in the log, each once, however many parts have it."""
    answers = by_app(
        a=report(warnings=["immature", {"code": 3}]), b=report(warnings=["immature"]), c=report(warnings="alone")
    )
    async with client(answers) as (adjust, _):
        with caplog.at_level(logging.WARNING, "adjust_async"):
            answer = await adjust.reports.fetch(**QUERY, app_tokens=["a", "b", "c"])
    assert answer.warnings == ["immature", {"code": 3}, "alone"]
    assert [record.getMessage() for record in caplog.records] == [
        "about the report: immature",
        "about the report: {'code': 3}",
        "about the report: alone",
    ]


async def test_missing_rows_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A `pagination` that is not null means that rows are missing, which must not go unnoticed."""
    async with service(report(day(1), pagination={"next": 2})) as (adjust, _):
        with caplog.at_level(logging.WARNING, "adjust_async"):
            answer = await adjust.reports.fetch(**QUERY)
    assert "one page of several" in answer.warnings[0]
    assert "one page of several" in caplog.text


async def test_attr_dependency_is_dropped_kept_or_made_columns() -> None:
    """It is left out, made into columns, or kept as a dictionary. Existing columns keep their cells."""
    told = {"partner_id": "-300", "app_token": ["a"], "day": "x"}
    document = report(day(1, attr_dependency=told), day(2))
    rows = {}
    async with service(document) as (adjust, _):
        for wanted in ("drop", "columns", "keep"):
            answer = await adjust.reports.fetch(**QUERY, app_tokens="a", attr_dependency=wanted)
            rows[wanted] = list(answer.rows())
    plain = {"app_token": "a", "day": date(2026, 1, 1), "installs": 1, "cost": 0.5}
    second = plain | {"day": date(2026, 1, 2)}
    assert rows["drop"] == [plain, second]
    more = {"partner_id": "-300", "attr_dependency_app_token": ["a"], "attr_dependency_day": "x"}
    assert rows["columns"] == [plain | more, second | dict.fromkeys(more)]
    assert rows["keep"] == [plain | {"attr_dependency": told}, second | {"attr_dependency": None}]


async def test_stream_yields_a_report_for_each_app() -> None:
    """Each app arrives with its own report. A kept failure has no rows, but its error."""
    answers = by_app(one=report(day(1, 3)), two=410, three=None)
    async with client(answers) as (adjust, _):
        seen = {
            app: answer
            async for app, answer in adjust.reports.stream(
                **QUERY, app_tokens=["one", "two", "three"], on_failure="keep"
            )
        }
    assert set(seen) == {"one", "two", "three"}
    assert [row["installs"] for row in seen["one"].rows()] == [3]
    assert seen["one"].totals == {"installs": 5, "cost": 1.5}
    assert isinstance(seen["two"].failures["two"], GoneError)
    for app in ("two", "three"):
        assert list(seen[app].rows()) == []
        assert seen[app].columns == ("app_token", "day", "installs", "cost")


# Pivots.


NESTED: list[tuple[list[str], list[Any], list[dict[str, Any]]]] = [
    (["day"], [day(1), day(2)], [day(1), day(2)]),
    (["day"], [{"2026-01-01": {"installs": "1"}, "2026-01-02": {"installs": "2"}}], [{"day": 1}, {"day": 2}]),
    (["day"], [{"2026-01-01": [{"installs": "1"}, {"installs": "2"}]}], [{"day": 1}, {"day": 1}]),
    (
        ["day", "app"],
        [{"2026-01-01": {"A": {"installs": "1"}, "B": {"installs": "2"}}}],
        [{"day": 1, "app": "A"}, {"day": 1, "app": "B"}],
    ),
    (["day", "app"], [{"2026-01-01": [{"app": "A", "installs": "1"}]}], [{"day": 1, "app": "A"}]),
]


@pytest.mark.parametrize(("index", "rows", "flat"), NESTED, ids=range(len(NESTED)))
async def test_pivots_are_flat(index: list[str], rows: list[Any], flat: list[dict[str, Any]]) -> None:
    """Rows below the values of the index are returned as rows with these values in columns."""
    document = report(*rows, totals_per_dimension={"day": {}})
    async with service(document) as (adjust, script):
        answer = await adjust.reports.pivot(**QUERY | {"dimensions": index}, index=index)
    (request,) = script.requests
    assert request.url.path == "/reports-service/pivot_report"
    assert request.url.params["index"] == ",".join(index)
    assert isinstance(answer, PivotReport)
    assert answer.totals_per_dimension == {"day": {}}
    found = list(answer.rows())
    assert len(found) == len(flat)
    for row, wanted in zip(found, flat, strict=True):
        number = wanted["day"] if isinstance(wanted["day"], int) else int(wanted["day"][-2:])
        assert row["day"] == date(2026, 1, number)
        assert row.get("app") == wanted.get("app")
        assert isinstance(row["installs"], int)


@pytest.mark.parametrize(
    ("dimensions", "columns"),
    [(["app"], ("day", "app")), (["app", "day"], ("app", "day")), (["day"], ("day",))],
    ids=str,
)
async def test_an_index_need_not_be_a_dimension(dimensions: list[str], columns: tuple[str, ...]) -> None:
    """Whether or not the index is among the dimensions, each row has its values, and all metrics theirs."""
    row = {"app": "A"} if "app" in dimensions else {}
    rows = [
        {"2026-01-01": {"rows": [{**row, "installs": "1", "cost": 0.5}], "totals": {"installs": 1, "cost": 0.5}}},
        {"2026-01-02": {"rows": [{**row, "installs": 2, "cost": "1.5"}], "totals": {"installs": 2, "cost": 1.5}}},
    ]
    async with service(report(*rows, totals_per_dimension={"day": {}})) as (adjust, script):
        answer = await adjust.reports.pivot(**QUERY | {"dimensions": dimensions}, index=["day"])
    assert sent(script, "index", "dimensions") == [("day", ",".join(dimensions))]
    assert answer.columns == (*columns, "installs", "cost")
    assert [(row["day"], row["installs"], row["cost"]) for row in answer.rows()] == [
        (date(2026, 1, 1), 1, 0.5),
        (date(2026, 1, 2), 2, 1.5),
    ]
    assert answer.totals == {"installs": 5, "cost": 1.5}
    assert [total["installs"] for total in answer.index_totals] == [1, 2]
    assert answer.to_arrow().num_rows == 2


def test_a_saved_pivot_needs_its_index() -> None:
    """Rows below the values of an index are not columns. Without the index a saved document is refused."""
    document = json.dumps(report({"2026-01-01": {"rows": [{"app": "A", "installs": "1"}]}}))
    with pytest.raises(ConfigurationError, match="name its dimensions in index="):
        PivotReport.from_json(document)
    queries: list[Any] = [
        {"index": ["day"]},
        {"index": ["day"], "dimensions": ["app"]},
        {"dimensions": ["day", "app"]},
    ]
    for query in queries:
        saved = PivotReport.from_json(document, **query)
        cells = {key: cell for key, cell in next(saved.rows()).items() if cell is not None}
        assert cells == {"day": date(2026, 1, 1), "app": "A", "installs": 1}


async def test_an_empty_pivot() -> None:
    """204 is an empty pivot, with its columns, and without totals."""
    async with service(None) as (adjust, _):
        answer = await adjust.reports.pivot(**QUERY, index=["day"], app_tokens=["a", "b"])
    assert (answer.columns, list(answer.rows()), answer.totals_per_dimension, answer.totals) == (
        ("day", "installs", "cost"),
        [],
        None,
        {},
    )
