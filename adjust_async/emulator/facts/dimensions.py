"""The dimensions of figures, apart from apps, trackers and time."""

from typing import NamedTuple

REGIONS = {
    "americas": ("us", "br", "mx", "ca"),
    "apac": ("jp", "kr", "in", "id", "au", "vn", "th", "ph", "tw"),
    "emea": ("de", "fr", "gb", "tr", "es", "it", "pl", "nl", "se", "sa", "ae", "za"),
}
"""The countries of each region, in lower case as the KPI Service writes them."""

COUNTRIES = (
    "us", "de", "jp", "gb", "fr", "br", "kr", "in", "mx", "id", "tr", "es", "it", "pl", "nl", "se", "ca", "au",
    "sa", "ae", "vn", "th", "ph", "tw", "za",
)  # fmt: skip
"""The busiest ones come first."""

DEVICES = (
    ("ios", "phone"),
    ("android", "phone"),
    ("android", "phone"),
    ("ios", "phone"),
    ("android", "tablet"),
    ("ios", "tablet"),
    ("windows", "pc"),
    ("macos", "mac"),
    ("android-tv", "tv"),
    ("apple-tv", "tv"),
    ("fire-tv", "tv"),
    ("roku-os", "tv"),
    ("tizen", "tv"),
    ("smart-cast", "tv"),
    ("unknown", "unknown"),
)
"""Pairs of an OS name and a device type, the most frequent ones first."""


class EventKind(NamedTuple):
    """An event that apps record; `price` is its revenue in euro cents, or 0 for an event without revenue."""

    name: str
    price: int


GENERAL_REVENUE = EventKind("General Revenue Event", 299)
"""Revenue that was recorded without an event. Every app has it, under the token "0"."""

EVENT_KINDS = (
    EventKind("Purchase", 799),
    EventKind("Login", 0),
    EventKind("Level Up", 0),
    EventKind("Subscription Renewed", 499),
    EventKind("Registration", 0),
    EventKind("Add to Cart", 0),
    EventKind("Tutorial Completed", 0),
    EventKind("Checkout", 1499),
)
