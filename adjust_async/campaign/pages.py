"""Iterate over a collection page by page: `CursorPages`, and the `Page` that it yields."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from itertools import count
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

import attrs

from adjust_async._checks import check_cursor, check_whole_number
from adjust_async._concurrency import Send, stream
from adjust_async._http import documents, messages
from adjust_async._http.messages import RequestSpec
from adjust_async._http.session import Session
from adjust_async._suggestions import did_you_mean, near_names
from adjust_async.campaign import envelope
from adjust_async.config import CampaignVersion
from adjust_async.errors import AdjustError, ConfigurationError, PaginationError, replace
from adjust_async.tables import RecordList

__all__ = ["CursorPages", "Cursors", "Page", "Paging", "Start"]

T = TypeVar("T")

#: Items on a page if no `limit` is sent, in v1 and in v2.
DEFAULT_PAGE_SIZE = 50


class Cursors(NamedTuple):
    """The cursors of a page's neighbours. The texts are opaque; `None` if there is no neighbour.

    Attributes:
        after: The cursor of the next page. With Campaign API v2, pass it as `cursor=`.
        before: The cursor of the previous page; `None` with v2, which can't go back.
    """

    after: str | None = None
    before: str | None = None


@attrs.frozen(kw_only=True)
class Page(Generic[T]):
    """One page of a collection from the Campaign API.

    Attributes:
        items: The records. A page with fewer than `page_size`, or none, may still have a next page.
        total: The number of items in the whole collection; `None` with v2, which does not send it.
        page_size: The maximum number of items on a page; `None` with v2, which does not send it.
        cursors: The cursors of the neighbouring pages.
        next: The URL that the service sent for the next page. The SDK uses the cursor instead.
        request_id: The service's ID of the request, for Adjust's support; `None` if the answer had none.
    """

    items: tuple[T, ...]
    total: int | None = None
    page_size: int | None = None
    cursors: Cursors = attrs.field(factory=Cursors)
    next: str | None = None
    request_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as values that JSON can represent."""
        fields = attrs.asdict(self, recurse=False)
        items = [item.to_dict() for item in self.items]  # type: ignore[attr-defined]  # they are records
        return fields | {"items": items, "cursors": self.cursors._asdict()}


def decode_page(
    answer: messages.Answer, cls: type[T], known: Mapping[str, Any], api_url: str, asked: str | None
) -> Page[T]:
    """Read a page in the form of v1 or v2. The keys of `paging` show which one it is.

    A cursor that only a link contains is taken from the link, provided that the link leads to the host of `api_url`.
    `asked` is the cursor that the request sent.

    Raises:
        DecodeError: The answer has another structure.
    """
    data, items = envelope.envelope(answer)
    paging = documents.optional_object(answer, data, "paging", "$.data")
    cursors = documents.optional_object(answer, paging, "cursors", "$.data.paging")
    text = partial(documents.optional_text_at, answer)
    following, previous = text(paging, "next", "$.data.paging"), text(paging, "previous", "$.data.paging")
    after = text(cursors, "after", "$.data.paging.cursors")
    before = text(cursors, "before", "$.data.paging.cursors")
    cursor = text(paging, "cursor", "$.data.paging")
    if following is None and "next" in paging:
        # The last page may have its own cursor next to a `next` that is null.
        after, cursor = (None if one == asked else one for one in (after, cursor))
    if previous is None and "previous" in paging and before == asked:
        before = None
    return Page(
        items=tuple(envelope.records(answer, items, cls, known)),
        total=documents.optional_integer(paging.get("total")),
        page_size=documents.optional_integer(paging.get("page_size")),
        cursors=Cursors(
            after=after or _cursor_of_link(following, api_url, "cursor", "after") or cursor,
            before=before or _cursor_of_link(previous, api_url, "before"),
        ),
        next=following,
        request_id=documents.optional_text(data.get("request_id")),
    )


def _cursor_of_link(link: str | None, api_url: str, *names: str) -> str | None:
    query = envelope.query_of_link(link, api_url)
    return next((query[name] for name in names if query.get(name)), None)


class Paging(TypedDict, total=False):
    """The arguments of every listing: where it starts, in which direction it goes, and where it stops.

    Attributes:
        page_size: Items on each page, sent as `limit`. By default the service decides (50), unless `max_items` is less.
        after: Start after this cursor (v1).
        before: Go backwards from this cursor, starting with the page before it (v1).
        cursor: Start at this cursor (v2).
        max_items: Stop after this many items, and fetch no further page. Unlimited by default.
        prefetch: Pages to fetch ahead while the consumer works on one, 1 by default. With 0, each page is fetched when
            the consumer needs it.
    """

    page_size: int | None
    after: str | None
    before: str | None
    cursor: str | None
    max_items: int | None
    prefetch: int


class Start(NamedTuple):
    """The checked arguments of a listing."""

    version: CampaignVersion
    cursor: str | None
    backwards: bool
    page_size: int | None
    max_items: int | None
    prefetch: int

    @classmethod
    def check(cls, version: CampaignVersion, paging: Paging) -> "Start":
        """Check the arguments.

        Raises:
            ConfigurationError: One is wrong, or does not fit the version of the API.
        """
        __tracebackhide__ = True
        if unknown := paging.keys() - Paging.__annotations__.keys():
            names = ", ".join(Paging.__annotations__)
            hint = did_you_mean(near_names(min(unknown), Paging.__annotations__)) or f"the arguments are {names}"
            raise ConfigurationError(f"{min(unknown)} is not an argument of a listing: {hint}")
        page_size, max_items, prefetch = paging.get("page_size"), paging.get("max_items"), paging.get("prefetch", 1)
        for name, number in (("page_size", page_size), ("max_items", max_items)):
            if number is not None:
                check_whole_number(number, name)
        check_whole_number(prefetch, "prefetch", least=0)
        cursors = {"after": paging.get("after"), "before": paging.get("before"), "cursor": paging.get("cursor")}
        given = {name: value for name, value in cursors.items() if value is not None}
        for name, value in given.items():
            check_cursor(value, name)
        allowed = {"after", "before"} if version == "v1" else {"cursor"}
        if wrong := sorted(given.keys() - allowed):
            right = " or ".join(f"{name}=" for name in sorted(allowed))
            raise ConfigurationError(f"{wrong[0]}= is not an argument of Campaign API {version}: use {right}")
        if len(given) > 1:
            raise ConfigurationError("after= and before= are both passed: pass one, a listing goes in one direction")
        return cls(
            version=version,
            cursor=next(iter(given.values()), None),
            backwards="before" in given,
            page_size=page_size,
            max_items=max_items,
            prefetch=prefetch,
        )

    @property
    def parameter(self) -> str:
        """The query parameter that sends a cursor."""
        if self.version == "v2":
            return "cursor"
        return "before" if self.backwards else "after"


class CursorPages(RecordList[T]):
    """A collection that the service returns page by page, as from `list()` and `children()`.

    Nothing is sent until it is iterated or awaited. Each of these starts again from the first page:

    * `async for item in pages` yields the items;
    * `async for page in pages.pages()` yields each `Page`;
    * `await pages`, or `await pages.collect()`, returns all items as a list;
    * `await pages.to_table()` returns them as a `Table`.

    While the consumer works on one page, the next one is fetched, unless `prefetch` is 0. An iteration can be left at
    any time, and it is safe to close the client while one is open.

    While it is iterated or awaited, it raises:

    * `PaginationError`: A cursor was repeated, or the next page is on another host.
    * `AdjustError`: A page could not be fetched. `error.page` is its number, and `error.cursor` is where to resume.
    """

    def __init__(
        self, session: Session, path: str, cls: type[T], start: Start, known: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(cls)
        self._session = session
        self._path = path
        self._start = start
        self._known = known or {}
        self._name = f"{cls.__name__.lower()}s.list"

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        __tracebackhide__ = True
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for item in page.items:
                    yield item
                del page

    async def _feed(self, take: Callable[[Sequence[T]], object]) -> None:
        __tracebackhide__ = True
        # No consumer works on a page here, so there is no time to gain by fetching ahead.
        with self._session.operation(f"{self._name}.collect", app=self._known.get("app_token")):
            async with aclosing(self._walk()) as pages:
                async for page in pages:
                    take(page.items)

    def _described(self) -> str:
        return f"{self._cls.__name__} at {self._path}"

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Yield each `Page`. The last one is shorter if `max_items` ends within it."""
        __tracebackhide__ = True
        if not self._start.prefetch:
            async with aclosing(self._walk()) as pages:
                async for page in pages:
                    yield page
                    del page
            return

        async def produce(send: Send[Page[T]]) -> None:
            __tracebackhide__ = True
            async with aclosing(self._walk()) as pages:
                async for page in pages:
                    await send(page)
                    del page

        async with aclosing(stream(produce, ahead=self._start.prefetch, spawn=self._session.spawn)) as ahead:
            async for page in ahead:
                yield page
                del page

    async def _walk(self) -> AsyncGenerator[Page[T], None]:
        """Yield the pages, each fetched after the one before, which has its cursor."""
        cursor, seen, wanted = self._start.cursor, {self._start.cursor}, self._start.max_items
        limit = self._limit()
        for number in count(1):
            page = await self._fetch(cursor, limit)
            if isinstance(page, AdjustError):  # raised out here, so that it has no other error as its context
                raise replace(page, page=number, cursor=cursor)
            following = page.cursors.before if self._start.backwards else page.cursors.after
            if wanted is not None:
                page = attrs.evolve(page, items=page.items[:wanted])
                wanted -= len(page.items)
            yield page
            if wanted == 0:
                return
            if following is None:
                self._check_end(page, number)
                return
            if following in seen:
                raise PaginationError(
                    f"the service sent the cursor {following!r} a second time, on page {number}: following it would "
                    "return the same items in a circle",
                    cursor=following,
                    page=number,
                    method="GET",
                    path=self._path,
                )
            del page  # it is not kept until the next one has arrived
            seen.add(following)
            cursor = following

    def _limit(self) -> int | None:
        """Return the `limit` of every page; `None` leaves it to the service."""
        size, wanted = self._start.page_size, self._start.max_items
        return wanted if size is None and wanted is not None and wanted < DEFAULT_PAGE_SIZE else size

    async def _fetch(self, cursor: str | None, limit: int | None) -> Page[T] | AdjustError:
        query = {}
        if limit is not None:
            query["limit"] = str(limit)
        if cursor is not None:
            query[self._start.parameter] = cursor
        api_url = self._session.config.api.url
        try:
            return await self._session.request(
                RequestSpec(
                    method="GET",
                    path=self._path,
                    query=query,
                    decode=lambda answer: decode_page(answer, self._cls, self._known, api_url, cursor),
                    name=self._name,
                    app=self._known.get("app_token"),
                )
            )
        except AdjustError as error:
            return error

    def _check_end(self, page: Page[T], number: int) -> None:
        """Check that a page without a cursor is the last one. Otherwise its next page can't be reached."""
        if page.next is None or self._start.backwards:
            return
        raise PaginationError(
            f"page {number} has a next page, but no cursor for it: its link does not lead back to "
            f"{self._session.config.api.url} with a cursor, and the API token must not be sent elsewhere",
            cursor=None,
            page=number,
            method="GET",
            path=self._path,
        )
