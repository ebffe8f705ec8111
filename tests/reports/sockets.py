"""Reports over real sockets for tests: the question, and its rows without regard to their order."""

from datetime import date
from typing import Any

FIRST, LAST = "2026-01-26", "2026-02-04"


DATES = (date(2026, 1, 26), date(2026, 2, 4))


QUERY: Any = {"dimensions": ["day"], "metrics": ["installs", "clicks"], "date_period": DATES}
