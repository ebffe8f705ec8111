"""Dictionaries kept by column.

A document of 200,000 rows is 200,000 dictionaries, which Python's collector walks over again and again. Columns are
plain tuples instead: a tuple of texts and numbers is looked at once and never again. They need no further package, the
cells stay the very objects of the document, and so the rows come back as they were. Arrow's own arrays were tried for
the same purpose: they are a third smaller, and take longer to fill and to turn into rows than all else together.
"""

from collections.abc import Iterator, KeysView, Mapping, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Self

import attrs

__all__ = ["Records"]


@attrs.frozen(eq=False)
class Records:
    """Dictionaries, kept by column.

    Attributes:
        count: Their number.
        shapes: The keys of each form of dictionary, in the order of their first appearance.
        shape_of: The place in `shapes` for each dictionary; `None` where all have one form.
        columns: The cells by key; `None` where a dictionary lacks the key.
    """

    count: int
    shapes: tuple[tuple[str, ...], ...]
    shape_of: tuple[int, ...] | None
    columns: dict[str, tuple[Any, ...]]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Take dictionaries apart."""
        keys = tuple(rows[0]) if rows else ()
        # Nearly always all have one form: to compare is half the work of hashing.
        if all(map(keys.__eq__, map(tuple, rows))):
            shapes: tuple[tuple[str, ...], ...] = (keys,) if rows else ()
            return cls(len(rows), shapes, None, {key: tuple(map(itemgetter(key), rows)) for key in keys})
        shapes = tuple(dict.fromkeys(map(tuple, rows)))
        places = {shape: place for place, shape in enumerate(shapes)}
        return cls(
            len(rows),
            shapes,
            tuple([places[tuple(row)] for row in rows]),
            {key: tuple([row.get(key) for row in rows]) for key in dict.fromkeys(chain.from_iterable(shapes))},
        )

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        return self.count > 0

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Records) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # as a list has none

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the dictionaries again, each with its own keys in their order."""
        if self.shape_of is None:
            keys = self.shapes[0] if self.shapes else ()
            if not keys:
                yield from ({} for _ in range(self.count))
                return
            columns = (self.columns[key] for key in keys)
            yield from map(dict, map(zip, repeat(keys), zip(*columns, strict=True)))
            return
        for number, shape in enumerate(self.shape_of):
            yield {key: self.columns[key][number] for key in self.shapes[shape]}

    @property
    def keys(self) -> KeysView[str]:
        """All keys, in the order of their first appearance."""
        return self.columns.keys()

    def column(self, key: str) -> Sequence[Any]:
        """Return the cells under a key, `None` where a dictionary lacks it."""
        cells = self.columns.get(key)
        return (None,) * self.count if cells is None else cells

    def without(self, key: str) -> Self:
        """Return the dictionaries without a key."""
        if key not in self.columns:
            return self
        shapes = tuple(tuple(name for name in shape if name != key) for shape in self.shapes)
        return attrs.evolve(
            self, shapes=shapes, columns={name: cells for name, cells in self.columns.items() if name != key}
        )

    def with_constant(self, key: str, value: Any) -> Self:
        """Return the dictionaries with one value under a key."""
        shapes = tuple(shape if key in shape else (*shape, key) for shape in self.shapes)
        return attrs.evolve(self, shapes=shapes, columns={**self.columns, key: (value,) * self.count})
