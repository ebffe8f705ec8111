"""The currencies that apps may have."""

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
