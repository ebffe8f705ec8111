"""What the Campaign API answers: trackers and partners.

The records are immutable. Keys that Adjust adds later are kept in `extra`.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from adjust_async import _records
from adjust_async._pydantic import Record

__all__ = ["Partner", "Tracker"]


# Without a slot for weak references, `_shapes` can build them.
@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, weakref_slot=False, unsafe_hash=True)
class Tracker(Record):
    """A tracker, or "link" in today's dashboard: one node of an app's campaign structure.

    Follows the item definition of the Campaign API, v1 and v2. What the service left out is `None`.

    Attributes:
        token: The tracker token, which names the tracker in every other call.
        name: The whole path, its parts joined by `::`, such as `Adroll::SpringCampaign::PubID123`.
        label: The last part of `name`.
        level: 1 network, 2 campaign, 3 adgroup, 4 creative.
        archived: Whether it was archived in the dashboard.
        has_subtrackers: Whether there are trackers below it.
        partner_id: The partner that it is linked to; `None` where it is linked to none.
        cost_data_enabled: Whether cost data is collected for it.
        url, click_url, impression_url: Where ads point to, with the partner's macros in them.
        app_token: The app that it was asked for. The SDK adds this; the service does not say it.
        parent_token: The tracker above it; `None` on the network level, and where it is not known, as after `update`.
        extra: What else the service said.
    """

    token: str
    name: str
    label: str | None = None
    level: int | None = None
    archived: bool | None = None
    has_subtrackers: bool | None = None
    partner_id: int | None = None
    cost_data_enabled: bool | None = None
    url: str | None = attrs.field(default=None, repr=False)
    click_url: str | None = attrs.field(default=None, repr=False)
    impression_url: str | None = attrs.field(default=None, repr=False)
    app_token: str | None = None
    parent_token: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, weakref_slot=False, unsafe_hash=True)
class Partner(Record):
    """An advertising partner that trackers can be linked to. Follows the item definition of the Campaign API.

    Attributes:
        id: What `partner_id` of a tracker refers to.
        display_name: Its name in the dashboard, such as `AdColony`.
        supports_cost_data: Whether `cost_data_enabled` has an effect for it.
        extra: What else the service said.
    """

    id: int
    display_name: str
    supports_cost_data: bool | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


def _with_documented_key(document: Mapping[str, Any]) -> Mapping[str, Any]:
    # One table of Adjust's documentation calls the key support_cost_data.
    if "support_cost_data" not in document or "supports_cost_data" in document:
        return document
    document = {**document, "supports_cost_data": document["support_cost_data"]}
    del document["support_cost_data"]
    return document


_records.adapt(Partner, _with_documented_key)
