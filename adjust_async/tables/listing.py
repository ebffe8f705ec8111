"""What a method lists: awaited, iterated, or made a table."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any, Generic, TypeVar

from adjust_async.tables.record_table import RecordColumns
from adjust_async.tables.table import Table

__all__ = ["Listing", "RecordList"]

T = TypeVar("T")
R = TypeVar("R")


class Listing(ABC, Generic[R]):
    """What a method lists. Nothing is sent before it is awaited, and each time it is asked for anew."""

    @abstractmethod
    async def collect(self) -> R:
        """Return all of it, as `await` on the listing itself does.

        It is the coroutine to pass where a coroutine is needed, such as to `asyncio.create_task`.
        """

    @abstractmethod
    async def to_table(self) -> Table:
        """Return all of it as a table."""

    def __await__(self) -> Generator[Any, None, R]:
        __tracebackhide__ = True
        return self.collect().__await__()


class RecordList(Listing[list[T]]):
    """Records that a method lists. Nothing is sent before they are asked for, and each time they are asked for anew.

    * `await listing` returns a list of them, as `await listing.collect()` does;
    * `async for record in listing` yields them as they arrive;
    * `await listing.to_table()` returns a `Table` of them.
    """

    def __init__(self, cls: type[T]) -> None:
        self._cls = cls

    def __repr__(self) -> str:
        of = f"{type(self).__name__} of {self._described()}"
        return f"<{of}: iterate it with async for, await it (or await collect()), or await to_table()>"

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        __tracebackhide__ = True
        for record in await self.collect():
            yield record

    async def collect(self) -> list[T]:
        """Return all records in a list, as `await` on the listing itself does.

        It is the coroutine to pass where a coroutine is needed, such as to `asyncio.create_task`.
        """
        __tracebackhide__ = True
        records: list[T] = []
        await self._feed(records.extend)
        return records

    async def to_table(self) -> Table:
        """Return all records as a table: a column for each field, and a row for each record as its `to_dict` shows it.

        The columns are the same where there is no record. The first one, such as `token`, identifies a row.
        """
        __tracebackhide__ = True
        columns = RecordColumns(self._cls)
        await self._feed(columns.extend)
        return columns.table()

    @abstractmethod
    async def _feed(self, take: Callable[[Sequence[T]], object]) -> None:
        """Ask for all records, and pass them to `take` as they arrive."""

    @abstractmethod
    def _described(self) -> str:
        """Return which records these are."""
