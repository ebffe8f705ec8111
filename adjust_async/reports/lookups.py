"""Check the queries for lists and events, and decode their answers."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar, cast

from adjust_async._checks import check_bool, shown
from adjust_async._figures.encoding import Value, check_names, check_text, encode_query
from adjust_async._http.documents import decode_errors, parse_json
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.session import Session
from adjust_async._records import structure
from adjust_async.errors import ConfigurationError, MalformedError
from adjust_async.reports.models import FilterValue, ReportEvent
from adjust_async.reports.specs import NO_CONTENT, spec_of

__all__ = ["FilterQuestion", "ask_filters", "check_events", "check_filters"]

T = TypeVar("T")

logger = logging.getLogger("adjust_async")


class FilterQuestion(NamedTuple):
    """A checked query for lists.

    Attributes:
        names: The lists.
        narrowed: Whether only some of their values are requested.
        spec: The request.
    """

    names: tuple[str, ...]
    narrowed: bool
    spec: RequestSpec[dict[str, list[Any]]]


def check_filters(required_filters: object, section: object, contains: object) -> FilterQuestion:
    """Check the arguments of a query for lists, and return it."""
    __tracebackhide__ = True
    required = check_names(required_filters, "required_filters")
    query: dict[str, Value] = {"required_filters": required}
    if section is not None:
        query["section"] = check_text(section, "section")
    if contains is not None:
        query |= _check_contains(contains, required)
    spec = spec_of("filters_data", encode_query(query), _decode_filters)
    return FilterQuestion(required, section is not None or contains is not None, spec)


async def ask_filters(session: Session, question: FilterQuestion) -> dict[str, list[Any]]:
    """Return the values of some lists, by the name of the list. Each is a `FilterValue`, except for malformed ones."""
    __tracebackhide__ = True
    values = await session.request(question.spec)
    # The service may leave out a list if an account has nothing in it.
    return {name: [] for name in question.names} | values


def _check_contains(contains: object, required: tuple[str, ...]) -> dict[str, Value]:
    if not isinstance(contains, Mapping):
        raise ConfigurationError(f"contains is {shown(contains)}: pass a dictionary such as {{'networks': 'google'}}")
    query: dict[str, Value] = {}
    for name, value in contains.items():
        if not isinstance(name, str) or name not in required:
            raise ConfigurationError(f"contains holds {shown(name)}, which is not among required_filters: add it there")
        query[f"{name}__contains"] = check_text(value, f"contains[{name!r}]")
    return query


def check_events(
    events__contains: object, app_tokens: tuple[str, ...] | None, tokens_mapping: object
) -> RequestSpec[list[ReportEvent]]:
    """Check the arguments of a query for events, and return its request."""
    __tracebackhide__ = True
    query: dict[str, Value] = {}
    if events__contains is not None:
        query["events__contains"] = check_text(events__contains, "events__contains")
    if app_tokens is not None:
        query["app_token__in"] = app_tokens
    if tokens_mapping is not None:
        query["tokens_mapping"] = check_bool(tokens_mapping, "tokens_mapping")
    return spec_of("events", encode_query(query), _decode_events)


def _decode_filters(answer: Answer) -> dict[str, list[Any]]:
    document: Any = {} if answer.status == NO_CONTENT else parse_json(answer)
    with decode_errors(answer):
        if not isinstance(document, Mapping):
            raise MalformedError(f"expected an object with a list for each filter, found {shown(document)}")
        return {name: _list_of(values, FilterValue, f"$.{name}") for name, values in document.items()}


def _decode_events(answer: Answer) -> list[ReportEvent]:
    document = [] if answer.status == NO_CONTENT else parse_json(answer)
    with decode_errors(answer):
        if not isinstance(document, list):
            raise MalformedError(f"expected a list of events, found {shown(document)}")
        return _list_of(document, ReportEvent, "$")


def _item(item: Any) -> Any:
    """Return an item with a text id and without nulls. Lists may hold plain values, and ids may be numbers."""
    if isinstance(item, (str, int, float)) and not isinstance(item, bool):
        return {"id": str(item), "name": str(item)}
    if not isinstance(item, Mapping):
        return item
    item = {key: value for key, value in item.items() if value is not None}
    number = item.get("id")
    return {**item, "id": str(number)} if isinstance(number, (int, float)) and not isinstance(number, bool) else item


def _list_of(document: object, cls: type[T], location: str) -> list[T]:
    """Return the records of a list. Malformed items are kept unchanged, with a warning."""
    if not isinstance(document, list):
        if document is not None:
            kind = type(document).__name__
            logger.warning("expected a list at %s, found a value of type %s: it is kept unchanged", location, kind)
        return cast("list[T]", [] if document is None else document)
    items = [_item(item) for item in document]
    try:
        return structure(items, list[cls], location)  # type: ignore[valid-type] # known at run time
    except MalformedError as error:
        first = error.location
    records = [_record(item, raw, cls) for item, raw in zip(items, document, strict=True)]
    odd = sum(not isinstance(record, cls) for record in records)
    # The values themselves may echo the request, so they are not logged.
    logger.warning("%d of %d items are malformed, the first at %s: they are kept unchanged", odd, len(items), first)
    return records


def _record(item: object, raw: object, cls: type[T]) -> T:
    try:
        return structure(item, cls, "$")
    except MalformedError:
        return cast("T", raw)
