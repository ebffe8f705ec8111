"""The apps of the account: listed from the filters of the Report Service."""

import asyncio
from typing import Any

import httpx
import pytest

from adjust_async import App, AsyncAdjust, AuthenticationError, ClientClosedError, ConfigurationError, DecodeError
from adjust_async.emulator import Emulator
from tests.clock import JUMPING_CLOCK
from tests.script import client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=7, trackers_per_app=3, facts_per_day=1),
]


jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])


async def test_a_list_can_be_awaited_and_walked(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`await`, `async for` and `collect` return every app, with its token and name, as often as they are used."""
    apps = adjust.apps.list()
    assert emulator.stats.total == 0
    awaited = await apps
    assert [app.token for app in awaited] == emulator.app_tokens
    assert all(type(app) is App and app.name for app in awaited)
    assert [app async for app in apps] == awaited
    assert [app async for app in apps] == awaited
    assert await apps.collect() == await apps == awaited
    assert emulator.stats.requests == {"GET /reports-service/filters_data": 5}


async def test_tokens_of_apps_can_be_used_in_reports(adjust: AsyncAdjust) -> None:
    """The tokens of the list can be used in a report at once."""
    tokens = [app.token async for app in adjust.apps.list()]
    report = await adjust.reports.fetch(
        app_tokens=tokens, dimensions=["app"], metrics=["sessions"], date_period=("2026-01-01", "2026-01-20")
    )
    names = {app.token: app.name for app in await adjust.apps.list()}
    assert {row["app_token"]: row["app"] for row in report.rows()} == names


async def test_apps_can_be_narrowed(adjust: AsyncAdjust) -> None:
    """`contains` keeps the apps whose name or token holds a text; none is an empty list."""
    first, *_ = await adjust.apps.list()
    assert first.name
    assert first in await adjust.apps.list(contains=first.name[:4].upper())
    assert await adjust.apps.list(contains=first.token) == [first]
    assert await adjust.apps.list(contains="no such app") == []
    assert [app async for app in adjust.apps.list(contains="no such app")] == []


async def test_a_walk_can_be_left(adjust: AsyncAdjust) -> None:
    """A `break` leaves nothing in flight."""
    async for app in adjust.apps.list():
        assert app.token
        break
    assert adjust._session.calls == 0


@jumping
async def test_further_fields_are_kept() -> None:
    """Other fields next to token and name are in `extra`, whatever the structure of the list."""
    values: list[Any] = [
        {"id": "abc", "name": "One", "short_name": "1", "section": "", "formatting": None, "store_ids": ["x"]},
        "def",
        {"id": 123, "name": None},
    ]
    async with client(
        httpx.Response(200, json={"apps": values}), httpx.Response(204), httpx.Response(200, json={})
    ) as (
        adjust,
        script,
    ):
        apps = await adjust.apps.list(contains="x")
        assert await adjust.apps.list() == []
        assert await adjust.apps.list() == []
        assert dict(script.requests[0].url.params) == {"required_filters": "apps", "apps__contains": "x"}
        assert dict(script.requests[1].url.params) == {"required_filters": "apps"}
    assert [(app.token, app.name, app.extra) for app in apps] == [
        ("abc", "One", {"short_name": "1", "section": "", "store_ids": ["x"]}),
        ("def", "def", {}),
        ("123", None, {}),
    ]
    assert len(set(apps)) == 3


@jumping
async def test_wrong_structures_are_located() -> None:
    """Anything but a list of apps is not taken for an account without apps. One malformed app loses no others."""
    async with client(httpx.Response(200, json={"apps": {"a": "A"}})) as (adjust, _):
        with pytest.raises(DecodeError, match=r"expected a list of apps.*\$\.apps"):
            await adjust.apps.list()
    async with client(httpx.Response(200, json={"apps": [{"id": "a"}, {"name": "B"}, {"id": "c"}]})) as (adjust, _):
        assert [app.token async for app in adjust.apps.list()] == ["a", "c"]


@jumping
async def test_fields_of_apps() -> None:
    """The additional fields of newer accounts are attributes, or in `extra` if they have another structure."""
    apps = [
        {"id": "a", "default_store_app_id": "id1", "currency": "EUR", "platforms": ["ios", "android"], "new": 1},
        {"id": "b", "default_store_app_id": 5, "currency": {"code": "EUR"}, "platforms": "ios"},
    ]
    async with client(httpx.Response(200, json={"apps": apps})) as (adjust, _):
        first, second = await adjust.apps.list()
    assert (first.default_store_app_id, first.currency, first.platforms) == ("id1", "EUR", ("ios", "android"))
    assert first.extra == {"new": 1}
    assert (second.default_store_app_id, second.currency, second.platforms) == (None, None, ())
    assert second.extra == {"default_store_app_id": 5, "currency": {"code": "EUR"}, "platforms": "ios"}


@pytest.mark.parametrize("contains", ["", 3, ["a"]])
async def test_wrong_arguments(adjust: AsyncAdjust, emulator: Emulator, contains: Any) -> None:
    """They are refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"contains\['apps'\] is"):
        await adjust.apps.list(contains=contains)
    assert emulator.stats.total == 0


async def test_a_wrong_token(emulator: Emulator) -> None:
    """A token that the service does not know is an `AuthenticationError`."""
    async with AsyncAdjust("wrong-token", api_url=emulator.url) as adjust:
        with pytest.raises(AuthenticationError) as raised:
            await adjust.apps.list()
    assert "wrong-token" not in f"{raised.value}{vars(raised.value)}"


async def test_closing_ends_a_list(emulator: Emulator) -> None:
    """A list in flight ends with `ClientClosedError`, and after that none can be fetched."""
    emulator.latency = 5
    adjust = AsyncAdjust(emulator.token, api_url=emulator.url)
    listing = asyncio.ensure_future(adjust.apps.list().collect())
    while not emulator.stats.in_flight:
        await asyncio.sleep(0)
    await adjust.aclose()
    with pytest.raises(ClientClosedError):
        await listing
    with pytest.raises(ClientClosedError):
        await adjust.apps.list()
