"""The lists of valid names and values of an account: `filters_data` and `events`."""

from collections.abc import Iterable, Mapping
from typing import Any

from adjust_async.emulator.reports.events import SECTION, ReportEvent
from adjust_async.emulator.reports.filter_lists import FilterLists, Item, item
from adjust_async.emulator.reports.lists import read_list
from adjust_async.emulator.reports.parameters import boolean
from adjust_async.emulator.reports.question import APPS_PARAMETER
from adjust_async.emulator.reports.refusals import missing, unknown

_REQUIRED = "required_filters"


def find_filters(lists: FilterLists, query: Mapping[str, str]) -> dict[str, list[Item]]:
    """Return the required lists; an empty dictionary if no list has a matching item.

    Raises a 400 `RefusalError` for an unknown list.
    """
    names = read_list(query.get(_REQUIRED, ""))
    if not names:
        raise missing([_REQUIRED])
    strangers = [name for name in names if name not in lists.names]
    if strangers:
        raise unknown("filters", strangers)
    section = query.get("section", "").strip().lower()
    found = {
        name: [
            item_
            for item_ in _containing(lists.make(name), query.get(f"{name}__contains", ""))
            if section in {"", item_["section"].lower()}
        ]
        for name in names
    }
    return found if any(found.values()) else {}


def find_events(lists: FilterLists, query: Mapping[str, str]) -> list[Item]:
    """Return the events of the requested apps. Raises a 400 `RefusalError` for a malformed parameter."""
    with_mapping = boolean(query, "tokens_mapping", default=False)
    apps = read_list(query.get(APPS_PARAMETER, ""))
    items = [_event(event, with_mapping=with_mapping) for event in _of_apps(lists.events(), apps)]
    return _containing(items, query.get("events__contains", ""))


def _of_apps(events: Iterable[ReportEvent], apps: list[str]) -> Iterable[ReportEvent]:
    for event in events:
        tokens = {app: tokens for app, tokens in event.tokens.items() if not apps or app in apps}
        if tokens:
            yield ReportEvent(event.slug, event.name, tokens)


def _event(event: ReportEvent, *, with_mapping: bool) -> Item:
    described: dict[str, Any] = item(event.slug, event.name, section=SECTION, formatting="integer")
    described |= {"description": "", **event.item()}
    if with_mapping:
        described["app_token_x_event_tokens_mapping"] = event.tokens
    return described


def _containing(items: list[Item], text: str) -> list[Item]:
    """Return the items with a text in their id or name, ignoring case."""
    wanted = text.strip().lower()
    return [item_ for item_ in items if wanted in item_["id"].lower() or wanted in item_["name"].lower()]
