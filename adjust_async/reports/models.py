"""Records of the Report Service's lists: apps, events, and the names that reports can ask for.

The records are immutable. Keys that Adjust adds later are kept in `extra`.
"""

from typing import Any

import attrs

from adjust_async._pydantic import Record

__all__ = ["App", "FilterValue", "ReportEvent"]


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, unsafe_hash=True)
class App(Record):
    """An app of the account. Follows the filter `apps` of the "Filters data endpoint".

    Attributes:
        token: The app token, which identifies the app in every call.
        name: Its name in the dashboard.
        default_store_app_id: The id of its main app in the stores.
        currency: The currency of its figures where a report asks for no other.
        platforms: Its platforms, such as `ios`.
        extra: The other keys of the item.
    """

    token: str
    name: str | None = None
    default_store_app_id: str | None = None
    currency: str | None = None
    platforms: tuple[str, ...] = ()
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, unsafe_hash=True)
class FilterValue(Record):
    """A metric, a dimension, a network or the like. Follows the "Filters data endpoint".

    Attributes:
        id: What a report asks for: the slug of a metric, the token of an app, the code of a country.
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
        id: Its slug: `{id}_events` and `{id}_revenue` are metrics. It may hold a space.
        name: Its name in the dashboard.
        short_name: A shorter name.
        section: The section of the dashboard that lists it.
        formatting: The kind of its values.
        description: The account's own description.
        app_token: The tokens of the apps that have it.
        tokens: Its event tokens.
        is_skad_event: Whether it is an event of SKAdNetwork.
        increase_is_negative: Whether a rise of its figures is bad news.
        app_token_x_event_tokens_mapping: The event tokens of each app; `None` unless asked for.
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
