"""What figures are broken down by, apart from apps, trackers and time."""

import math
from typing import NamedTuple


class Currency(NamedTuple):
    """A currency: `digits` after the point, `rate` is what a euro costs in its minor units."""

    iso_code: str
    name: str
    symbol: str
    digits: int
    rate: int

    @property
    def minor_units(self) -> int:
        """How many minor units, as money is stored, make one unit."""
        return int(10**self.digits)

    @property
    def worth(self) -> int:
        """What a minor unit is worth, in parts of a euro; whole, so that sums over several currencies are exact."""
        return EURO_PARTS // self.rate


CURRENCIES = (
    Currency("EUR", "Euro", "€", 2, 100),
    Currency("USD", "United States Dollar", "$", 2, 108),
    Currency("GBP", "British Pound", "£", 2, 86),
    Currency("JPY", "Japanese Yen", "¥", 0, 160),
    Currency("BRL", "Brazilian Real", "R$", 2, 590),
    Currency("KRW", "South Korean Won", "₩", 0, 1500),
    Currency("PLN", "Polish Złoty", "zł", 2, 430),
)

EURO_PARTS = math.lcm(*(currency.rate for currency in CURRENCIES))
"""The smallest number of parts of a euro in which every minor unit is worth a whole number."""

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
"""The busiest first."""

DEVICES = (
    ("ios", "phone"),
    ("android", "phone"),
    ("android", "phone"),
    ("ios", "phone"),
    ("android", "tablet"),
    ("ios", "tablet"),
    ("windows", "pc"),
    ("macos", "mac"),
    ("unknown", "unknown"),
)
"""The OS name and the device type, the most frequent first."""


class EventKind(NamedTuple):
    """An event that apps record; `price` is what one brings in euro cents, 0 for an event without revenue."""

    name: str
    price: int


GENERAL_REVENUE = EventKind("General Revenue Event", 299)
"""Revenue that was recorded without an event of its own; every app has it, under the token "0"."""

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
