"""Answers of the KPI Service merged into one report, with warnings about what is unexpected."""

import gc
import logging
import threading
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from adjust_async import (
    AsyncAdjust,
    DecodeError,
)
from adjust_async.kpis import question
from adjust_async.kpis.result_sets import joining
from adjust_async.kpis.result_sets.columns import Level
from tests.kpis.sockets import DATES
from tests.script import client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=6, trackers_per_app=60, facts_per_day=25),
    pytest.mark.settings(max_attempts=2),
]


# Windows.


@pytest.mark.slow
async def test_thousands_of_windows_are_folded_as_they_arrive() -> None:
    """What is kept of windows that have arrived is their figures, not an answer for each of them."""
    most = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal most
        if number(request) % 50 == 0:
            most = max(most, sum(type(one) is Level for one in gc.get_objects()))
        day = request.url.params["start_date"]
        app = {"token": "one", "dates": [{"date": day, "kpi_values": [number(request)]}]}
        return httpx.Response(200, json={"result_parameters": {"kpis": ["installs"]}, "result_set": app})

    def number(request: httpx.Request) -> int:
        return (date.fromisoformat(request.url.params["start_date"]) - date(2025, 1, 1)).days

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with http, AsyncAdjust("secret", http_client=http) as adjust:
        report = await adjust.kpis.deliverables(
            "one", start_date="2025-01-01", end_date="2027-09-27", kpis=["installs"], grouping=["day"], window="day"
        )
    assert [row["installs"] for row in report.rows()] == list(range(1000))
    # An app and its dates, for each window of an unfinished batch and for each batch; some answers are under way.
    assert most < 500


async def test_large_windows_are_joined_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop does not wait until every element of every window has found its place."""
    joined_in = []

    def join_windows(apps: Any) -> Level:
        joined_in.append(threading.current_thread())
        return joining.join_windows(apps)

    def answer(request: httpx.Request) -> httpx.Response:
        day = request.url.params["start_date"]
        app = {"token": "one", "dates": [{"date": day, "kpi_values": [1]}]}
        return httpx.Response(200, json={"result_parameters": {"kpis": ["installs"]}, "result_set": app})

    monkeypatch.setattr(question, "join_windows", join_windows)
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with http, AsyncAdjust("secret", http_client=http) as adjust:
        for large in (1, 1_000):
            monkeypatch.setattr(question, "LARGE", large)
            report = await adjust.kpis.deliverables(
                "one", start_date="2026-01-01", end_date="2026-05-10", kpis=["installs"], grouping=["day"], window="day"
            )
            assert [row["date"] for row in report.rows()] == [date(2026, 1, 1) + timedelta(day) for day in range(130)]
    in_loop = [thread is threading.current_thread() for thread in joined_in]
    assert in_loop == sorted(in_loop)
    assert set(in_loop) == {False, True}


# Answers.


async def test_apps_that_answer_differently_are_merged() -> None:
    """Other orders of KPIs, other trackers, missing names: each figure keeps its place, and missing ones are null."""
    answers: dict[str, Any] = {
        "one": {
            "result_parameters": {"kpis": ["installs", "clicks"], "trackers": [{"token": "t1", "name": "Adroll"}]},
            "result_set": {
                "token": "one",
                "name": "One",
                "currency": "EUR",
                "trackers": [{"token": "t1", "kpi_values": [1, 2]}],
            },
        },
        "two": {
            "result_parameters": {"kpis": ["clicks", "revenue", "installs"]},
            "result_set": {
                "apps": [
                    {
                        "token": "two",
                        "name": "Two",
                        "currency": "USD",
                        "trackers": [{"token": "t2", "kpi_values": [30, 4.5, 10]}],
                    }
                ]
            },
        },
        "three": {
            "result_parameters": {"kpis": ["installs", "clicks"]},
            "result_set": {"token": "three", "name": "Three"},
        },
    }
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, json=answers[request.url.path.rpartition("/")[2]])
    )
    async with AsyncAdjust("secret", http_client=httpx.AsyncClient(transport=transport)) as adjust:
        report = await adjust.kpis.deliverables(["one", "two", "three"], **DATES)
    assert report.result_parameters["kpis"] == ["installs", "clicks", "revenue"]
    assert list(report.rows()) == [
        {
            "app_token": "one",
            "app_name": "One",
            "currency": "EUR",
            "tracker_token": "t1",
            "tracker_name": "Adroll",
            "installs": 1,
            "clicks": 2,
            "revenue": None,
        },
        {
            "app_token": "two",
            "app_name": "Two",
            "currency": "USD",
            "tracker_token": "t2",
            "tracker_name": None,
            "installs": 10,
            "clicks": 30,
            "revenue": 4.5,
        },
    ]
    assert [app["token"] for app in report.result_set["apps"]] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("result_set", "place"),
    [
        (
            {"token": "app", "dates": [{"date": "2026-01-26", "kpi_values": [1]}]},
            r"\$\.result_set\.dates\[0\]\.kpi_values",
        ),
        ({"token": "app", "dates": [{"date": "2026-01-26", "kpi_values": [1, "2"]}]}, r"kpi_values\[1\]"),
        ({"token": "other"}, r"\$\.result_set\.token"),
        ([], r"\$\.result_set"),
    ],
)
async def test_an_answer_of_another_structure_is_located(result_set: Any, place: str) -> None:
    """Values that don't match their KPIs, or figures of another app, are an error that names the place."""
    document = {"result_parameters": {"kpis": ["installs", "clicks"]}, "result_set": result_set}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=document))
    async with AsyncAdjust("secret", http_client=httpx.AsyncClient(transport=transport)) as adjust:
        with pytest.raises(DecodeError, match=place) as raised:
            await adjust.kpis.deliverables("app", **DATES)
    assert raised.value.path == "/kpis/v1/app"


# Columns.


@pytest.mark.parametrize("echoed", [{}, {"grouping": None}, {"grouping": []}, {"grouping": ["days", "periods"]}])
async def test_columns_are_those_of_the_requested_grouping_if_the_service_does_not_say(echoed: dict[str, Any]) -> None:
    """An answer without figures has the columns of one with figures, whether or not the service echoes the query."""
    parameters = {"kpis": ["installs"], **echoed}
    days = [{"date": "2026-01-26T00:00:00", "periods": [{"period": "0", "kpi_values": [1]}]}]
    answers = [
        httpx.Response(200, json={"result_parameters": parameters, "result_set": {"token": "app", **levels}})
        for levels in ({}, {"dates": days})
    ]
    async with client(*answers) as (adjust, _):
        empty, full = [
            await adjust.kpis.cohorts("app", **DATES, kpis=["installs"], grouping=["day", "periods"], period="week")
            for _ in answers
        ]
    assert empty.schema == full.schema
    assert empty.to_arrow().schema == full.to_arrow().schema
    assert [(row["date"], row["period"], row["period_unit"]) for row in full] == [(date(2026, 1, 26), 0, "week")]


# Warnings.


@pytest.mark.parametrize(
    ("query", "kpis", "dates", "warnings"),
    [
        ({"kpis": ["installs", "clicks"]}, ["installs"], ["2026-01-26"], ["the answer has no clicks"]),
        ({"kpis": ["Installs"]}, ["installs"], ["2026-01-26"], []),
        ({"kpis": ["installs"], "human_readable_kpis": True}, ["Installations"], ["2026-01-26"], []),
        ({"grouping": ["day"]}, ["installs"], ["2026-01-26", "2026-02-05"], [": 2026-02-05"]),
        ({"grouping": ["day"]}, ["installs"], ["2026-01-25", "2026-02-05"], [": 2026-01-25 to 2026-02-05"]),
        ({"grouping": ["hours"]}, ["installs"], ["2026-02-04T23:00:00", "2026-02-05T00:00:00"], ["2026-02-05T00:00"]),
        ({"grouping": ["week"]}, ["installs"], ["2026-01-19"], []),
        ({"grouping": ["day"]}, ["installs"], ["unknown"], []),
    ],
)
async def test_unexpected_answers_cause_warnings(
    query: Any, kpis: list[str], dates: list[str], warnings: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Missing KPIs, and figures outside of the range, are reported in the report and in the log."""
    result_set = {"token": "app", "dates": [{"date": text, "kpi_values": [1]} for text in dates]}
    document = {"result_parameters": {"kpis": kpis, "grouping": query.get("grouping")}, "result_set": result_set}
    async with client(httpx.Response(200, json=document)) as (adjust, _):
        with caplog.at_level(logging.WARNING, "adjust_async"):
            report = await adjust.kpis.deliverables("app", **{"grouping": ["day"]} | query, **DATES)
    assert [warning in found for warning, found in zip(warnings, report.warnings, strict=True)] == [True] * len(
        warnings
    )
    assert len(caplog.records) == len(warnings)
    assert len(list(report.rows())) == len(dates)
