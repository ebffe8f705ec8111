"""Cursor pages: both versions of the API, unusual ends, and arguments."""

import asyncio
import inspect
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from adjust_async import (
    AsyncAdjust,
    ConfigurationError,
    DecodeError,
    Page,
    PaginationError,
    Tracker,
)
from tests.campaign.collection import HOST, LABELS, PAGES, Collection, client, labels, paging_v1, paging_v2
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock


@pytest.mark.parametrize("prefetch", [0, 1, 2, 7])
@pytest.mark.parametrize(("version", "paging"), [("v1", paging_v1), ("v2", paging_v2)])
async def test_every_item_comes_once_and_in_order(version: str, paging: Any, prefetch: int) -> None:
    """Both versions yield all items, over short pages and an empty page in the middle, whatever is prefetched."""
    collection = Collection(PAGES, paging)
    async with client(collection, version) as adjust:
        pages = adjust.trackers.list("app", prefetch=prefetch)
        assert await labels(pages) == LABELS
        assert [tracker.name for tracker in await pages.collect()] == LABELS
        assert [len(page.items) async for page in pages.pages()] == [2, 1, 0, 2, 1]
    assert len(collection.asked) == 15


def test_iterators_are_async_generators() -> None:
    """Both ways to iterate are async generators, which can be closed."""
    pages = AsyncAdjust("token").trackers.list("app")
    assert inspect.isasyncgen(pages.pages())
    assert inspect.isasyncgen(pages.__aiter__())


async def test_a_page_has_the_fields_of_the_answer() -> None:
    """The numbers that v1 sends as text become numbers, and the cursors are the neighbours'."""
    async with client(Collection(PAGES, paging_v1)) as adjust:
        pages = [page async for page in adjust.trackers.list("app", page_size=2).pages()]
    first, second, *_, last = pages
    assert (first.total, first.page_size, first.request_id) == (199, 2, "r0")
    assert first.next == f"{HOST}/public/v1/apps/app/trackers?after=c1&limit=2"
    assert (first.cursors.after, first.cursors.before) == ("c1", None)
    assert (second.cursors.after, second.cursors.before) == ("c2", "c0")
    assert (last.cursors.after, last.next) == (None, None)


async def test_v2_has_no_total() -> None:
    """What v2 leaves out is `None`."""
    async with client(Collection(PAGES, paging_v2), "v2") as adjust:
        first = await anext(adjust.trackers.list("app").pages())
        assert (first.total, first.page_size, first.cursors.after, first.cursors.before) == (None, None, "c1", None)


LINK_V1 = f"{HOST}/public/v1/apps/app/trackers?limit=2&after="
LINK_V2 = f"{HOST}/public/v2/apps/app/trackers?limit=2&cursor="


@pytest.mark.parametrize(
    ("version", "paging"),
    [
        ("v1", lambda n, more: {"cursors": {"after": f"c{n + 1}"}} if more else {"next": "", "cursors": {"after": ""}}),
        ("v1", lambda n, more: {"cursors": {"after": f"c{n + 1}"}} if more else {}),
        ("v1", lambda n, more: {"cursors": {"after": f"c{n + 1}"}} if more else None),
        ("v1", lambda n, more: {"cursors": {"after": f"c{n + 1}"}} if more else ...),
        ("v1", lambda n, more: {"cursors": {"after": f"c{n + 1}"}} if more else {"cursors": None}),
        ("v1", lambda n, more: {"next": f"{LINK_V1}c{n + 1}"} if more else {"next": None}),
        ("v1", lambda n, more: {"next": f"{LINK_V1}c{n + 1}", "cursors": {"after": None}} if more else {}),
        ("v1", lambda n, more: {"next": f"/public/v1/apps/app/trackers?after=c{n + 1}"} if more else {}),
        ("v1", lambda n, more: {"next": f"https://api.adjust.com:443/x?after=c{n + 1}"} if more else {}),
        ("v2", lambda n, more: {"next": f"{LINK_V2}c{n + 1}"} if more else {"next": "", "cursor": ""}),
        ("v2", lambda n, more: {"cursor": f"c{n + 1}"} if more else {"cursor": None}),
        ("v2", lambda n, more: {"next": f"{LINK_V2}c{n + 1}", "cursor": f"c{n}"} if more else {}),
        ("v2", lambda n, more: {"next": f"{LINK_V2}c{n + 1}", "cursor": f"c{n + 1}"} if more else ...),
    ],
)
async def test_every_form_of_the_next_page_and_of_the_end(version: str, paging: Any) -> None:
    """With cursors, links or both, and `null`, empty or absent at the end, all items arrive and the listing stops."""
    async with client(Collection(PAGES, paging), version) as adjust:
        assert await labels(adjust.trackers.list("app")) == LABELS


@pytest.mark.parametrize(
    ("paging", "place"),
    [
        (["x"], r"\$\.data\.paging\)"),
        ({"cursors": "abc"}, r"\$\.data\.paging\.cursors\)"),
        ({"cursors": {"after": 1.5}}, r"\$\.data\.paging\.cursors\.after"),
        ({"cursors": {"after": {}}}, r"\$\.data\.paging\.cursors\.after"),
        ({"next": ["x"]}, r"\$\.data\.paging\.next"),
        ({"cursor": False}, r"\$\.data\.paging\.cursor\)"),
    ],
)
async def test_a_paging_object_of_another_shape_is_not_taken_for_the_end(paging: Any, place: str) -> None:
    """An unreadable part is an error with its place: as the end of the listing, it would lose the rest."""
    async with client(Collection(PAGES, lambda n, more: paging)) as adjust:
        with pytest.raises(DecodeError, match=place):
            await labels(adjust.trackers.list("app"))


async def test_a_last_page_with_its_own_cursor_is_the_last() -> None:
    """v2's end is not documented: a page's own cursor next to a `next` that is null is not a loop."""

    def paging(number: int, more: bool) -> Any:
        return {"next": f"{LINK_V2}c{number + 1}" if more else None, "cursor": f"c{number}"}

    async with client(Collection(PAGES, paging), "v2") as adjust:
        assert await labels(adjust.trackers.list("app")) == LABELS


@pytest.mark.parametrize("prefetch", [0, 1, 3])
@pytest.mark.parametrize("back_to", [0, 1, 2])
async def test_a_repeated_cursor_is_an_error_not_a_circle(back_to: int, prefetch: int) -> None:
    """A repeated cursor ends the listing after the page that sent it, and the error names both."""
    collection = Collection(
        PAGES, lambda n, more: {"cursors": {"after": f"c{back_to}" if n == 2 and back_to else f"c{n + 1}"}}
    )
    if back_to == 0:
        collection.paging = lambda n, more: {"cursors": {"after": "c1"}}
    async with client(collection) as adjust:
        seen: list[str] = []
        with pytest.raises(PaginationError, match="a second time") as raised:
            async for tracker in adjust.trackers.list("app", prefetch=prefetch):
                seen.append(tracker.name)
    assert raised.value.cursor == f"c{back_to or 1}"
    assert raised.value.service == "api"
    assert raised.value.page == (2 if back_to == 0 else 3)
    assert repr(raised.value.cursor) in str(raised.value)
    assert seen == ["a", "b", "c"]


@pytest.mark.parametrize("elsewhere", ["https://evil.invalid/x", "http://api.adjust.com/x", "//evil.invalid/x"])
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_next_page_elsewhere_is_never_followed(version: str, elsewhere: str) -> None:
    """If only a link to another host or scheme leads on, the listing ends with an error, and nothing is sent there."""
    parameter = "after" if version == "v1" else "cursor"
    collection = Collection(PAGES, lambda n, more: {"next": f"{elsewhere}?{parameter}=c{n + 1}"})
    async with client(collection, version) as adjust:
        with pytest.raises(PaginationError, match="API token must not be sent elsewhere"):
            await labels(adjust.trackers.list("app"))
    assert len(collection.asked) == 1
    assert collection.hosts == {"api.adjust.com"}


async def test_a_cursor_next_to_a_foreign_link_is_sent_to_the_configured_host() -> None:
    """Behind a gateway the link leads to Adjust's own host, but the cursor is sent to the configured host."""
    collection = Collection(
        PAGES,
        lambda n, more: {**paging_v1(n, more), "next": f"https://evil.invalid/x?after=c{n + 1}" if more else None},
    )
    async with client(collection) as adjust:
        assert await labels(adjust.trackers.list("app")) == LABELS
    assert collection.hosts == {"api.adjust.com"}


async def test_before_walks_backwards() -> None:
    """With `before`, pages go from the one before that cursor back to the first one."""
    collection = Collection(PAGES, paging_v1)
    async with client(collection) as adjust:
        assert await labels(adjust.trackers.list("app", before="c3")) == ["d", "e", "c", "a", "b"]
    assert [query["before"] for query in collection.asked] == ["c3", "c2", "c1", "c0"]


@pytest.mark.parametrize(("version", "start"), [("v1", {"after": "c3"}), ("v2", {"cursor": "c3"})])
async def test_a_walk_begins_at_a_cursor(version: str, start: dict[str, Any]) -> None:
    """`after` with v1 and `cursor` with v2 start in the middle."""
    paging = paging_v1 if version == "v1" else paging_v2
    async with client(Collection(PAGES, paging), version) as adjust:
        assert await labels(adjust.trackers.list("app", **start)) == ["d", "e", "f"]


@pytest.mark.parametrize("prefetch", [0, 1])
@pytest.mark.parametrize(("max_items", "requests"), [(1, 1), (2, 1), (3, 2), (4, 4), (6, 5), (100, 5)])
async def test_max_items_ends_the_walk_and_the_requests(max_items: int, requests: int, prefetch: int) -> None:
    """No more than `max_items` arrive, and no page beyond them is fetched."""
    collection = Collection(PAGES, paging_v1)
    async with client(collection) as adjust:
        pages = adjust.trackers.list("app", max_items=max_items, prefetch=prefetch)
        assert await labels(pages) == LABELS[:max_items]
    assert len(collection.asked) == requests


async def test_page_size_is_sent_as_limit() -> None:
    """`page_size` is sent as `limit` with every page. Without it, `max_items` keeps the page small."""
    collection = Collection(PAGES, paging_v1)
    async with client(collection) as adjust:
        await adjust.trackers.list("app", page_size=200).collect()
        assert {query["limit"] for query in collection.asked} == {"200"}
        await adjust.trackers.list("app", max_items=1).collect()
        assert collection.asked[-1] == {"limit": "1"}
        collection.asked.clear()
        await adjust.trackers.list("app", max_items=4).collect()
        assert [query["limit"] for query in collection.asked] == ["4"] * 4
        await adjust.trackers.list("app").collect()
        assert "limit" not in collection.asked[-1]


@pytest.mark.parametrize(
    ("version", "arguments", "message"),
    [
        ("v1", {"page_size": 0}, "page_size is 0: pass a whole number of at least 1"),
        ("v1", {"page_size": -1}, "page_size is -1"),
        ("v1", {"page_size": True}, "page_size is True"),
        ("v1", {"page_size": "50"}, "page_size is '50'"),
        ("v1", {"max_items": 0}, "max_items is 0"),
        ("v1", {"prefetch": -1}, "prefetch is -1: pass a whole number of at least 0"),
        ("v1", {"prefetch": None}, "prefetch is None"),
        ("v1", {"after": ""}, "after is ''"),
        ("v1", {"after": 3}, "after is 3"),
        ("v1", {"cursor": "c"}, "cursor= is not an argument of Campaign API v1: use after= or before="),
        ("v1", {"after": "a", "before": "b"}, "after= and before= are both passed"),
        ("v2", {"after": "c"}, "after= is not an argument of Campaign API v2: use cursor="),
        ("v2", {"before": "c"}, "before= is not an argument of Campaign API v2"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    version: str, arguments: dict[str, Any], message: str
) -> None:
    """The error names the argument, its value, and a valid one."""
    collection = Collection(PAGES, paging_v1)
    async with client(collection, version) as adjust:
        with pytest.raises(ConfigurationError, match=message):
            adjust.trackers.list("app", **arguments)
        with pytest.raises(ConfigurationError, match=message):
            adjust.partners.list(**arguments)
        with pytest.raises(ConfigurationError, match=message):
            adjust.trackers.children("app", "abc123", **arguments)
    assert collection.asked == []


async def test_an_argument_that_no_listing_has() -> None:
    """A misspelt argument is refused by name, with the similar one."""
    async with client(Collection(PAGES, paging_v1), "v1") as adjust:
        with pytest.raises(
            ConfigurationError, match="pagesize is not an argument of a listing: did you mean page_size"
        ):
            adjust.trackers.list("app", pagesize=5)  # type: ignore[call-arg] # what is tested is that it fails


@given(
    pages=st.lists(st.lists(st.text("abc", min_size=1, max_size=3), max_size=4), min_size=1, max_size=8),
    prefetch=st.integers(0, 4),
    max_items=st.none() | st.integers(1, 20),
    version=st.sampled_from(["v1", "v2"]),
)
@settings(deadline=None)
def test_a_walk_is_the_concatenation_of_the_pages(
    pages: list[list[str]], prefetch: int, max_items: int | None, version: str
) -> None:
    """Whatever the pages contain, the listing yields their items in order, cut at `max_items`."""

    async def walk() -> tuple[list[str], list[Page[Tracker]]]:
        collection = Collection(pages, paging_v1 if version == "v1" else paging_v2)
        async with client(collection, version) as adjust:
            listing = adjust.trackers.list("app", prefetch=prefetch, max_items=max_items)
            return await labels(listing), [page async for page in listing.pages()]

    everything = [label for page in pages for label in page]
    items, walked = asyncio.run(walk())
    assert items == everything[:max_items]
    assert [tracker.name for page in walked for tracker in page.items] == items


async def test_a_last_page_of_v1_that_repeats_its_own_cursor() -> None:
    """A repeated cursor next to `next: null` is the end, in both directions. Next to a link it is a loop."""

    def repeating(number: int, more: bool) -> Any:
        paging = paging_v1(number, more)
        paging["cursors"] = {"after": f"c{number + more}", "before": f"c{max(number - 1, 0)}"}
        return paging

    def looping(number: int, more: bool) -> Any:
        paging = paging_v1(number, more)
        if not more:
            paging |= {
                "next": f"{HOST}/public/v1/apps/app/trackers?after=c{number}",
                "cursors": {"after": f"c{number}"},
            }
        return paging

    async with client(Collection(PAGES, repeating), "v1") as adjust:
        forwards = await adjust.trackers.list("app").collect()
        assert [tracker.name for tracker in forwards] == [label for page in PAGES for label in page]
        backwards = await adjust.trackers.list("app", before=f"c{len(PAGES) - 1}").collect()
        assert len(backwards) == len(forwards)
    async with client(Collection(PAGES, looping), "v1") as adjust:
        with pytest.raises(PaginationError, match="a second time"):
            await adjust.trackers.list("app").collect()
