"""Pages by position: the query, its rows, and the cursors of the neighbouring pages."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from starlette.requests import Request

from adjust_async.emulator.campaign.cursors import Cursors
from adjust_async.emulator.faults.kinds import Fault
from adjust_async.emulator.http.parameters import integer
from adjust_async.emulator.http.refusals import RefusalError

MAX_LIMIT = 1000
"""A larger `limit` is cut to this number of items a page."""


class Positioned(Protocol):
    """A row that knows its position: ids grow with every row, so a new row never moves an old one."""

    @property
    def id(self) -> int:
        """The position in the collection, from 1."""


_CIRCLE = 255
"""The variant of a cursor that leads to its own page, again and again."""

Row = TypeVar("Row", bound=Positioned)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A request for at most `limit` rows after the position `start`, or for the last ones before it.

    `variant` is the cursor's, or None without a cursor.
    """

    start: int
    variant: int | None
    limit: int
    backwards: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in the order of the collection, and the positions of the neighbouring pages, or None at the ends.

    `variant` belongs to the cursor that continues in the requested direction. `skipped` is the position after the first
    row of the next page, or None without a next page.
    """

    rows: list[Row]
    next: int | None
    previous: int | None
    variant: int = 0
    skipped: int | None = None


def read_query(request: Request, version: int, cursors: Cursors, collection: str, page_size: int) -> PageQuery:
    """Read `limit` and the version's cursor parameters. Raises a 400 `RefusalError` if they are malformed."""
    parameters = request.query_params
    limit = integer("limit", parameters["limit"]) if "limit" in parameters else page_size
    if limit < 1:
        raise RefusalError(400, "limit must be a positive integer")
    limit = min(limit, MAX_LIMIT)
    forwards, backwards = ("after", "before") if version == 1 else ("cursor", None)
    if backwards is not None and backwards in parameters:
        if forwards in parameters:
            raise RefusalError(400, "after and before can't be combined")
        return PageQuery(*cursors.open(collection, parameters[backwards]), limit, backwards=True)
    start, variant = cursors.open(collection, parameters[forwards]) if forwards in parameters else (0, None)
    return PageQuery(start, variant, limit, backwards=False)


def fetch_page(query: PageQuery, fetch: Callable[[int, int, bool], list[Row]]) -> Page[Row]:
    """Fetch the requested page, and one more row to learn whether there is another page.

    `fetch` takes the start, the number of rows, and whether to read backwards from there, in which case it returns them
    in that order.
    """
    rows = fetch(query.start, query.limit + 1, query.backwards)
    more = len(rows) > query.limit
    skipped = rows[query.limit].id if more else None
    del rows[query.limit :]
    if query.variant == _CIRCLE:
        return _same_again(query, rows, _CIRCLE)
    if query.backwards:
        rows.reverse()
        return Page(rows, next=_just_before(query.start), previous=rows[0].id if more else None)
    return Page(rows, next=rows[-1].id if more else None, previous=_just_after(query.start), skipped=skipped)


def spoil_page(page: Page[Row], query: PageQuery, fault: Fault) -> Page[Row] | None:
    """Return a page with a fault of the list, or None if the fault does not apply to it.

    `EMPTY_PAGE` leads to the same page again, without its rows and with a new cursor. `REPEATED_CURSOR` leads to it
    with the cursor of the request, and from a first page with one that loops forever. The others move the list by one
    row forwards or back, on pages that are read forwards.
    """
    if fault is Fault.EMPTY_PAGE:
        return _same_again(query, [], ((query.variant or 0) + 1) % _CIRCLE)
    if fault is Fault.REPEATED_CURSOR:
        return _same_again(query, page.rows, _CIRCLE if query.variant is None else query.variant)
    if query.backwards or page.skipped is None:
        return None
    if fault is Fault.MOVED_LIST:
        return replace(page, next=page.skipped)
    return replace(page, next=page.rows[-2].id) if len(page.rows) > 1 else None


def _same_again(query: PageQuery, rows: list[Row], variant: int) -> Page[Row]:
    if query.backwards:
        return Page(rows, next=_just_before(query.start), previous=query.start, variant=variant)
    return Page(rows, next=query.start, previous=_just_after(query.start), variant=variant)


def describe_page(
    request: Request,
    version: int,
    cursors: Cursors,
    collection: str,
    page: Page[Any],
    query: PageQuery,
    total: int,
) -> dict[str, Any]:
    """Return the `paging` object in the version's format, with URLs at the requested host."""
    url = f"{request.url.scheme}://{request.headers.get('host', '')}{request.scope['raw_path'].decode()}"

    def lead(parameter: str, position: int | None, *, onwards: bool) -> tuple[str | None, str | None]:
        if position is None:
            return None, None
        cursor = cursors.seal(collection, position, page.variant if onwards else 0)
        return cursor, f"{url}?{parameter}={cursor}&limit={query.limit}"

    if version != 1:
        cursor, next_url = lead("cursor", page.next, onwards=True)
        return {"next": next_url, "cursor": cursor}
    after, next_url = lead("after", page.next, onwards=not query.backwards)
    before, previous_url = lead("before", page.previous, onwards=query.backwards)
    return {
        "page_size": str(query.limit),
        "collection_size": str(len(page.rows)),
        "total": str(total),
        "next": next_url,
        "previous": previous_url,
        "cursors": {"after": after, "before": before},
    }


def _just_before(position: int) -> int:
    return max(position - 1, 0)


def _just_after(position: int) -> int | None:
    return position + 1 if position > 0 else None
