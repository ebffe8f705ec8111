"""Parameters of the Report Service: checked and encoded before anything is sent."""

from datetime import UTC
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.reports.parameters import CsvQuery, ReportQuery, column_name
from adjust_async.reports.question import check_question
from tests.reports.questions import BASE, DOCUMENTED, NAMES, WIRE, Word, refusal, refused, wire_of

TAKES = ReportQuery.__annotations__


LISTS = sorted({name for name, value, _ in DOCUMENTED if isinstance(value, list)} - {"hour__between"})


WORDS = ["currency", "cohort_maturity", "attribution_type", "attribution_source", "ad_spend_mode",
         "iap_revenue_mode", "period_over_period"]  # fmt: skip


FLAGS = ["sandbox", "format_dates", "include_attr_dependency"]


class Printed(str, Enum):  # noqa: UP042 - callers have such enumerations: they print as their names
    """The same, of the older kind."""

    DAY = "day"
    INSTALLS = "installs"
    LAST = "last_month"
    EUR = "EUR"


# What goes on the wire.


@pytest.mark.parametrize(("name", "value", "wire"), DOCUMENTED)
def test_a_documented_parameter_goes_on_the_wire(name: str, value: object, wire: str) -> None:
    """A parameter has its documented form, and only ISO dates are requested next to it."""
    query: dict[str, Any] = {name: value}
    assert wire_of(**query) == {**WIRE, name: wire}


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(BASE)))
def test_none_is_left_out(name: str) -> None:
    """`None` means that a parameter was not passed."""
    assert wire_of(**{name: None}) == WIRE


@pytest.mark.parametrize("name", sorted(BASE))
@pytest.mark.parametrize("change", [{}, {"x": None}])
def test_missing_parameters_are_refused(name: str, change: dict[str, None]) -> None:
    """Dimensions, metrics and the range are required, and can't be `None`."""
    query = {**BASE, name: None} if change else {key: value for key, value in BASE.items() if key != name}
    message = refusal(lambda: check_question(query, app_tokens=None, parameters=None))
    assert message == f"{name} is missing: a report needs dimensions, metrics and date_period"


def test_every_parameter_of_the_call_is_known() -> None:
    """Everything in the signature can be encoded."""
    assert sorted(TAKES) == sorted({*NAMES, "filters"})


@pytest.mark.parametrize("kind", [Word, Printed])
def test_members_of_an_enumeration_are_their_values(kind: Any) -> None:
    """Names, words and ranges may be members, and go on the wire as plain texts."""
    wire = wire_of(dimensions=[kind.DAY], metrics=(kind.INSTALLS,), date_period=kind.LAST, currency=kind.EUR)
    assert wire == {**WIRE, "date_period": "last_month", "currency": "EUR"}
    assert {type(value) for value in wire.values()} == {str}


def test_a_question_is_not_changed() -> None:
    """The caller's values are unchanged, and can be passed again."""
    query = {**BASE, "dimensions": ["day"], "filters": {"app__in": ["x"]}}
    copy = {**query, "filters": {"app__in": ["x"]}}
    first, second = (check_question(query, app_tokens=["abc"], parameters={"new": 1}) for _ in range(2))
    assert first == second
    assert query == copy


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("value", "part"),
    [("day", f"is the text {'day'!r}: pass a list"), ([], "is empty"), (5, "pass a list"), (b"day", "pass a list"),
     ({"a": 1}, "pass a list"), ({"a"}, "is a set"), ([""], "holds ''"), ([None], "holds None"), ([7], "holds 7"),
     ([["a"]], "holds ['a']"), (["a,b"], "holds 'a,b'"), (["a", "a"], "twice"), (["\ud800"], "can't be sent")],
)  # fmt: skip
def test_anything_but_a_list_of_names_is_refused(name: str, value: object, part: str) -> None:
    """A text instead of a list, and every other mistake, is refused with the argument's name."""
    message = refused(**{name: value})
    assert message.startswith(f"{name} ")
    assert part in message


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("value", ["", " ", 5, True, b"all", ["all"], {}, "\ud800", float("nan"), object()])
def test_a_word_is_a_text(name: str, value: object) -> None:
    """Anything but a text that can be sent is refused by name."""
    assert refused(**{name: value}).startswith(f"{name} is ")


@pytest.mark.parametrize("value", ["", " ", -1, True, 1.0, 2**63, b"UTC", ["UTC"], UTC, "\ud800", object()])
def test_a_time_zone_is_a_name_or_a_number(value: object) -> None:
    """Anything else is refused by name."""
    assert refused(timezone_id=value).startswith("timezone_id is ")


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [0, 1, "true", "", [], 1.0])
def test_a_boolean_is_a_boolean(name: str, value: object) -> None:
    """Values that only look true or false are refused."""
    assert refused(**{name: value}).endswith("pass True or False")


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "10", [10], 2**63, float("inf"), Decimal(5),
                                   pytest.param(10**5000, id="huge")])  # fmt: skip
def test_a_limit_is_a_whole_number(value: object) -> None:
    """A report of no rows, and wrong numbers, are refused."""
    assert refused(limit=value).startswith("limit is ")


@pytest.mark.parametrize(
    ("value", "start"),
    [("8,17", " is "), ("8", " is "), ("8:17:20", " is "), ("8:17\n", " is "), ("٨:١٧", " is "), ("", " is "),
     ((8,), " is "), ((8, 9, 10), " is "), (8, " is "), ({8: 1, 9: 1}, " is "), (range(2), " is "), (b"ab", " is "),
     ((8, 24), "[1] is 24"), ((-1, 5), "[0] is -1"), ((True, 5), "[0] is True"), ((1.0, 5), "[0] is 1.0"),
     (("8", "9"), "[0] is '8'"), ((None, 1), "[0] is None")],
)  # fmt: skip
def test_hours_are_a_pair_of_hours(value: object, start: str) -> None:
    """Only two whole numbers from 0 to 23 are accepted."""
    assert refused(hour__between=value).startswith(f"hour__between{start}")


def test_offset_and_time_zone_exclude_each_other() -> None:
    """An offset and a time zone contradict each other."""
    assert "pass one of them" in refused(utc_offset="+01:00", timezone_id="Europe/Berlin")


@pytest.mark.parametrize("value", [["-"], ["clicks", "--"], [" - "]])
def test_a_sort_has_a_name(value: list[str]) -> None:
    """A minus without a name is refused."""
    assert refused(sort=value).startswith("sort is ")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("metric", "metric is not a parameter of a report: did you mean metrics?"),
        ("campaign__contains", "campaign__contains is a filter: pass filters={'campaign__contains': ...}"),
        ("readable_names", "readable_names is not a parameter of this report: leave it out"),
    ],
)
def test_an_unknown_argument_is_refused_with_the_way_to_pass_it(name: str, part: str) -> None:
    """A misspelt parameter is refused, and a filter belongs in `filters=`."""
    assert refused(**{name: "x"}) == part
    assert refused(**{name: None}) == part


def test_a_csv_takes_readable_names() -> None:
    """A parameter of a single report is encoded for that report."""
    query = {**BASE, "readable_names": True}
    question = check_question(query, app_tokens=None, parameters=None, takes=CsvQuery)
    assert question.query() == {**WIRE, "readable_names": "true"}


# Columns.


@pytest.mark.parametrize(
    ("dimensions", "metrics"),
    [(["day"], ["day"]), (["day"], ["a_D7", "a_d7"]), (["a_d7", "day"], ["a_D7"]), (["day"], ["x_W2_y", "x_w2_y"])],
)
def test_no_column_appears_twice(dimensions: list[str], metrics: list[str]) -> None:
    """Names that have the same column in the answer are refused, in whichever list they are."""
    assert refused(dimensions=dimensions, metrics=metrics).endswith("already: pass it once")


@pytest.mark.parametrize(
    ("asked", "came"),
    [
        ("retention_rate_D7", "retention_rate_d7"),
        ("roas_W52", "roas_w52"),
        ("sessions_M36", "sessions_m36"),
        ("buy_D30_events_cohort", "buy_d30_events_cohort"),
        ("Level Up_events", "Level Up_events"),
        ("retention_rate_d7", "retention_rate_d7"),
        ("D7", "D7"),
        ("x_D7x", "x_D7x"),
        ("x_D", "x_D"),
        ("x_H7", "x_H7"),
        ("", ""),
    ],
)
def test_a_cohort_metric_is_returned_in_lower_case(asked: str, came: str) -> None:
    """Only the period changes, so that the slugs of events stay unchanged."""
    assert column_name(asked) == came


@given(st.text("aDdWwMm7_ ", max_size=12))
def test_the_name_of_a_column_is_final(name: str) -> None:
    """A name from an answer can be requested unchanged, and no name changes except in case."""
    once = column_name(name)
    assert column_name(once) == once
    assert once.lower() == name.lower()
