"""Build records from decoded JSON: the one cattrs converter, its strict hooks, and readable errors.

By default cattrs turns `"false"` into `True`, `1.9` into `1` and `null` into `"None"`, and accepts a list as a record
whose fields all have defaults. People spend money according to these figures, so the hooks accept what the APIs
document and the few other forms that were seen live, and refuse everything else.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, get_origin

import attrs
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn, override

from adjust_async._checks import shown
from adjust_async._records.shapes import KnownShapes
from adjust_async.errors import MalformedError

__all__ = ["adapt", "prepare", "structure", "structure_records"]

T = TypeVar("T")

#: A function that rewrites a document before a record is built from it.
Adapter = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_adapters: dict[type[Any], Adapter] = {}


def adapt(cls: type[Any], adapter: Adapter) -> None:
    """Register how to rewrite documents of the record `cls`, for example because a key has two names.

    Call this where the record is defined, before the first document is read.
    """
    _adapters[cls] = adapter


def _text(value: Any, _: type) -> str:
    if type(value) is str:
        return value
    raise TypeError(f"expected text, found {shown(value)}")


def _boolean(value: Any, _: type) -> bool:
    if type(value) is bool:
        return value
    raise TypeError(f"expected true or false, found {shown(value)}")


def _integer(value: Any, _: type) -> int:
    if type(value) is int:
        return value
    # v1 sends the numbers of `paging` as text, and a live client received `partner_id` as text.
    if type(value) is str and re.fullmatch("-?[0-9]{1,18}", value):
        return int(value)
    raise TypeError(f"expected a whole number, found {shown(value)}")


# Most fields are optional, and there are thousands of records: one call for each field, where cattrs' own handling of
# `X | None` needs three.


def _optional_text(value: Any, cls: type) -> str | None:
    return value if value is None or type(value) is str else _text(value, cls)


def _optional_boolean(value: Any, cls: type) -> bool | None:
    return value if value is None or type(value) is bool else _boolean(value, cls)


def _optional_integer(value: Any, cls: type) -> int | None:
    return value if value is None or type(value) is int else _integer(value, cls)


def _texts(value: Any, _: type) -> list[str]:
    if type(value) is list and all(type(text) is str for text in value):
        return value
    raise TypeError(f"expected a list of texts, found {shown(value)}")


def _texts_by_key(value: Any, cls: type) -> dict[str, list[str]] | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: _texts(texts, cls) for key, texts in value.items()}
    raise TypeError(f"expected an object with lists of texts, found {shown(value)}")


@cache
def prepare() -> Converter:
    """Return the converter. The first client makes it, so that the first answer does not block the event loop."""
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(str | None, _optional_text)
    converter.register_structure_hook(bool | None, _optional_boolean)
    converter.register_structure_hook(int | None, _optional_integer)
    converter.register_structure_hook_func(lambda cls: cls == list[str], _texts)
    converter.register_structure_hook_func(lambda cls: cls == dict[str, list[str]] | None, _texts_by_key)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _record_hook(converter, cls))
    return converter


def _record_hook(converter: Converter, cls: type[Any]) -> Callable[[Any, type], Any]:
    """Make the hook of a record. It accepts only mappings, and keeps unknown keys in `extra`."""
    known = frozenset(field.name for field in attrs.fields(cls)) - {"extra"}
    adapter = _adapters.get(cls)
    fill = make_dict_structure_fn(cls, converter, extra=override(struct_hook=lambda value, _: value))

    def hook(document: Any, _: type) -> Any:
        if not isinstance(document, dict):
            raise TypeError(f"expected an object, found {shown(document)}")
        if adapter is not None:
            document = adapter(document)
        if not known.issuperset(document):
            document = {**document, "extra": {key: document[key] for key in document if key not in known}}
        return fill(document, cls)

    return hook


def _describe(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return f"the key {error.args[0]!r} is missing"
    return str(error)


def structure(document: object, cls: type[T], location: str) -> T:
    """Build `cls` from decoded JSON at `location` of its document.

    Raises:
        MalformedError: The document has another structure. The error names the first mistake.
    """
    if get_origin(cls) is list and not isinstance(document, list):
        raise MalformedError(f"expected a list, found {shown(document)}", location)
    try:
        return prepare().structure(document, cls)
    except (ExceptionGroup, TypeError) as error:
        first, *_ = transform_error(error, path=location, format_exception=_describe)
        problem, _, place = first.rpartition(" @ ")
        raise MalformedError(problem or first, place or location) from None


def structure_records(items: Sequence[Any], cls: type[T], known: Mapping[str, Any], location: str) -> list[T]:
    """Build a record from each item of the list at `location`. `known` has fields that the items lack.

    Raises:
        MalformedError: An item has another structure.
    """
    shapes = _shapes_of(cls, tuple(known))  # type: ignore[arg-type]  # classes are hashable
    try:
        return shapes.records(items, tuple(known.values()))
    except (ExceptionGroup, TypeError, AttributeError):
        pass
    documents = [{**item, **known} if isinstance(item, dict) else item for item in items]
    return structure(documents, list[cls], location)  # type: ignore[valid-type] # again, to find the place of the mistake


@cache
def _shapes_of(cls: type[T], known: tuple[str, ...]) -> KnownShapes[T]:
    hook = prepare().get_structure_hook(cls)
    return KnownShapes(cls, known, lambda document: hook(document, cls))
