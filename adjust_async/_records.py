"""From decoded JSON to records: the one cattrs converter, its hooks and its readable errors.

cattrs would turn `"false"` into `True`, `1.9` into `1` and `null` into `"None"`, and take a list for a record whose
fields all have defaults. Figures that money is decided on can't be guessed at, so the hooks here take what the APIs
document, and the few other forms that were seen live, and refuse the rest.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

import attrs

from adjust_async._checks import shown
from adjust_async.campaign.models import Partner

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["ConversionError", "prepare", "structure", "structure_records"]

T = TypeVar("T")


class ConversionError(Exception):
    """A document that does not fit its record: `location` tells where, `problem` what."""

    def __init__(self, location: str, problem: str) -> None:
        super().__init__(f"{problem} (at {location})")
        self.location = location
        self.problem = problem


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
    # v1 gives the numbers of `paging` as text, and a live client saw `partner_id` as one.
    if type(value) is str and re.fullmatch("-?[0-9]{1,18}", value):
        return int(value)
    raise TypeError(f"expected a whole number, found {shown(value)}")


# The fields of a record are optional for the most part, and there are thousands of records: these take the usual case
# in one call, where cattrs' own handling of `X | None` takes three.


def _text_or_none(value: Any, cls: type) -> str | None:
    return value if value is None or type(value) is str else _text(value, cls)


def _boolean_or_none(value: Any, cls: type) -> bool | None:
    return value if value is None or type(value) is bool else _boolean(value, cls)


def _integer_or_none(value: Any, cls: type) -> int | None:
    return value if value is None or type(value) is int else _integer(value, cls)


def _texts(value: Any, _: type) -> list[str]:
    if type(value) is list and all(type(text) is str for text in value):
        return value
    raise TypeError(f"expected a list of texts, found {shown(value)}")


def _texts_by_key(value: Any, cls: type) -> dict[str, list[str]] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {key: _texts(texts, cls) for key, texts in value.items()}
    raise TypeError(f"expected an object with lists of texts, found {shown(value)}")


#: The types of values that the hooks above give back unchanged, by the type of the field.
_TAKEN_AS_THEY_ARE: Mapping[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    str | None: (str, NoneType),
    bool | None: (bool, NoneType),
    int | None: (int, NoneType),
}

#: How many shapes of documents there may be a builder for; services have a handful.
MOST_SHAPES = 100


@cache
def prepare() -> "Converter":
    """Make the converter, when the first client is made: importing cattrs takes longer than all else here."""
    from cattrs import Converter

    converter = Converter(detailed_validation=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(str | None, _text_or_none)
    converter.register_structure_hook(bool | None, _boolean_or_none)
    converter.register_structure_hook(int | None, _integer_or_none)
    converter.register_structure_hook_func(lambda cls: cls == list[str], _texts)
    converter.register_structure_hook_func(lambda cls: cls == dict[str, list[str]] | None, _texts_by_key)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _record_hook(converter, cls))
    converter.register_structure_hook(Partner, _partner_hook(_record_hook(converter, Partner)))
    return converter


def _record_hook(converter: "Converter", cls: type[Any]) -> Callable[[Any, type], Any]:
    """Make the hook of a record: it takes a mapping only, and keeps unknown keys in `extra`."""
    from cattrs.gen import make_dict_structure_fn, override

    known = {field.name for field in attrs.fields(cls)} - {"extra"}
    fill = make_dict_structure_fn(cls, converter, extra=override(struct_hook=lambda value, _: value))

    def hook(document: Any, _: type) -> Any:
        if not isinstance(document, Mapping):
            raise TypeError(f"expected an object, found {shown(document)}")
        if unknown := document.keys() - known:
            document = {**document, "extra": {key: document[key] for key in document if key in unknown}}
        return fill(document, cls)

    return hook


def _partner_hook(fill: Callable[[Any, type], Any]) -> Callable[[Any, type], Any]:
    def hook(document: Any, cls: type) -> Any:
        # One table of Adjust's documentation calls the key support_cost_data.
        if isinstance(document, Mapping) and "support_cost_data" in document and "supports_cost_data" not in document:
            document = {**document, "supports_cost_data": document["support_cost_data"]}
            del document["support_cost_data"]
        return fill(document, cls)

    return hook


def _describe(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return f"the key {error.args[0]!r} is missing"
    return str(error)


def structure(document: object, cls: type[T], location: str) -> T:
    """Build `cls` from decoded JSON that stands at `location` of its document.

    Raises:
        ConversionError: It does not fit; of several mistakes the first is told.
    """
    if get_origin(cls) is list and not isinstance(document, list):
        raise ConversionError(location, f"expected a list, found {shown(document)}")
    try:
        return prepare().structure(document, cls)
    except (ExceptionGroup, TypeError) as error:
        from cattrs import transform_error

        first, *_ = transform_error(error, path=location, format_exception=_describe)
        problem, _, place = first.rpartition(" @ ")
        raise ConversionError(place or location, problem or first) from None


def structure_records(items: Sequence[object], cls: type[T], known: Mapping[str, Any], location: str) -> list[T]:
    """Build a record of each item of a list that stands at `location`; `known` holds fields that the items lack.

    Raises:
        ConversionError: An item does not fit.
    """
    # There are millions of items and a handful of shapes: the same keys with values of the same types. Whatever has the
    # shape of a document that cattrs took as it is, is taken as it is, in a fifth of the time.
    builders, values = _builders(cls, tuple(known)), tuple(known.values())  # type: ignore[arg-type] # classes are hashable
    records: list[T] = []
    for place, item in enumerate(items):
        if type(item) is dict:
            shape = (*item, *map(type, item.values()))
            if (builder := builders.get(shape)) is not None:
                record = builder(*item.values(), *values)
                record.__class__ = cls
                records.append(record)
                continue
            records.append(structure({**item, **known}, cls, f"{location}[{place}]"))
            if len(builders) < MOST_SHAPES and _is_taken_as_it_is(item, cls, known):
                builders[shape] = _builder(cls, (*item, *known))
        else:
            records.append(structure(item, cls, f"{location}[{place}]"))
    return records


@cache
def _builders(cls: type[Any], known: tuple[str, ...]) -> dict[tuple[Any, ...], type[Any]]:  # noqa: ARG001 - the key
    """Give the builders of a record by the shape of the document, which are made as shapes come up."""
    return {}


def _is_taken_as_it_is(document: Mapping[str, Any], cls: type[Any], known: Mapping[str, Any]) -> bool:
    types = {field.name: field.type for field in attrs.fields(cls) if field.name not in known}
    return all(type(value) in _TAKEN_AS_THEY_ARE.get(types.get(key), ()) for key, value in document.items())


def _builder(cls: type[Any], names: tuple[str, ...]) -> type[Any]:
    """Make a class with the layout of `cls`, whose arguments are the named fields, and which is not immutable.

    An immutable record sets each of its fields by a call, which takes four times as long as all else. Instances of this
    class are made without, and then turned into those of `cls`.
    """
    fields = {name: attrs.field() for name in names}
    others = {field.name: attrs.field(default=field.default, init=False) for field in attrs.fields(cls)}
    return attrs.make_class(
        cls.__name__,
        fields | {name: others[name] for name in others if name not in fields},
        slots=True,
        weakref_slot=False,
        eq=False,
        repr=False,
    )
