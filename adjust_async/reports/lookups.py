"""What there is to ask for: the lists of `filters_data`, and events."""

from collections.abc import Mapping
from typing import Any, TypeVar

from adjust_async._checks import shown
from adjust_async._figures.encoding import boolean, names, text
from adjust_async._http.documents import decode_error, parse_json
from adjust_async._http.messages import Answer
from adjust_async._http.session import Session
from adjust_async._records import ConversionError, structure
from adjust_async.errors import ConfigurationError
from adjust_async.reports.models import FilterValue, ReportEvent
from adjust_async.reports.request import NO_CONTENT, spec_of

__all__ = ["ask_events", "ask_filters"]

T = TypeVar("T")


async def ask_filters(
    session: Session, required_filters: object, section: object, contains: object
) -> dict[str, list[FilterValue]]:
    """Ask for the values of lists; give them by the name of the list."""
    query = {"required_filters": names(required_filters, "required_filters")}
    if section is not None:
        query["section"] = text(section, "section")
    if contains is not None:
        query |= _contains(contains, query["required_filters"].split(","))
    values = await session.request(spec_of("filters_data", query, _decode_filters))
    # An account that has none of something may be told so by leaving it out.
    return {name: [] for name in query["required_filters"].split(",")} | values


def _contains(contains: object, required: list[str]) -> dict[str, str]:
    if not isinstance(contains, Mapping):
        raise ConfigurationError(f"contains is {shown(contains)}: give a dictionary such as {{'networks': 'google'}}")
    query = {}
    for name, value in contains.items():
        if name not in required:
            raise ConfigurationError(f"contains holds {shown(name)}, which is not among required_filters: add it there")
        query[f"{name}__contains"] = text(value, f"contains[{name!r}]")
    return query


async def ask_events(
    session: Session, events__contains: object, app_tokens: list[str] | None, tokens_mapping: object
) -> list[ReportEvent]:
    """Ask for events."""
    query = {}
    if events__contains is not None:
        query["events__contains"] = text(events__contains, "events__contains")
    if app_tokens is not None:
        query["app_token__in"] = ",".join(app_tokens)
    if tokens_mapping is not None:
        query["tokens_mapping"] = boolean(tokens_mapping, "tokens_mapping")
    return await session.request(spec_of("events", query, _decode_events))


def _decode_filters(answer: Answer) -> dict[str, list[FilterValue]]:
    document: Any = {} if answer.status == NO_CONTENT else parse_json(answer)
    if not isinstance(document, Mapping):
        raise decode_error(answer, "$", f"expected an object with a list for each filter, found {shown(document)}")
    return {
        name: _records(
            answer, [_item(item) for item in values] if isinstance(values, list) else values, FilterValue, name
        )
        for name, values in document.items()
    }


def _decode_events(answer: Answer) -> list[ReportEvent]:
    document = [] if answer.status == NO_CONTENT else parse_json(answer)
    items = [_item(item) for item in document] if isinstance(document, list) else document
    return _records(answer, items, ReportEvent, "")


def _item(item: Any) -> Any:
    """Give an item with a textual id, and without what is null: lists may hold plain values, and ids be numbers."""
    if isinstance(item, (str, int, float)) and not isinstance(item, bool):
        return {"id": str(item), "name": str(item)}
    if not isinstance(item, Mapping):
        return item
    item = {key: value for key, value in item.items() if value is not None}
    number = item.get("id")
    return {**item, "id": str(number)} if isinstance(number, (int, float)) and not isinstance(number, bool) else item


def _records(answer: Answer, document: object, cls: type[T], name: str) -> list[T]:
    try:
        return structure(document, list[cls], f"$.{name}" if name else "$")  # type: ignore[valid-type] # known at run time
    except ConversionError as error:
        raise decode_error(answer, error.location, error.problem) from None
