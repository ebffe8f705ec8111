"""What the Report Service tells of an account: its apps, its events, and the names that reports can be asked for by.

The records are immutable. What Adjust adds to an answer later is kept in `extra`, under the key that it came with.
"""

from typing import Any

import attrs

__all__ = ["App", "FilterValue", "ReportEvent"]


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, unsafe_hash=True)
class App:
    """An app of the account. Follows the filter `apps` of the "Filters data endpoint".

    Attributes:
        token: The app token, which names the app in every call.
        name: Its name in the dashboard.
        extra: What else the service said.
    """

    token: str
    name: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, unsafe_hash=True)
class FilterValue:
    """A metric, a dimension, a network or the like. Follows the "Filters data endpoint".

    Attributes:
        id: What reports are asked for by: the slug of a metric, the token of an app, a country's code.
        name: What the dashboard calls it.
        short_name: The same, shorter.
        section: Where the dashboard lists it.
        formatting: What its values are, such as `integer` or `money`.
        extra: What else the service said.
    """

    id: str
    name: str | None = None
    short_name: str | None = None
    section: str | None = None
    formatting: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen)
class ReportEvent:
    """An event that reports have metrics of. Follows the "Events endpoint".

    Attributes:
        id: Its slug: `{id}_events` and `{id}_revenue` are metrics. It may hold a space.
        name: What the dashboard calls it.
        short_name: The same, shorter.
        section: Where the dashboard lists it.
        formatting: What its values are.
        description: What the account wrote of it.
        app_token: The apps that have it.
        tokens: Its event tokens.
        is_skad_event: Whether it is one of SKAdNetwork.
        app_token_x_event_tokens_mapping: The event tokens of each app; `None` unless asked for.
        extra: What else the service said.
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
    app_token_x_event_tokens_mapping: dict[str, list[str]] | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False)
