"""The lists of the Report Service, each fetched with one request."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from adjust_async.reports.account import Account
from adjust_async.reports.lookups import FilterQuestion, ask_filters
from adjust_async.reports.models import FilterValue
from adjust_async.tables import Column, Listing, RecordColumns, RecordList, RecordTable, Table

__all__ = ["FilterLists", "ReportList"]

T = TypeVar("T")


class ReportList(RecordList[T]):
    """The apps or the events of the account.

    Args:
        cls: The class of the records.
        ask: A function that sends the request.
        described: The description for `repr`.
    """

    def __init__(self, cls: type[T], ask: Callable[[], Awaitable[Sequence[T]]], described: str) -> None:
        super().__init__(cls)
        self._ask = ask
        self._what = described

    async def _feed(self, take: Callable[[Sequence[T]], object]) -> None:
        __tracebackhide__ = True
        take(await self._ask())

    def _described(self) -> str:
        return self._what


class FilterLists(Listing[dict[str, list[FilterValue]]]):
    """Lists of the names and values that reports can use. Nothing is sent until they are awaited.

    * `await lists`, or `await lists.collect()`, returns a dictionary from the name of each list to its values;
    * `await lists.to_table()` returns all values as one `Table`, with `list` as its first column.

    Each of these fetches the lists again.
    """

    def __init__(self, account: Account, question: FilterQuestion) -> None:
        self._account = account
        self._question = question

    def __repr__(self) -> str:
        return f"<FilterLists of {', '.join(self._question.names)}: await it (or await collect()), or await to_table()>"

    async def collect(self) -> dict[str, list[FilterValue]]:
        """Return the values of each list, by its name, as `await` on the object itself does.

        Raises:
            AdjustError: The request failed.
        """
        __tracebackhide__ = True
        values: dict[str, list[Any]] = await ask_filters(self._account.session, self._question)
        if not self._question.narrowed:
            self._account.names.learn(
                {name: [one.id for one in ones if isinstance(one, FilterValue)] for name, ones in values.items()}
            )
        return values

    async def to_table(self) -> Table:
        """Return the values as a table: `list`, the name of the list, and a column for each field of `FilterValue`.

        A list or a value that Adjust's documentation does not describe is kept in `extra`.

        Raises:
            AdjustError: The request failed.
        """
        __tracebackhide__ = True
        columns = RecordColumns(FilterValue)
        names: list[str] = []
        found: dict[str, Any] = await self.collect()
        for name, of_list in found.items():
            values = of_list if isinstance(of_list, list) else [of_list]
            columns.extend(values)
            names += [name] * len(values)
        schema = [Column("list", "text"), *columns.schema]
        return RecordTable(schema, [names, *columns.cells], key_columns=["list", columns.schema[0].name])
