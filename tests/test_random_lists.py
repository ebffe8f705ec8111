"""Lists of random records: their tables are the same in every form."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pandas
from hypothesis import given, settings, strategies as st

from adjust_async import ReportEvent, Table, Tracker
from tests.script import served

TEXT = st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
FURTHER = {"new": JSON, "other": JSON}
TRACKERS = st.fixed_dictionaries(
    {"token": TEXT, "name": TEXT},
    optional={
        "label": TEXT, "level": st.integers(1, 4), "archived": st.booleans(), "has_subtrackers": st.booleans(),
        "partner_id": st.none() | st.integers(0, 2**63 - 1), "cost_data_enabled": st.none() | st.booleans(),
        "click_url": TEXT, **FURTHER,
    },
)  # fmt: skip
EVENTS = st.fixed_dictionaries(
    {"id": TEXT},
    optional={
        "name": TEXT, "description": TEXT, "tokens": st.lists(TEXT, max_size=2), "is_skad_event": st.booleans(),
        "app_token_x_event_tokens_mapping": st.dictionaries(TEXT, st.lists(TEXT, max_size=2), max_size=2), **FURTHER,
    },
)  # fmt: skip


def check_frames(table: Table, records: Sequence[Any]) -> None:
    """Check that each form has the cells of the records, with lists and dictionaries as JSON."""
    expected = [record.to_dict() for record in records]
    assert table.to_dicts() == expected
    nested = {name for row in expected for name, cell in row.items() if isinstance(cell, (list, dict))}
    frame = table.to_pandas()
    in_pandas = [
        {name: None if pandas.isna(cell) else cell for name, cell in zip(frame.columns, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]
    for rows in (table.to_arrow().to_pylist(), table.to_polars().to_dicts(), in_pandas):
        for row in rows:
            row.update((name, json.loads(str(row[name]))) for name in nested if row[name] is not None)
        assert rows == expected
    identified = len({record[table.columns[0]] for record in expected}) == len(expected)
    assert table.key_columns == ((table.columns[0],) if identified else ())


@given(st.lists(st.lists(TRACKERS, max_size=3), min_size=1, max_size=4))
@settings(deadline=None)
def test_pages_of_trackers_are_one_table(pages: list[list[dict[str, Any]]]) -> None:
    """The table of a list has a row for each record of all pages, the same in every form."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("after", 0))
        after = str(number + 1) if number + 1 < len(pages) else None
        paging = {"cursors": {"after": after}}
        return httpx.Response(200, content=json.dumps({"data": {"items": pages[number], "paging": paging}}))

    async def ask() -> tuple[Table, list[Tracker]]:
        async with served(answer) as adjust:
            listing = adjust.trackers.list("app")
            return await listing.to_table(), await listing

    table, records = asyncio.run(ask())
    assert [record.token for record in records] == [item["token"] for page in pages for item in page]
    check_frames(table, records)


@given(st.lists(EVENTS, max_size=4))
@settings(deadline=None)
def test_events_are_one_table(events: list[dict[str, Any]]) -> None:
    """Lists and dictionaries of events are the same in every form."""

    async def ask() -> tuple[Table, list[ReportEvent]]:
        async with served(lambda _: httpx.Response(200, content=json.dumps(events))) as adjust:
            return await adjust.reports.events().to_table(), await adjust.reports.events()

    check_frames(*asyncio.run(ask()))
