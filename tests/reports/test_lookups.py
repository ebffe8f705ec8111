"""What there is to ask for: lists of filters and events, in the shapes that were documented and seen."""

import json
import pickle
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    AsyncAdjust,
    BadRequestError,
    ConfigurationError,
    DecodeError,
    FilterValue,
    ReportEvent,
)
from adjust_async.emulator import Emulator, Faults
from tests.clock import JUMPING_CLOCK
from tests.script import client, status

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=20, facts_per_day=2),
]


jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])


async def own(emulator: Emulator, path: str, **params: str) -> Any:
    """Ask the emulator with plain httpx."""
    headers = {"Authorization": f"Bearer {emulator.token}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, verify=False) as plain:
        return (await plain.get(f"/reports-service/{path}", params=params)).json()


# Filters.


async def test_each_list_is_the_services_own(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Every list is returned by its name, with all of its values and their fields in the service's order."""
    wanted = ["overview_metrics", "cost_metrics", "event_metrics", "dimensions", "networks", "apps_network", "partners"]
    lists = await adjust.reports.filters(wanted)
    document = await own(emulator, "filters_data", required_filters=",".join(wanted))
    assert list(lists) == list(document) == wanted
    for name, values in lists.items():
        assert all(type(value) is FilterValue for value in values)
        told = [
            {key: getattr(value, key) for key in ("id", "name", "short_name", "section", "formatting")} | value.extra
            for value in values
        ]
        assert told == document[name]
    assert any(value.extra.get("app_token") for value in lists["event_metrics"])


async def test_lists_can_be_narrowed(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`section` and `contains` narrow the lists, as the service does."""
    lists = await adjust.reports.filters(["networks", "overview_metrics"], contains={"networks": "FaceB"})
    assert [value.name for value in lists["networks"]] == ["Facebook"]
    assert len(lists["overview_metrics"]) > 30
    cost = await adjust.reports.filters(["overview_metrics"], section="Cost")
    assert {value.section for value in cost["overview_metrics"]} == {"Cost"}
    assert emulator.stats.requests == {"GET /reports-service/filters_data": 2}


@jumping
async def test_requests_for_lists() -> None:
    """The parameters go out under the service's names, with its way to carry the token."""
    async with client(httpx.Response(204)) as (adjust, script):
        await adjust.reports.filters(("networks", "apps"), section="x y", contains={"apps": "é&", "networks": "b"})
        await adjust.reports.events(events__contains="a b", app_tokens=["abc", "def"], tokens_mapping=True)
        await adjust.reports.events()
    filters, events, bare = script.requests
    assert filters.url.path == "/reports-service/filters_data"
    assert dict(filters.url.params) == {
        "required_filters": "networks,apps",
        "section": "x y",
        "apps__contains": "é&",
        "networks__contains": "b",
    }
    assert events.url.path == bare.url.path == "/reports-service/events"
    assert dict(events.url.params) == {
        "events__contains": "a b",
        "app_token__in": "abc,def",
        "tokens_mapping": "true",
    }
    assert not bare.url.params
    assert {request.headers["authorization"] for request in script.requests} == {"Bearer secret-token"}


SHAPES: list[tuple[Any, dict[str, list[FilterValue]]]] = [
    ({}, {}),
    ({"networks": []}, {"networks": []}),
    ({"networks": [{"id": "a"}]}, {"networks": [FilterValue(id="a")]}),
    ({"networks": [{"id": 33, "name": "Adroll"}]}, {"networks": [FilterValue(id="33", name="Adroll")]}),
    ({"networks": [{"id": -300, "name": None}]}, {"networks": [FilterValue(id="-300")]}),
    ({"networks": ["a", "b c"]}, {"networks": [FilterValue(id="a", name="a"), FilterValue(id="b c", name="b c")]}),
    ({"utc_offset": [1, 2.5]}, {"utc_offset": [FilterValue(id="1", name="1"), FilterValue(id="2.5", name="2.5")]}),
    (
        {"apps": [{"id": "a", "name": "A", "short_name": None, "section": None, "formatting": None, "icon": None}]},
        {"apps": [FilterValue(id="a", name="A")]},
    ),
    (
        {"apps": [{"id": "a", "name": "", "new": {"x": [1]}, "other": False}]},
        {"apps": [FilterValue(id="a", name="", extra={"new": {"x": [1]}, "other": False})]},
    ),
    (
        {"apps": ["a"], "countries": [{"id": "de"}], "full_cohort_periods": ["d0"]},
        {
            "apps": [FilterValue(id="a", name="a")],
            "countries": [FilterValue(id="de")],
            "full_cohort_periods": [FilterValue(id="d0", name="d0")],
        },
    ),
]


@jumping
@pytest.mark.parametrize(("document", "lists"), SHAPES, ids=range(len(SHAPES)))
async def test_unusual_structures_of_lists(document: Any, lists: Any) -> None:
    """IDs may be numbers, values plain texts, anything null may be left out, and new fields are kept."""
    async with client(httpx.Response(200, content=json.dumps(document))) as (adjust, _):
        found = await adjust.reports.filters(list(lists) or ["networks"])
    assert found == (lists or {"networks": []})
    assert [[value.extra for value in values] for values in found.values()] == [
        [value.extra for value in values] for values in (lists or {"networks": []}).values()
    ]


WRONG: list[tuple[Any, str]] = [
    ([], r"expected an object with a list for each filter, found \[\] \(at \$\)"),
    (None, r"found None \(at \$\)"),
    ("networks", r"found 'networks' \(at \$\)"),
    ({"error_code": "auth_error", "error_desc": "no"}, r"in spite of its status 200: no \(auth_error\) \(at \$\)"),
    ({"networks": [], "errors": ["later"]}, r"in spite of its status 200: later \(at \$\)"),
]

ODD: list[tuple[Any, str]] = [
    ({}, "expected a list at $.networks, found a value of type dict"),
    ({"+01:00": "Berlin"}, "expected a list at $.networks"),
    ("a", "expected a list at $.networks, found a value of type str"),
    ([None], "1 of 1 items"),
    ([True, {"id": "a"}], "1 of 2 items"),
    ([["a"]], "at $.networks[0]"),
    ([{"id": "a"}, {"name": "A"}, {"name": "B"}], "2 of 3 items"),
    ([{"id": None}], "at $.networks[0].id"),
    ([{"id": ["a"]}], "at $.networks[0].id"),
    ([{"id": "a", "name": 3}], "at $.networks[0].name"),
]


@jumping
@pytest.mark.parametrize(("odd", "warning"), ODD, ids=range(len(ODD)))
async def test_an_unusual_list_does_not_lose_the_others(
    odd: Any, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Values of unknown structure are kept as sent, with one warning, and names are learned from the others."""
    document = {"apps": [{"id": "x"}], "networks": odd, "dimensions": None}
    async with client(httpx.Response(200, json=document)) as (adjust, script):
        values = await adjust.reports.filters(["apps", "networks", "dimensions"])
        assert len(script.requests) == 1
    assert (values["apps"], values["dimensions"]) == ([FilterValue(id="x")], [])
    kept = values["networks"]
    if isinstance(odd, list):
        assert kept == [FilterValue(id="a") if item == {"id": "a"} else item for item in odd]
    else:
        assert kept == odd
    (record,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert warning in record.getMessage()


@jumping
@pytest.mark.parametrize(("document", "place"), WRONG, ids=range(len(WRONG)))
async def test_wrong_structures_of_lists_are_located(document: Any, place: str) -> None:
    """Anything but a list of values is reported at once with its place, and can be pickled."""
    async with client(httpx.Response(200, content=json.dumps(document))) as (adjust, script):
        with pytest.raises(DecodeError, match=place) as raised:
            await adjust.reports.filters(["networks"])
        assert len(script.requests) == 1
    assert (raised.value.method, raised.value.path) == ("GET", "/reports-service/filters_data")
    assert not raised.value.malformed
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "query", "message"),
    [
        (("networks",), {}, r"required_filters is the text 'networks': pass a list, such as \['networks'\]"),
        (([],), {}, "required_filters is empty"),
        (({"networks"},), {}, "required_filters is a set"),
        ((["networks", "networks"],), {}, "required_filters has 'networks' twice"),
        (([3],), {}, "required_filters holds 3"),
        ((None,), {}, "required_filters is None"),
        ((["networks"],), {"section": ""}, "section is ''"),
        ((["networks"],), {"section": 3}, "section is 3"),
        ((["networks"],), {"contains": "goo"}, "contains is 'goo': pass a dictionary"),
        ((["networks"],), {"contains": {"apps": "x"}}, "contains holds 'apps', which is not among required_filters"),
        ((["networks"],), {"contains": {"networks": ""}}, r"contains\['networks'\] is ''"),
        ((["networks"],), {"contains": {"networks": ["a"]}}, r"contains\['networks'\] is \['a'\]"),
    ],
    ids=str,
)
async def test_wrong_arguments_of_filters(
    adjust: AsyncAdjust, emulator: Emulator, arguments: Any, query: Any, message: str
) -> None:
    """They are refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=message):
        await adjust.reports.filters(*arguments, **query)
    assert emulator.stats.total == 0


async def test_an_unknown_list_is_refused_by_the_service(adjust: AsyncAdjust) -> None:
    """The lists are open: an unknown one is sent, and the service's message is raised."""
    with pytest.raises(BadRequestError, match="Unknown filters: widgets"):
        await adjust.reports.filters(["networks", "widgets"])


# Events.


async def test_events_are_the_services_own(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Every event has its apps and tokens, and their mapping on request."""
    events = await adjust.reports.events(tokens_mapping=True)
    document = await own(emulator, "events", tokens_mapping="true")
    assert [event.id for event in events] == [item["id"] for item in document]
    for event, item in zip(events, document, strict=True):
        assert {key: getattr(event, key, event.extra.get(key)) for key in item} == item
        assert set(event.app_token_x_event_tokens_mapping or {}) == set(event.app_token)
    plain = await adjust.reports.events()
    assert {event.app_token_x_event_tokens_mapping for event in plain} == {None}


async def test_events_can_be_narrowed(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`events__contains` and `app_tokens` narrow the events. If none match, the list is empty."""
    every = await adjust.reports.events()
    assert {event.id for event in await adjust.reports.events(events__contains="level")} == {"level up"}
    app = emulator.app_tokens[1]
    of_app = await adjust.reports.events(app_tokens=app)
    assert {event.id for event in of_app} == {event.id for event in every if app in event.app_token}
    assert {tuple(event.app_token) for event in of_app} == {(app,)}
    assert await adjust.reports.events(events__contains="no such event") == []


async def test_events_are_metrics(adjust: AsyncAdjust) -> None:
    """The ID of an event makes the names of its metrics, even if it contains a space."""
    (event,) = await adjust.reports.events(events__contains="level")
    metrics = [f"{event.id}_events", f"{event.id}_revenue", f"{event.id}_d7_events_cohort"]
    report = await adjust.reports.fetch(
        dimensions=["app"], metrics=metrics, date_period=("2026-01-01", "2026-01-10"), fan_out="none"
    )
    assert report.columns == ("app", *metrics)
    assert len(list(report.rows())) == 3


@jumping
async def test_unusual_structures_of_events() -> None:
    """An event may be a plain text, its ID a number, and missing fields null."""
    document = [
        "purchase",
        7,
        {"id": 12, "app_token": None, "tokens": None, "is_skad_event": None, "description": None, "new": [1]},
        {"id": "a", "name": "A", "app_token": ["x"], "tokens": ["t"], "app_token_x_event_tokens_mapping": {"x": ["t"]}},
    ]
    async with client(httpx.Response(200, json=document), httpx.Response(204)) as (adjust, _):
        events = await adjust.reports.events()
        assert await adjust.reports.events() == []
    assert events == [
        ReportEvent(id="purchase", name="purchase"),
        ReportEvent(id="7", name="7"),
        ReportEvent(id="12", extra={"new": [1]}),
        ReportEvent(id="a", name="A", app_token=["x"], tokens=["t"], app_token_x_event_tokens_mapping={"x": ["t"]}),
    ]


@jumping
@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({}, r"expected a list of events, found \{\} \(at \$\)"),
        (None, r"\(at \$\)"),
        ("events", r"\(at \$\)"),
        ({"error": "later"}, "in spite of its status 200: later"),
    ],
    ids=range(4),
)
async def test_wrong_structures_of_events_are_located(document: Any, place: str) -> None:
    """Anything but a list of events is reported with its place."""
    async with client(httpx.Response(200, content=json.dumps(document))) as (adjust, script):
        with pytest.raises(DecodeError, match=place):
            await adjust.reports.events()
        assert len(script.requests) == 1


@jumping
@pytest.mark.parametrize(
    ("odd", "place"),
    [
        (None, "at $[1]"),
        ({"name": "b"}, "at $[1]"),
        ({"id": "a", "tokens": 3}, "at $[1].tokens"),
        ({"id": "a", "tokens": [3]}, "at $[1].tokens"),
        ({"id": "a", "is_skad_event": "no"}, "at $[1].is_skad_event"),
        ({"id": "a", "app_token_x_event_tokens_mapping": ["x"]}, "at $[1].app_token_x_event_tokens_mapping"),
    ],
)
async def test_an_unusual_event_does_not_lose_the_others(
    odd: Any, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is kept as the service sent it, and a warning has its place."""
    async with client(httpx.Response(200, json=[{"id": "x"}, odd, {"id": "y"}])) as (adjust, script):
        assert await adjust.reports.events() == [ReportEvent(id="x"), odd, ReportEvent(id="y")]
        assert len(script.requests) == 1
    (record,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert "1 of 3 items are malformed" in record.getMessage()
    assert place in record.getMessage()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"events__contains": ""}, "events__contains is ''"),
        ({"events__contains": ["a"]}, "events__contains is"),
        ({"app_tokens": []}, "app_tokens is empty"),
        ({"app_tokens": ["a", "a"]}, "app_tokens has 'a' twice"),
        ({"app_tokens": "a,b"}, "app_tokens is 'a,b'"),
        ({"tokens_mapping": "yes"}, "tokens_mapping is 'yes'"),
    ],
    ids=str,
)
async def test_wrong_arguments_of_events(adjust: AsyncAdjust, emulator: Emulator, query: Any, message: str) -> None:
    """They are refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=message):
        await adjust.reports.events(**query)
    assert emulator.stats.total == 0


# Both.


FAILURES: dict[str, Any] = {
    "500": status(500),
    "504": status(504),
    "empty": httpx.Response(200),
    "half": httpx.Response(200, content=b'[{"id": "pur'),
    "reset": httpx.ReadError("reset"),
}


@jumping
@pytest.mark.parametrize("failure", FAILURES)
async def test_failures_are_retried_and_are_not_an_empty_list(failure: str) -> None:
    """Transient failures are retried. A permanent one is an error, which can be pickled."""
    one = {"apps": [{"id": "a"}]}
    async with client(FAILURES[failure], httpx.Response(200, json=one), max_attempts=3) as (adjust, script):
        assert list(await adjust.reports.filters(["apps"])) == ["apps"]
        script.outcomes = [FAILURES[failure]]
        for ask in (adjust.reports.events, lambda: adjust.reports.filters(["apps"]), adjust.apps.list):
            script.requests.clear()
            with pytest.raises(AdjustError) as raised:
                await ask()
            assert len(script.requests) == 3
            copy = pickle.loads(pickle.dumps(raised.value))
            assert (type(copy), str(copy)) == (type(raised.value), str(raised.value))


@jumping
async def test_a_page_is_not_a_list() -> None:
    """A page with a success status is an error at once: another attempt would receive the same page."""
    page = httpx.Response(200, html="<html><title>Sign in</title></html>")
    async with client(page, max_attempts=3) as (adjust, script):
        with pytest.raises(DecodeError, match="Sign in"):
            await adjust.reports.events()
        assert len(script.requests) == 1


async def test_the_emulators_faults_are_overcome(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Complete lists arrive from a service that fails at every other request."""
    emulator.faults = Faults(0.5, ["500", "502-html", "503", "drop-before", "truncated-json"], seed=5)
    for _ in range(6):
        assert len((await adjust.reports.filters(["apps"]))["apps"]) == 3
        assert len(await adjust.reports.events()) > 3
    assert emulator.stats.faults.total() > 2
