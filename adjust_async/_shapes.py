"""Records built without cattrs where a document of the same shape went through cattrs before.

The documents of a list have the same keys, with values of the same types. cattrs calls a hook for each field, and the
`__init__` of an immutable class is twice as slow as that of a mutable one: without this module, a page of 50 trackers
costs 15 % more (`python -m benchmarks pages`, November 2026). Delete it when that is no longer so.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import attrs

__all__ = ["KnownShapes"]

T = TypeVar("T")

#: A service that sends ever new shapes must not fill the memory.
MOST_SHAPES = 64

#: Types whose values a hook of cattrs either returns as they are or refuses. What is in a list has to be looked at.
PLAIN = frozenset({str, int, float, bool, type(None)})


class KnownShapes(Generic[T]):
    """Builds records of one class.

    Args:
        cls: An immutable attrs class whose slots include none for weak references.
        build: Checks a document, and builds a record of it.
    """

    def __init__(self, cls: type[T], build: Callable[[Mapping[str, Any]], T]) -> None:
        self._cls = cls
        self._build = build
        self._shapes: set[tuple[object, ...]] = set()
        fields = {
            field.name: attrs.field(default=field.default, kw_only=True)
            for field in attrs.fields(cls)  # type: ignore[arg-type]  # every record is an attrs class
        }
        # It has the slots of `cls`, so that an instance can be made one of `cls`.
        self._mutable = attrs.make_class(cls.__name__, fields, bases=cls.__bases__, slots=True, weakref_slot=False)

    def record(self, document: Mapping[str, Any], known: Mapping[str, Any]) -> T:
        """Return the record of a document; `known` holds fields that the document lacks."""
        shape = (*document, *map(type, document.values()))
        if shape in self._shapes:
            record: Any = self._mutable(**document, **known)
            record.__class__ = self._cls
            return record  # type: ignore[no-any-return]  # it is a `T` now
        checked = self._build({**document, **known})
        if len(self._shapes) < MOST_SHAPES and known.keys().isdisjoint(document) and _has_all_of(checked, document):
            self._shapes.add(shape)
        return checked


def _has_all_of(record: object, document: Mapping[str, Any]) -> bool:
    """Whether the fields of a record are the plain values of its document."""
    return all(type(value) in PLAIN and getattr(record, key, _NOTHING) is value for key, value in document.items())


_NOTHING = object()
