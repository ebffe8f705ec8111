"""Records of the Report Service's lists: apps, events, and the names that reports can use.

The records are immutable. Keys that Adjust adds later are kept in `extra`.
"""

from collections.abc import Iterable
from typing import Any

import attrs

from adjust_async._pydantic import Record

__all__ = ["App", "FilterValue", "ReportEvent"]


def _platforms(values: Iterable[str]) -> tuple[str, ...]:
    # `to_dict` returns a list, and a record with a list has no hash.
    return tuple(values)


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, unsafe_hash=True)
class App(Record):
    """An app of the account. Follows the filter `apps` of the "Filters data endpoint".

    Attributes:
        token: The app token, which identifies the app in every call.
        name: Its name in the dashboard.
        default_store_app_id: The id of its main app in the stores.
        currency: The currency of its figures, unless a report requests another one.
        platforms: Its platforms, such as `ios`.
        extra: The other keys of the item.
    """

    token: str
    name: str | None = None
    default_store_app_id: str | None = None
    currency: str | None = None
    platforms: tuple[str, ...] = attrs.field(default=(), converter=_platforms)
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, unsafe_hash=True)
class FilterValue(Record):
    """A metric, a dimension, a network or another filter value. Follows the "Filters data endpoint".

    Attributes:
        id: The value to use in a report: the slug of a metric, the token of an app, the code of a country.
        name: Its name in the dashboard.
        short_name: A shorter name.
        section: The section of the dashboard that lists it.
        formatting: The kind of its values, such as `integer` or `money`.
        extra: The other keys of the item.
    """

    id: str
    name: str | None = None
    short_name: str | None = None
    section: str | None = None
    formatting: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen)
class ReportEvent(Record):
    """An event that has metrics in reports. Follows the "Events endpoint".

    Attributes:
        id: Its slug: `{id}_events` and `{id}_revenue` are metrics. It may contain a space.
        name: Its name in the dashboard.
        short_name: A shorter name.
        section: The section of the dashboard that lists it.
        formatting: The kind of its values.
        description: The account's own description.
        app_token: The tokens of the apps that have it, in a list.
        tokens: Its event tokens.
        is_skad_event: Whether it is an event of SKAdNetwork.
        increase_is_negative: Whether an increase is bad.
        app_token_x_event_tokens_mapping: The event tokens of each app; `None` unless requested.
        extra: The other keys of the item.
    """

    id: str
    name: str | None = None
    short_name: str | None = None
    section: str | None = None
    formatting: str | None = None
    description: str | None = None
    app_token: list[str] = attrs.field(factory=list)
    tokens: list[str] = attrs.field(factory=list)
    is_skad_event: bool | None = None
    increase_is_negative: bool | None = None
    app_token_x_event_tokens_mapping: dict[str, list[str]] | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False)
