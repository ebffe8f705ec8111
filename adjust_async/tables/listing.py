"""The results of methods that list something: they can be awaited, iterated, and converted to a table."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any, Generic, TypeVar

from adjust_async.tables.record_table import RecordColumns
from adjust_async.tables.table import Table

__all__ = ["Listing", "RecordList"]

T = TypeVar("T")
R = TypeVar("R")


class Listing(ABC, Generic[R]):
    """The result of a method that lists something. Each `await` sends new requests; before that, nothing is sent."""

    @abstractmethod
    async def collect(self) -> R:
        """Return everything, as `await` on the object itself does.

        Use it where a coroutine is required, such as in `asyncio.create_task`.

        Raises:
            AdjustError: A request failed.
        """

    @abstractmethod
    async def to_table(self) -> Table:
        """Return everything as a table.

        Raises:
            AdjustError: A request failed.
        """

    def __await__(self) -> Generator[Any, None, R]:
        __tracebackhide__ = True
        return self.collect().__await__()


class RecordList(Listing[list[T]]):
    """A list of records that has yet to be fetched. Nothing is sent until it is awaited or iterated.

    * `await listing`, or `await listing.collect()`, returns the records as a list;
    * `async for record in listing` yields them as they arrive;
    * `await listing.to_table()` returns them as a `Table`.

    Each of these fetches the records again.
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
        """Return all records as a list, as `await` on the object itself does.

        Use it where a coroutine is required, such as in `asyncio.create_task`.

        Raises:
            AdjustError: A request failed.
        """
        __tracebackhide__ = True
        records: list[T] = []
        await self._feed(records.extend)
        return records

    async def to_table(self) -> Table:
        """Return all records as a table: a column for each field, and for each record a row equal to its `to_dict()`.

        The columns do not depend on the records. The first one, such as `token`, identifies a row.

        Raises:
            AdjustError: A request failed.
        """
        __tracebackhide__ = True
        columns = RecordColumns(self._cls)
        await self._feed(columns.extend)
        return columns.table()

    @abstractmethod
    async def _feed(self, take: Callable[[Sequence[T]], object]) -> None:
        """Fetch all records, and pass them to `take` as they arrive."""

    @abstractmethod
    def _described(self) -> str:
        """Return a description of the records."""
