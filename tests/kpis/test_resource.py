"""Asking the KPI Service for many apps, over real sockets against the emulator."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from adjust_async import (
    AdjustError,
    APITimeoutError,
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    GoneError,
    KpiReport,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from adjust_async.emulator import Emulator
from adjust_async.emulator.kpis.catalog import KPIS, Report
from tests.script import client

pytestmark = pytest.mark.anyio

DATES: Any = {"start_date": date(2026, 1, 26), "end_date": date(2026, 2, 4)}
TEXT_DATES = {"start_date": "2026-01-26", "end_date": "2026-02-04"}
ENDPOINTS = ["deliverables", "events", "cohorts", "skadnetwork"]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An account of six apps with figures."""
    async with Emulator(apps=6, trackers_per_app=60, facts_per_day=25) as running:
        yield running


@pytest.fixture
async def adjust(emulator: Emulator) -> AsyncIterator[AsyncAdjust]:
    """A client of the emulator; at its end no permit, call or task may be left."""
    async with AsyncAdjust(emulator.token, api_url=emulator.url, max_attempts=2) as client:
        yield client
        session = client._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)


def ask(adjust: AsyncAdjust, method: str, *arguments: Any, **query: Any) -> Any:
    """Call the method of an endpoint."""
    return getattr(adjust.kpis, method)(*arguments, **query)


def path_of(endpoint: str, *tokens: str) -> str:
    """Give the path that an endpoint has for these apps."""
    return f"/kpis/v1/{','.join(tokens)}" + ("" if endpoint == "deliverables" else f"/{endpoint}")


async def answer(emulator: Emulator, path: str, params: dict[str, str]) -> bytes:
    """Ask the emulator with plain httpx."""
    headers = {"Authorization": f"Token token={emulator.token}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, timeout=30) as client:
        response = await client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.content


def cells(rows: Iterator[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Give rows without regard to the order of their columns."""
    return [tuple(sorted(row.items())) for row in rows]


async def test_one_request_goes_out_for_each_app_and_the_order_is_that_asked_for(
    adjust: AsyncAdjust, emulator: Emulator
) -> None:
    """Apps come in the order asked for, each from a request of its own, whatever order the answers came in."""
    tokens = list(reversed(emulator.app_tokens))
    report = await adjust.kpis.deliverables(tokens, kpis=["installs", "sessions"], grouping=["trackers"], **DATES)
    assert [app["token"] for app in report.result_set["apps"]] == tokens
    assert emulator.stats.requests == {"GET /kpis/v1/{app_tokens}": 6}
    assert report.columns[:3] == ("app_token", "app_name", "currency")
    assert report.columns[3:] == ("tracker_token", "tracker_name", "installs", "sessions")
    assert len({row["currency"] for row in report.rows()}) > 1
    assert all(row["tracker_name"] for row in report.rows())


GROUPINGS = [
    None,
    ["apps"],
    ["trackers"],
    ["networks"],
    ["campaigns", "day"],
    ["adgroups"],
    ["creatives", "countries"],
    ["hour"],
    ["day"],
    ["week"],
    ["month"],
    ["countries", "day"],
    ["region"],
    ["device_types", "os_names"],
    ["os_names", "trackers", "day"],
    ["partners"],
    ["networks", "campaigns", "adgroups", "creatives"],
    ["trackers", "countries"],
    ["apps", "networks", "month"],
    ["day", "networks"],
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("grouping", GROUPINGS, ids=str)
async def test_the_merged_report_is_the_services_own_for_all_apps(
    adjust: AsyncAdjust, emulator: Emulator, endpoint: str, grouping: list[str] | None
) -> None:
    """What is merged from one request an app equals, cell by cell, the service's answer to one request for all."""
    tokens = emulator.app_tokens[:4]
    merged = await ask(adjust, endpoint, tokens, grouping=grouping, **DATES)
    params = TEXT_DATES | ({"grouping": ",".join(grouping)} if grouping else {})
    own = KpiReport.from_json(await answer(emulator, path_of(endpoint, *tokens), params))
    assert cells(merged.rows()) == cells(own.rows())
    assert merged.columns == own.columns
    assert merged.schema == own.schema
    assert cells(merged.rows()) or endpoint == "skadnetwork"


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    endpoint=st.sampled_from(ENDPOINTS),
    apps=st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True),
    levels=st.lists(
        st.sampled_from(
            [
                *("trackers", "networks", "campaign", "adgroups", "creative", "hour", "day", "week", "months"),
                *("countries", "device_types", "os_name", "region", "partners"),
            ]
        ),
        max_size=3,
        unique_by=lambda level: "date" if level in {"hour", "day", "week", "months"} else level,
    ),
    utc_offset=st.sampled_from(["00:00", "+05:30", "-08:00"]),
    human=st.booleans(),
    several=st.booleans(),
)
@pytest.mark.slow
def test_the_rows_of_json_are_those_of_csv(
    endpoint: str, apps: list[int], levels: list[str], human: bool, several: bool, utc_offset: str
) -> None:
    """For the same query the JSON and the CSV give the same rows, but for what the CSV does not say of the app."""

    async def both() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        async with Emulator(apps=4, trackers_per_app=40, facts_per_day=12) as emulator:
            tokens = [emulator.app_tokens[number] for number in apps]
            params = {
                **TEXT_DATES,
                "utc_offset": utc_offset,
                "grouping": ",".join([*(["apps"] if several else []), *levels]),
            }
            if human:
                params["human_readable_kpis"] = "true"
            path = path_of(endpoint, *tokens)
            from_json = KpiReport.from_json(await answer(emulator, path, params))
            from_csv = KpiReport.from_csv(await answer(emulator, f"{path}.csv", params))
            return list(from_json.rows()), list(from_csv.rows())

    of_json, of_csv = asyncio.run(both())
    silent = {"currency"} | (set() if any(row["app_token"] for row in of_csv) else {"app_token", "app_name"})
    for row in of_json + of_csv:
        for column in silent:
            del row[column]
    assert of_csv == of_json


@pytest.mark.parametrize("human_readable_kpis", [False, True])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_empty_report_has_the_schema_of_a_full_one(
    adjust: AsyncAdjust, emulator: Emulator, endpoint: str, human_readable_kpis: bool
) -> None:
    """For every KPI that the emulator knows, a report without figures has the columns and kinds of one with figures."""
    query = {
        "kpis": list(KPIS[Report(endpoint)]),
        "grouping": ["day"],
        "human_readable_kpis": human_readable_kpis,
        **DATES,
    }
    full = await ask(adjust, endpoint, emulator.app_tokens[0], **query)
    empty = await ask(adjust, endpoint, emulator.app_tokens[0], countries=["zz"], **query)
    assert list(full.rows())
    assert not list(empty.rows())
    assert empty.schema == full.schema
    assert empty.to_arrow().schema == full.to_arrow().schema


@pytest.mark.parametrize(
    ("window", "requests"), [("month", 2), (1, 10), (3, 4), (10, 1), (366, 1)], ids=["month", "1", "3", "10", "366"]
)
@pytest.mark.parametrize("grouping", [["day"], ["trackers", "day"], ["day", "trackers"], ["networks", "hour"]], ids=str)
async def test_windows_join_to_the_whole(
    adjust: AsyncAdjust, emulator: Emulator, window: Any, requests: int, grouping: list[str]
) -> None:
    """A range split into windows gives the same cells as the range asked for at once."""
    tokens = emulator.app_tokens[:2]
    whole = await adjust.kpis.deliverables(tokens, kpis=["installs", "revenue", "daus"], grouping=grouping, **DATES)
    emulator.stats.reset()
    split = await adjust.kpis.deliverables(
        tokens, kpis=["installs", "revenue", "daus"], grouping=grouping, window=window, **DATES
    )
    assert emulator.stats.total == 2 * requests
    assert sorted(cells(split.rows()), key=repr) == sorted(cells(whole.rows()), key=repr)
    assert split.result_parameters["start_date"] == "2026-01-26"
    assert split.result_parameters["end_date"] == "2026-02-04"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_windows_of_every_endpoint_join_to_the_whole(
    adjust: AsyncAdjust, emulator: Emulator, endpoint: str
) -> None:
    """Grouped by day, windows are exact for each endpoint; those of cohorts are windows of their installs."""
    tokens = emulator.app_tokens[:2]
    whole = await ask(adjust, endpoint, tokens, grouping=["day"], **DATES)
    split = await ask(adjust, endpoint, tokens, grouping=["day"], window=4, **DATES)
    assert sorted(cells(split.rows()), key=repr) == sorted(cells(whole.rows()), key=repr)


async def test_months_join_by_month(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Grouped by month, windows of a month are exact."""
    query: Any = {"grouping": ["month"], "kpis": ["installs", "maus"], **DATES}
    whole = await adjust.kpis.deliverables(emulator.app_tokens[0], **query)
    split = await adjust.kpis.deliverables(emulator.app_tokens[0], window="month", **query)
    assert cells(split.rows()) == cells(whole.rows())
    assert len(list(split.rows())) == 2


async def test_below_a_tracker(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`tracker_token` asks below one tracker; the figures are those of its app."""
    app = emulator.app_tokens[0]
    everything = await adjust.kpis.deliverables(app, grouping=["networks"], kpis=["installs"], **DATES)
    row = next(row for row in everything.rows() if row["installs"])
    below = await adjust.kpis.deliverables(
        app, tracker_token=row["network_token"], grouping=["networks"], kpis=["installs"], **DATES
    )
    assert [(found["app_token"], found["installs"]) for found in below.rows()] == [(app, row["installs"])]
    assert "GET /kpis/v1/{app_tokens}/trackers/{tracker_tokens}" in emulator.stats.requests


async def test_an_answer_that_names_the_tracker_in_place_of_the_app() -> None:
    """Below a tracker the service was seen to give the tracker's token; the figures still belong to the app."""
    document = {
        "result_parameters": {"kpis": ["installs"]},
        "result_set": {
            "token": "trk123",
            "name": "Adroll",
            "currency": "EUR",
            "dates": [{"date": "2026-01-26", "kpi_values": [3]}],
        },
    }
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=document))
    async with AsyncAdjust("secret", http_client=httpx.AsyncClient(transport=transport)) as adjust:
        report = await adjust.kpis.deliverables("app", tracker_token="trk123", **DATES)
        assert [(row["app_token"], row["app_name"], row["installs"]) for row in report.rows()] == [("app", None, 3)]
        with pytest.raises(DecodeError, match="expected the figures of app 'app', found those of 'trk123'"):
            await adjust.kpis.deliverables("app", **DATES)


async def test_every_parameter_arrives(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """What is asked for goes out under its name on the wire, lists joined, dates and booleans as documented."""
    app = emulator.app_tokens[0]
    seen: list[httpx.QueryParams] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params)
        return httpx.Response(200, json={"result_parameters": {"kpis": []}, "result_set": {"token": "app"}})

    async with AsyncAdjust("secret", http_client=httpx.AsyncClient(transport=httpx.MockTransport(handler))) as client:
        await client.kpis.deliverables(
            "app",
            utc_offset="+05:30",
            kpis=("installs", "clicks"),
            sandbox=True,
            human_readable_kpis=False,
            countries=["DE", "us"],
            os_names=["iOS"],
            device_types=["phone"],
            grouping=["trackers", "day"],
            attribution_type="all",
            tracker_filter=["abc123"],
            attribution_source="first",
            reattributed="all",
            event_kpis=["all_events|revenue"],
            regions=["+emea"],
            cohort_revenue_period=7,
            parameters={"new_thing": ["x", "y"], "other": True},
            **DATES,
        )
        await client.kpis.events("app", events=["abc"], partner_ids=[174, "33"], **DATES)
        await client.kpis.cohorts(
            "app", period="week", day_def="24h", cohort_period_filter="1", impression_based=True, **DATES
        )
    deliverables, events, cohorts = seen
    assert dict(deliverables) == {
        **TEXT_DATES,
        "utc_offset": "+05:30",
        "kpis": "installs,clicks",
        "sandbox": "true",
        "human_readable_kpis": "false",
        "countries": "de,us",
        "os_names": "ios",
        "device_types": "phone",
        "grouping": "trackers,day",
        "attribution_type": "all",
        "tracker_filter": "abc123",
        "attribution_source": "first",
        "reattributed": "all",
        "event_kpis": "all_events|revenue",
        "regions": "+emea",
        "cohort_revenue_period": "7",
        "new_thing": "x,y",
        "other": "true",
    }
    assert dict(events) == {**TEXT_DATES, "events": "abc", "partner_ids": "174,33"}
    assert (cohorts["period"], cohorts["impression_based"]) == ("week", "true")
    shifted = await adjust.kpis.deliverables(app, utc_offset="+05:30", grouping=["hour"], **DATES)
    assert shifted.result_parameters["utc_offset"] == "+05:30"


async def test_a_failed_app_is_raised_by_default(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """One app that is refused fails the report, with the error of that app, and cancels the others."""
    emulator.app_states[emulator.app_tokens[2]] = "forbidden"
    with pytest.raises(PermissionDeniedError, match=emulator.app_tokens[2]):
        await adjust.kpis.deliverables(emulator.app_tokens, **DATES)


@pytest.mark.slow
async def test_failures_can_be_kept() -> None:
    """Of 200 apps one is forbidden, one broken for ever, one slower than the deadline: 197 come, with three errors."""
    async with Emulator(apps=200, trackers_per_app=5, facts_per_day=2) as emulator:
        tokens = emulator.app_tokens
        emulator.app_states[tokens[3]] = "forbidden"
        emulator.app_states[tokens[20]] = "broken"
        emulator.app_states[tokens[57]] = "slow"
        before = len(asyncio.all_tasks())
        async with AsyncAdjust(emulator.token, api_url=emulator.url, max_attempts=2, deadline=3) as adjust:
            report = await adjust.kpis.deliverables(tokens, on_failure="keep", **DATES)
            assert {token: type(error) for token, error in report.failures.items()} == {
                tokens[3]: PermissionDeniedError,
                tokens[20]: ServerError,
                tokens[57]: APITimeoutError,
            }
            assert list(report.failures) == [tokens[3], tokens[20], tokens[57]]
            assert [app["token"] for app in report.result_set["apps"]] == [
                token for token in tokens if token not in report.failures
            ]
            assert "3 failed" in repr(report)
            with pytest.raises(AdjustError):
                await adjust.kpis.deliverables(tokens, **DATES)
            session = adjust._session
            assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before or emulator.stats.in_flight:
                await asyncio.sleep(0)


async def test_a_failed_window_fails_its_app(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Figures of a part of the range never pass for those of all of it."""
    tokens = emulator.app_tokens[:2]
    emulator.faults = ["500", "500"]
    report = await adjust.kpis.deliverables(
        tokens, grouping=["day"], window=5, on_failure="keep", kpis=["installs"], **DATES
    )
    days: dict[str, int] = {}
    for row in report.rows():
        days[row["app_token"]] = days.get(row["app_token"], 0) + 1
    assert set(days.values()) <= {10}
    assert set(days) | set(report.failures) == set(tokens)
    assert not set(days) & set(report.failures)


async def test_all_apps_failing_always_raises(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Where nothing came, there is no report: the first app's error is raised, and says that the others failed too."""
    for token in emulator.app_tokens:
        emulator.app_states[token] = "gone"
    with pytest.raises(GoneError, match="Report Service") as raised:
        await adjust.kpis.deliverables(emulator.app_tokens, on_failure="keep", **DATES)
    assert raised.value.path.endswith(emulator.app_tokens[0])
    assert raised.value.__notes__ == ["5 other apps failed too."]
    seen = []
    with pytest.raises(GoneError, match=emulator.app_tokens[0]):
        async for token, report in adjust.kpis.stream(emulator.app_tokens, on_failure="keep", **DATES):
            seen.append((token, len(report.failures)))
    assert sorted(seen) == sorted((token, 1) for token in emulator.app_tokens)


async def test_stream_gives_each_app_as_it_arrives(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Each app comes once, with the report that it has by itself."""
    seen = {}
    async for token, report in adjust.kpis.stream(emulator.app_tokens, kpis=["installs"], grouping=["day"], **DATES):
        seen[token] = report
    assert set(seen) == set(emulator.app_tokens)
    for token, report in seen.items():
        alone = await adjust.kpis.deliverables(token, kpis=["installs"], grouping=["day"], **DATES)
        assert cells(report.rows()) == cells(alone.rows())


async def test_stream_keeps_failures(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """With `on_failure="keep"` a failed app comes with its error and without rows; by default it is raised."""
    failed = emulator.app_tokens[1]
    emulator.app_states[failed] = "gone"
    seen = {
        token: report
        async for token, report in adjust.kpis.stream(
            emulator.app_tokens, endpoint="cohorts", on_failure="keep", **DATES
        )
    }
    assert set(seen) == set(emulator.app_tokens)
    assert isinstance(seen[failed].failures[failed], GoneError)
    assert list(seen[failed].rows()) == []
    with pytest.raises(GoneError):
        async for _ in adjust.kpis.stream(emulator.app_tokens, **DATES):
            pass


async def test_leaving_a_stream_stops_its_requests(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """After a `break` nothing is left under way."""
    emulator.latency = 0.02
    async for _ in adjust.kpis.stream(emulator.app_tokens, **DATES):
        break
    async with asyncio.timeout(5):
        while adjust._session.calls or emulator.stats.in_flight:
            await asyncio.sleep(0)


async def test_closing_the_client_ends_the_question(emulator: Emulator) -> None:
    """A question that is under way when the client is closed ends with `ClientClosedError`, failures kept or not."""
    emulator.latency = 5
    adjust = AsyncAdjust(emulator.token, api_url=emulator.url)
    question = asyncio.create_task(adjust.kpis.deliverables(emulator.app_tokens, on_failure="keep", **DATES))
    while emulator.stats.in_flight < 6:
        await asyncio.sleep(0)
    await adjust.aclose()
    with pytest.raises(ClientClosedError):
        await question


async def test_never_more_than_max_concurrency() -> None:
    """However many apps and windows there are, the emulator sees no more requests at a time than the client allows."""
    async with Emulator(apps=20, trackers_per_app=5, facts_per_day=2, latency=0.002) as emulator:
        async with AsyncAdjust(emulator.token, api_url=emulator.url, max_concurrency=7) as adjust:
            await adjust.kpis.deliverables(emulator.app_tokens, grouping=["day"], window=2, **DATES)
        assert emulator.stats.total == 100
        assert emulator.stats.max_in_flight == 7


async def test_apps_that_answer_differently_are_merged() -> None:
    """Other orders of KPIs, other trackers, names that are missing: each figure keeps its place, what lacks is null."""
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
async def test_an_answer_of_another_shape_says_where(result_set: Any, place: str) -> None:
    """Values that don't match their KPIs, or figures of another app, are an error that names the place."""
    document = {"result_parameters": {"kpis": ["installs", "clicks"]}, "result_set": result_set}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=document))
    async with AsyncAdjust("secret", http_client=httpx.AsyncClient(transport=transport)) as adjust:
        with pytest.raises(DecodeError, match=place) as raised:
            await adjust.kpis.deliverables("app", **DATES)
    assert raised.value.path == "/kpis/v1/app"


@pytest.mark.parametrize("token", ["nosuchapp", "h1"])
async def test_an_unknown_app(adjust: AsyncAdjust, token: str) -> None:
    """An app that the account does not have is a `NotFoundError`."""
    with pytest.raises(NotFoundError):
        await adjust.kpis.deliverables(token, **DATES)


@pytest.mark.parametrize(
    ("endpoint", "app_tokens", "query", "message"),
    [
        ("deliverables", [], DATES, "app_tokens is empty"),
        ("deliverables", ["app", "app"], DATES, "app_tokens has 'app' twice"),
        ("deliverables", ["app,app2"], DATES, "app_tokens is 'app,app2'"),
        ("deliverables", "app", {}, "start_date is missing"),
        ("deliverables", "app", {"start_date": "2026-02-01", "end_date": "2026-01-01"}, "is before start_date"),
        (
            "deliverables",
            "app",
            {**DATES, "kpis": "installs"},
            r"kpis is the text 'installs': give a list, such as \['installs'\]",
        ),
        ("deliverables", "app", {**DATES, "utc_offset": "5"}, r"utc_offset is '5': give sign, hours and minutes"),
        (
            "deliverables",
            "app",
            {**DATES, "period": "week"},
            "period is no parameter of deliverables: it is one of cohorts",
        ),
        ("deliverables", "app", {**DATES, "typo": 1}, "typo is no parameter of deliverables"),
        ("deliverables", "app", {**DATES, "window": "fortnight"}, "window is 'fortnight'"),
        ("deliverables", "app", {**DATES, "window": 7}, "windows are joined, never summed"),
        ("deliverables", "app", {**DATES, "window": 7, "grouping": ["month"]}, "windows are joined, never summed"),
        ("cohorts", "app", {**DATES, "window": "month", "grouping": ["trackers"]}, "windows are joined, never summed"),
        ("deliverables", "app", {**DATES, "on_failure": "ignore"}, "on_failure is 'ignore'"),
        ("deliverables", "app", {**DATES, "tracker_token": "../x"}, r"tracker_token is '\.\./x'"),
        ("deliverables", "app", {**DATES, "parameters": {"kpis": "x"}}, "which is an argument of its own"),
        ("stream", "app", {**DATES, "endpoint": "sessions"}, "endpoint is 'sessions'"),
        ("stream", "app", {**DATES, "endpoint": "skadnetwork", "tracker_token": "abc"}, "SKAdNetwork can't be asked"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    adjust: AsyncAdjust, emulator: Emulator, endpoint: str, app_tokens: Any, query: Any, message: str
) -> None:
    """The error names the argument, its value, and what would be right."""
    with pytest.raises(ConfigurationError, match=message):
        await ask(adjust, endpoint, app_tokens, **query)
    assert emulator.stats.total == 0


@pytest.mark.parametrize(
    ("query", "kpis", "dates", "warnings"),
    [
        ({"kpis": ["installs", "clicks"]}, ["installs"], ["2026-01-26"], ["the answer has no clicks"]),
        ({"kpis": ["Installs"]}, ["installs"], ["2026-01-26"], []),
        ({"kpis": ["installs"], "human_readable_kpis": True}, ["Installations"], ["2026-01-26"], []),
        ({"grouping": ["day"]}, ["installs"], ["2026-01-26", "2026-02-05"], ["asked for: 2026-02-05"]),
        ({"grouping": ["day"]}, ["installs"], ["2026-01-25", "2026-02-05"], ["asked for: 2026-01-25 to 2026-02-05"]),
        ({"grouping": ["hours"]}, ["installs"], ["2026-02-04T23:00:00", "2026-02-05T00:00:00"], ["2026-02-05T00:00"]),
        ({"grouping": ["week"]}, ["installs"], ["2026-01-19"], []),
        ({"grouping": ["day"]}, ["installs"], ["unknown"], []),
    ],
)
async def test_answers_that_are_not_what_was_asked_for_are_warned_of(
    query: Any, kpis: list[str], dates: list[str], warnings: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """KPIs that are missing, and figures outside of the range, are named in the report and in the log."""
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
