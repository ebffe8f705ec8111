"""Questions to the Report Service for tests: checked, encoded, and refused."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest

from adjust_async.errors import ConfigurationError
from adjust_async.reports.question import check_question

BASE: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}


WIRE = {"dimensions": "day", "metrics": "installs", "date_period": "yesterday", "format_dates": "false"}


#: By the documentation: a parameter, a good value, and its form on the wire.
DOCUMENTED: list[tuple[str, object, str]] = [
    ("dimensions", ["app", "week"], "app,week"),
    ("metrics", ["cost", "Level Up_events"], "cost,Level Up_events"),
    ("date_period", "-7d:-1d", "-7d:-1d"),
    ("hour__between", (8, 17), "8:17"),
    ("hour__between", [0, 23], "0:23"),
    ("hour__between", "-10h:-0h", "-10h:-0h"),
    ("hour__between", "8:17", "8:17"),
    ("utc_offset", "+01:00", "+01:00"),
    ("timezone_id", "Europe/Berlin", "Europe/Berlin"),
    ("timezone_id", 172, "172"),
    ("timezone_id", 0, "0"),
    ("currency", "EUR", "EUR"),
    ("cohort_maturity", "mature", "mature"),
    ("attribution_type", "click", "click"),
    ("attribution_types", ["click", "impression"], "click,impression"),
    ("attribution_source", "first", "first"),
    ("reattributed", "all", "all"),
    ("reattributed", False, "false"),
    ("os_names", ["iOS", "android"], "ios,android"),
    ("sandbox", True, "true"),
    ("ad_spend_mode", "mixed", "mixed"),
    ("ad_revenue_sources", ["unity"], "unity"),
    ("iap_revenue_mode", "gross", "gross"),
    ("period_over_period", "previous", "previous"),
    ("sort", ["-clicks", "installs"], "-clicks,installs"),
    ("index", ["day"], "day"),
    ("limit", 1, "1"),
    ("limit", 2**63 - 1, str(2**63 - 1)),
    ("format_dates", True, "true"),
    ("include_attr_dependency", False, "false"),
]


NAMES = sorted({name for name, _, _ in DOCUMENTED})


def wire_of(app_tokens: list[str] | None = None, parameters: object = None, **query: Any) -> dict[str, str]:
    """Return the query parameters of a query."""
    return check_question({**BASE, **query}, app_tokens=app_tokens, parameters=parameters).query()


def refusal(ask: Callable[[], object]) -> str:
    """Return the message with which a query is refused."""
    with pytest.raises(ConfigurationError) as caught:
        ask()
    return str(caught.value)


def refused(**query: Any) -> str:
    """Return the message with which a parameter is refused."""
    return refusal(lambda: wire_of(**query))


class Word(StrEnum):
    """How a caller may name its choices."""

    DAY = "day"
    INSTALLS = "installs"
    LAST = "last_month"
    EUR = "EUR"
