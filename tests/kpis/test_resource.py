"""KPIs of many apps, over real sockets against the emulator."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from adjust_async import (
    AsyncAdjust,
    DecodeError,
    KpiReport,
)
from adjust_async.emulator import Emulator
from adjust_async.emulator.kpis.catalog import KPIS, Report
from tests.kpis.sockets import DATES, ask, cells

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=6, trackers_per_app=60, facts_per_day=10),
    pytest.mark.settings(max_attempts=2),
]


TEXT_DATES = {"start_date": "2026-01-26", "end_date": "2026-02-04"}


ENDPOINTS = ["deliverables", "events", "cohorts", "skadnetwork"]


def path_of(endpoint: str, *tokens: str) -> str:
    """Return the path of an endpoint for these apps."""
    return f"/kpis/v1/{','.join(tokens)}" + ("" if endpoint == "deliverables" else f"/{endpoint}")


async def answer(emulator: Emulator, path: str, params: dict[str, str]) -> bytes:
    """Query the emulator with plain httpx."""
    headers = {"Authorization": f"Token token={emulator.token}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, verify=False, timeout=30) as client:
        response = await client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.content


async def test_one_request_is_sent_for_each_app_in_the_requested_order(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Apps are in the requested order, each from its own request, whatever order the answers arrive in."""
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


# Each grouping meets two endpoints, and each endpoint meets several groupings.
@pytest.mark.parametrize(
    ("endpoint", "grouping"),
    [
        (list(ENDPOINTS)[(number + step) % len(ENDPOINTS)], one)
        for number, one in enumerate(GROUPINGS)
        for step in (0, 1)
    ],
    ids=str,
)
async def test_the_merged_report_is_the_services_own_for_all_apps(
    adjust: AsyncAdjust, emulator: Emulator, endpoint: str, grouping: list[str] | None
) -> None:
    """A merged report equals, cell by cell, the service's answer to one request for all apps."""
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
    """For the same query, JSON and CSV have the same rows, except for what the CSV does not contain about the app."""

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
    """For every KPI of the emulator, a report without figures has the columns and kinds of one with figures."""
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
    """A range split into windows has the same cells as the range in one request."""
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


# What goes out.


async def test_below_a_tracker(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`tracker_token` restricts figures to one tracker; they belong to its app."""
    app = emulator.app_tokens[0]
    everything = await adjust.kpis.deliverables(app, grouping=["networks"], kpis=["installs"], **DATES)
    row = next(row for row in everything.rows() if row["installs"])
    below = await adjust.kpis.deliverables(
        app, tracker_token=row["network_token"], grouping=["networks"], kpis=["installs"], **DATES
    )
    assert [(found["app_token"], found["installs"]) for found in below.rows()] == [(app, row["installs"])]
    assert "GET /kpis/v1/{app_tokens}/trackers/{tracker_tokens}" in emulator.stats.requests


async def test_an_answer_that_names_the_tracker_in_place_of_the_app() -> None:
    """Below a tracker, some services return the tracker's token; the figures still belong to the app."""
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
    """The query is sent under its names on the wire, lists joined, dates and booleans as documented."""
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
