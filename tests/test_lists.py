"""Lists: each can be awaited, iterated and converted to a table, always with the same records."""

import asyncio
import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pandas
import pyarrow
import pytest

from adjust_async import (
    App,
    AsyncAdjust,
    ClientClosedError,
    ConfigurationError,
    FilterValue,
    Partner,
    RecordList,
    ReportEvent,
    ServerError,
    Tracker,
)
from adjust_async.emulator import Emulator
from tests.clock import JUMPING_CLOCK
from tests.script import client, never, served, status

pytestmark = [pytest.mark.anyio, pytest.mark.account(apps=2, trackers_per_app=60)]

jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])

#: A call for each listing.
LISTINGS: dict[str, Callable[[AsyncAdjust], RecordList[Any]]] = {
    "trackers": lambda adjust: adjust.trackers.list("app"),
    "children": lambda adjust: adjust.trackers.children("app", "abc123"),
    "walk": lambda adjust: adjust.trackers.walk(["app", "other"]),
    "partners": lambda adjust: adjust.partners.list(),
    "apps": lambda adjust: adjust.apps.list(),
    "events": lambda adjust: adjust.reports.events(),
}
each = pytest.mark.parametrize("name", LISTINGS)

#: The columns of each kind of record, with their types in Arrow.
COLUMNS: dict[type, dict[str, str]] = {
    Tracker: {
        "token": "string", "name": "string", "label": "string", "level": "int64", "archived": "bool",
        "has_subtrackers": "bool", "partner_id": "int64", "cost_data_enabled": "bool", "url": "string",
        "click_url": "string", "impression_url": "string", "app_token": "string", "parent_token": "string",
        "extra": "string",
    },
    Partner: {"id": "int64", "display_name": "string", "supports_cost_data": "bool", "extra": "string"},
    App: dict.fromkeys(("token", "name", "default_store_app_id", "currency", "platforms", "extra"), "string"),
    ReportEvent: {
        **dict.fromkeys(("id", "name", "short_name", "section", "formatting", "description"), "string"),
        "app_token": "string", "tokens": "string", "is_skad_event": "bool", "increase_is_negative": "bool",
        "app_token_x_event_tokens_mapping": "string", "extra": "string",
    },
}  # fmt: skip
LISTED: dict[str, type] = {
    "trackers": Tracker, "children": Tracker, "walk": Tracker, "partners": Partner, "apps": App, "events": ReportEvent,
}  # fmt: skip


def nothing(request: httpx.Request) -> httpx.Response:
    """Answer with nothing."""
    if request.url.path.endswith("/events"):
        return httpx.Response(200, json=[])
    return httpx.Response(200, json={"data": {"items": []}} if "/public/" in request.url.path else {"apps": []})


def in_order(records: Sequence[Any]) -> list[Any]:
    """Sort records by their keys, because a walk returns them in the order of arrival."""
    return sorted(records, key=lambda record: str(getattr(record, "token", None) or record.id))


async def of_account(adjust: AsyncAdjust, emulator: Emulator) -> dict[str, RecordList[Any]]:
    """Return a listing of each kind that is not empty."""
    app = emulator.app_tokens[0]
    parent = next(tracker for tracker in await adjust.trackers.list(app) if tracker.has_subtrackers)
    return {
        "trackers": adjust.trackers.list(app, page_size=7),
        "children": adjust.trackers.children(app, parent.token, page_size=1),
        "walk": adjust.trackers.walk(emulator.app_tokens, page_size=7),
        "partners": adjust.partners.list(page_size=3),
        "apps": adjust.apps.list(),
        "events": adjust.reports.events(tokens_mapping=True),
    }


@each
async def test_every_way_returns_the_same_records(adjust: AsyncAdjust, emulator: Emulator, name: str) -> None:
    """Awaited, collected, iterated and as a table, a listing has the same records, which are requested each time."""
    listing = (await of_account(adjust, emulator))[name]
    emulator.stats.reset()
    repr(listing)
    assert emulator.stats.total == 0
    records = await listing
    once = emulator.stats.total
    assert len(records) > 1
    assert {type(record) for record in records} == {LISTED[name]}
    assert in_order(await listing) == in_order(await listing.collect()) == in_order(records)
    assert in_order([record async for record in listing]) == in_order(records)
    table = await listing.to_table()
    assert emulator.stats.total == once * 5
    key = "id" if hasattr(records[0], "id") else "token"
    rows = sorted(table, key=lambda row: str(row[key]))
    assert rows == [record.to_dict() for record in in_order(records)]
    assert [type(record)(**record.to_dict()) for record in records] == records
    assert table.key_columns == (key,)
    assert len(table) == len({row[key] for row in rows}) == len(records)


@each
async def test_the_table_of_a_listing_is_like_any_other(
    adjust: AsyncAdjust, emulator: Emulator, name: str, tmp_path: Path
) -> None:
    """It can be pickled, compared, counted, cut and written, and it does not contain the API token."""
    table = await (await of_account(adjust, emulator))[name].to_table()
    copy = pickle.loads(pickle.dumps(table))
    assert copy == table
    assert copy.key_columns == table.key_columns
    assert table != await adjust.partners.list(max_items=1).to_table()
    assert list(table) == table.to_dicts()
    assert table.head(2) == table.to_dicts()[:2]
    assert repr(table).startswith(f"<RecordTable of {len(table)} rows: {table.columns[0]}, {table.columns[1]}")
    table.to_parquet(tmp_path / "listed.parquet")
    assert pandas.read_parquet(tmp_path / "listed.parquet").shape == table.to_pandas().shape
    table.to_csv(tmp_path / "listed.csv")
    assert (tmp_path / "listed.csv").read_text("utf-8").startswith(",".join(table.columns))
    assert emulator.token.encode() not in pickle.dumps(table, 0) + (tmp_path / "listed.csv").read_bytes()


@each
async def test_columns_do_not_depend_on_the_records(name: str) -> None:
    """If nothing is listed, the table has the columns and types of a full one, and is still true."""
    async with served(nothing) as adjust:
        listing = LISTINGS[name](adjust)
        assert await listing == []
        assert [record async for record in listing] == []
        table = await listing.to_table()
    assert table
    assert len(table) == 0
    columns = COLUMNS[LISTED[name]]
    assert {field.name: str(field.type) for field in table.to_arrow().schema} == columns
    assert table.key_columns == (next(iter(columns)),)
    assert table.to_polars().columns == list(table.to_pandas().columns) == list(columns)
    for column, kind in columns.items():
        dtype = str(table.to_pandas().dtypes[column])
        assert dtype == {"int64": "Int64", "bool": "boolean", "string": "str"}[kind]


@each
async def test_a_listing_can_be_used_as_an_awaitable(name: str) -> None:
    """`gather`, `wait_for` and `ensure_future` take a listing, and `create_task` what `collect` returns."""
    async with served(nothing) as adjust:
        listing = LISTINGS[name](adjust)
        assert list(await asyncio.gather(listing, listing.collect())) == [[], []]
        assert await asyncio.wait_for(listing, 60) == []
        assert await asyncio.ensure_future(listing) == []
        assert await asyncio.create_task(listing.collect()) == []
        assert "await it" in repr(listing)
        assert "s3cr3t" not in repr(listing) + repr(await listing.to_table())


WAYS: dict[str, Callable[[RecordList[Any]], Any]] = {
    "await": lambda listing: asyncio.ensure_future(listing),
    "table": lambda listing: asyncio.create_task(listing.to_table()),
    "iterate": lambda listing: asyncio.create_task(iterated(listing)),
}
each_way = pytest.mark.parametrize("way", WAYS)


async def iterated(listing: RecordList[Any]) -> list[Any]:
    """Iterate to the end."""
    return [record async for record in listing]


@each
@each_way
async def test_a_cancelled_one_leaves_nothing_behind(
    adjust: AsyncAdjust, emulator: Emulator, name: str, way: str
) -> None:
    """A task that is cancelled during a request ends at once, together with its requests."""
    listing = (await of_account(adjust, emulator))[name]
    emulator.latency = 5
    task = WAYS[way](listing)
    while not emulator.stats.in_flight:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    session = adjust._session
    assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
    emulator.latency = 0
    assert await listing


@jumping
@each
@each_way
async def test_closing_the_client_ends_it(name: str, way: str) -> None:
    """If the client is closed during a listing, the error says so. After that nothing can be listed."""
    async with client(never) as (adjust, script):
        listing = LISTINGS[name](adjust)
        task = WAYS[way](listing)
        while not script.in_flight:
            await asyncio.sleep(0)
        await adjust.aclose()
        with pytest.raises(ClientClosedError):
            await task
        with pytest.raises(ClientClosedError):
            await listing
        with pytest.raises(ClientClosedError):
            await listing.to_table()
        assert script.in_flight == 0


async def test_awaiting_while_iterating_disturbs_neither(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A list that is awaited during its own iteration is complete, and so is the iteration."""
    for name, listing in (await of_account(adjust, emulator)).items():
        seen, awaited = [], None
        async for record in listing:
            seen.append(record)
            if awaited is None:
                awaited = await listing
        assert awaited is not None, name
        assert in_order(awaited) == in_order(seen) == in_order(await listing)


@jumping
@each
async def test_a_failure_is_not_a_short_list(name: str) -> None:
    """A page that keeps failing is an error of the whole list and the whole table."""
    async with client(status(500), max_attempts=1) as (adjust, _):
        listing = LISTINGS[name](adjust)
        for ask in (listing.collect, listing.to_table):
            with pytest.raises(ServerError):
                await ask()


async def test_platforms_of_apps_are_a_list() -> None:
    """A tuple of a record is a list in rows, as in `to_dict`, and JSON in frames."""
    apps = [{"id": "a", "platforms": ["ios", "android"]}, {"id": "b"}]
    async with served(lambda _: httpx.Response(200, json={"apps": apps})) as adjust:
        records = await adjust.apps.list()
        table = await adjust.apps.list().to_table()
    assert [row["platforms"] for row in table] == [["ios", "android"], []]
    assert [App(**row) for row in table] == records
    assert table.to_arrow().column("platforms").to_pylist() == ['["ios","android"]', "[]"]


async def test_filter_lists_are_a_dictionary_and_one_table(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Awaited filter lists are values by the name of their list. Their table has the name next to each value."""
    wanted = ["dimensions", "networks", "apps"]
    lists = adjust.reports.filters(wanted)
    assert emulator.stats.total == 0
    values = await lists
    assert list(values) == wanted
    assert await lists.collect() == values
    table = await lists.to_table()
    assert emulator.stats.total == 3
    assert table.columns == ("list", *FilterValue(id="x").to_dict())
    assert list(table) == [{"list": name, **value.to_dict()} for name in wanted for value in values[name]]
    assert table.key_columns == ("list", "id")
    assert "dimensions, networks, apps" in repr(lists)


async def test_filter_lists_without_a_value_have_their_columns() -> None:
    """Null values do not change the columns."""
    async with served(lambda _: httpx.Response(204)) as adjust:
        table = await adjust.reports.filters(["networks"]).to_table()
    assert table
    assert table.to_arrow().schema == pyarrow.schema(
        [(name, pyarrow.string()) for name in ("list", *FilterValue(id="x").to_dict())]
    )


async def test_items_of_unknown_structure_are_in_the_table() -> None:
    """Such an item is in `extra`, and the table has no key columns."""
    odd: list[Any] = [{"id": "x"}, {"name": "y"}, True, ["z"]]

    def answer(request: httpx.Request) -> httpx.Response:
        events = request.url.path.endswith("/events")
        return httpx.Response(200, json=odd if events else {"networks": odd, "countries": "de"})

    async with served(answer) as adjust:
        events = await adjust.reports.events().to_table()
        values = await adjust.reports.filters(["networks", "countries"]).to_table()
    found = [("x", {}), (None, {"name": "y"}), (None, {"value": True}), (None, {"value": ["z"]})]
    assert [(row["id"], row["extra"]) for row in events] == found
    assert [(row["id"], row["extra"]) for row in values] == [*found, (None, {"value": "de"})]
    assert [row["list"] for row in values] == [*["networks"] * 4, "countries"]
    assert events.key_columns == values.key_columns == ()
    assert events.to_polars()["extra"].to_list() == ["{}", '{"name":"y"}', '{"value":true}', '{"value":["z"]}']


def test_arguments_are_checked_before_anything_is_awaited() -> None:
    """Lists for reports and lists of trackers refuse a wrong argument when they are called."""
    reports = AsyncAdjust("token").reports
    with pytest.raises(ConfigurationError, match="required_filters is empty"):
        reports.filters([])
    with pytest.raises(ConfigurationError, match="app_tokens is empty"):
        reports.events(app_tokens=[])
    with pytest.raises(ConfigurationError, match=r"contains\['apps'\] is ''"):
        AsyncAdjust("token").apps.list(contains="")


async def test_a_page_is_a_dictionary_on_demand(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """`to_dict` of a page returns its records and its cursors as values that JSON supports."""
    async for page in adjust.trackers.list(emulator.app_tokens[0], page_size=7).pages():
        plain = page.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert plain["items"] == [tracker.to_dict() for tracker in page.items]
        assert plain["cursors"] == {"after": page.cursors.after, "before": page.cursors.before}
        assert (plain["total"], plain["next"]) == (page.total, page.next)
