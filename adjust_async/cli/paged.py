"""Output of paginated collections, with a progress bar."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from adjust_async import AsyncAdjust, CursorPages
from adjust_async.cli.flags import Flag
from adjust_async.cli.output import Output, sheet_of_records
from adjust_async.cli.progress import progress
from adjust_async.cli.run import Run

__all__ = ["PAGING", "paged"]

T = TypeVar("T")

#: The options of every paginated command.
PAGING = (
    Flag("max_items", "integer", help="Stop after this many."),
    Flag("page_size", "integer", help="Items a page; the service's default is 50."),
    Flag("after", further=True),
    Flag("before", further=True),
    Flag("cursor", further=True),
    Flag("prefetch", "integer", further=True),
)


def paged(
    run: Run,
    out: Output,
    pages: Callable[[AsyncAdjust], CursorPages[T]],
    cls: type[T],
    *,
    what: str,
    shown: Sequence[str],
) -> None:
    """Write a collection as it arrives.

    Args:
        run: The command.
        out: The output.
        pages: Returns the collection.
        cls: The class of its items.
        what: The plural noun for the items.
        shown: The columns of a table.
    """

    async def work(adjust: AsyncAdjust) -> None:
        with progress(run, f"Listing {what}", shown=not out.streams_to_terminal) as told:

            async def items() -> AsyncGenerator[T, None]:
                count = 0
                async with aclosing(pages(adjust).pages()) as arriving:
                    async for page in arriving:
                        for item in page.items:
                            yield item
                        count += len(page.items)
                        told(count, page.total)
                        if out.path is None and out.streams:
                            run.last_words = f"{count:,} {what} were written."

            async with aclosing(items()) as arriving_items:
                await out.write_stream(sheet_of_records(cls, arriving_items, shown=shown))

    run(work)
