"""The currencies that apps may have."""

import math
from typing import NamedTuple


class Currency(NamedTuple):
    """A currency; `digits` are those after the point, and `rate` is the price of a euro in minor units."""

    iso_code: str
    name: str
    symbol: str
    digits: int
    rate: int

    @property
    def minor_units(self) -> int:
        """The number of minor units, in which money is stored, in one unit."""
        return int(10**self.digits)

    @property
    def worth(self) -> int:
        """The value of a minor unit in parts of a euro, as an integer, so that sums over currencies are exact."""
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
"""The smallest number of parts of a euro in which every minor unit is an integer."""
