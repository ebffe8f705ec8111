"""Records built without cattrs where a document of the same shape went through cattrs before.

The documents of a list have the same keys, with values of the same types. For 50 trackers cattrs' hooks take 105 µs,
and the `__init__` of an immutable class 60 µs: together a sixth of all that a page costs. Comparing shapes and building
through a mutable class takes 75 µs (`python -m benchmarks calls`, November 2026). Delete this module when cattrs can
build a record in one step.
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

    def record(self, document: Mapping[str, Any]) -> T:
        """Return the record of a document."""
        shape = (*document, *map(type, document.values()))
        if shape in self._shapes:
            record: Any = self._mutable(**document)
            record.__class__ = self._cls
            return record  # type: ignore[no-any-return]  # it is a `T` now
        checked = self._build(document)
        if len(self._shapes) < MOST_SHAPES and _holds_as_they_are(checked, document):
            self._shapes.add(shape)
        return checked


def _holds_as_they_are(record: object, document: Mapping[str, Any]) -> bool:
    """Whether the fields of a record are the plain values of its document."""
    return all(type(value) in PLAIN and getattr(record, key, _hold) is value for key, value in document.items())


_hold = object()
