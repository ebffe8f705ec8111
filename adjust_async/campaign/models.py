"""The records of the Campaign API: trackers and partners.

The records are immutable. Keys that Adjust adds later are kept in `extra`.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from adjust_async import _records
from adjust_async._pydantic import Record

__all__ = ["Partner", "Tracker"]


# Without a slot for weak references, `_records.shapes` can build them.
@attrs.define(kw_only=True, on_setattr=attrs.setters.frozen, weakref_slot=False, unsafe_hash=True)
class Tracker(Record):
    """A tracker (a "link" in today's dashboard): one node of an app's campaign structure.

    Follows the item definition of the Campaign API, v1 and v2. A field that the service left out is `None`.

    Attributes:
        token: The tracker token. Every other call refers to the tracker by it.
        name: The full path, its parts joined by `::`, such as `Adroll::SpringCampaign::PubID123`.
        label: The last part of `name`.
        level: 1 for a network, 2 for a campaign, 3 for an adgroup, 4 for a creative.
        archived: Whether the tracker was archived in the dashboard.
        has_subtrackers: Whether the tracker has children.
        partner_id: The partner that the tracker is linked to; `None` without one.
        cost_data_enabled: Whether cost data is collected for the tracker.
        url: The link for ads, with the partner's macros.
        click_url: The same for clicks.
        impression_url: The same for impressions.
        app_token: The app of the tracker. The SDK adds it; the service does not send it.
        parent_token: The parent; `None` at the network level, and if it is unknown, as after `update`.
        extra: Other fields that the service sent.
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
        id: The value to use as `partner_id` of a tracker.
        display_name: The name in the dashboard, such as `AdColony`.
        supports_cost_data: Whether `cost_data_enabled` has an effect for this partner.
        extra: Other fields that the service sent.
    """

    id: int
    display_name: str
    supports_cost_data: bool | None = None
    extra: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


def _with_documented_key(document: Mapping[str, Any]) -> Mapping[str, Any]:
    # One table in Adjust's documentation calls the key support_cost_data.
    if "support_cost_data" not in document or "supports_cost_data" in document:
        return document
    document = {**document, "supports_cost_data": document["support_cost_data"]}
    del document["support_cost_data"]
    return document


_records.adapt(Partner, _with_documented_key)
