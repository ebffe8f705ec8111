"""Parameters of the Report Service: checked and encoded before anything is sent, and split into windows."""

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async._figures.windows import Period
from adjust_async.errors import ConfigurationError
from adjust_async.reports.parameters import CsvQuery, ReportQuery, column_name, split_period
from adjust_async.reports.question import check_question

BASE: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}
WIRE = {"dimensions": "day", "metrics": "installs", "date_period": "yesterday", "format_dates": "false"}
TAKES = ReportQuery.__annotations__

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
LISTS = sorted({name for name, value, _ in DOCUMENTED if isinstance(value, list)} - {"hour__between"})
WORDS = ["currency", "cohort_maturity", "attribution_type", "attribution_source", "ad_spend_mode",
         "iap_revenue_mode", "period_over_period"]  # fmt: skip
FLAGS = ["sandbox", "format_dates", "include_attr_dependency"]

TEXT_SUFFIXES = ["contains", "exclude", "starts_with", "not_starts_with", "ends_with", "not_ends_with"]
LIST_SUFFIXES = ["in", "not_in"]
NUMBER_SUFFIXES = ["lt", "lte", "gt", "gte", "eq", "ne"]


def wire_of(app_tokens: list[str] | None = None, parameters: object = None, **query: Any) -> dict[str, str]:
    """Give the query of a question."""
    return check_question({**BASE, **query}, app_tokens=app_tokens, parameters=parameters).query()


def refusal(ask: Callable[[], object]) -> str:
    """Give the message with which a question is refused."""
    with pytest.raises(ConfigurationError) as caught:
        ask()
    return str(caught.value)


def refused(**query: Any) -> str:
    """Give the message with which a parameter is refused."""
    return refusal(lambda: wire_of(**query))


class Word(StrEnum):
    """How a caller may name its choices."""

    DAY = "day"
    INSTALLS = "installs"
    LAST = "last_month"
    EUR = "EUR"


class Printed(str, Enum):  # noqa: UP042 - callers have such enumerations: they print as their names
    """The same, of the older kind."""

    DAY = "day"
    INSTALLS = "installs"
    LAST = "last_month"
    EUR = "EUR"


# What goes on the wire.


@pytest.mark.parametrize(("name", "value", "wire"), DOCUMENTED)
def test_a_documented_parameter_goes_on_the_wire(name: str, value: object, wire: str) -> None:
    """A parameter has its documented form, and nothing but ISO dates is asked for beside it."""
    query: dict[str, Any] = {name: value}
    assert wire_of(**query) == {**WIRE, name: wire}


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(BASE)))
def test_none_is_left_out(name: str) -> None:
    """`None` stands for a parameter that was not given."""
    assert wire_of(**{name: None}) == WIRE


@pytest.mark.parametrize("name", sorted(BASE))
@pytest.mark.parametrize("change", [{}, {"x": None}])
def test_what_a_report_needs_is_missed(name: str, change: dict[str, None]) -> None:
    """Dimensions, metrics and the range are required, also where `None` is given."""
    query = {**BASE, name: None} if change else {key: value for key, value in BASE.items() if key != name}
    message = refusal(lambda: check_question(query, app_tokens=None, parameters=None))
    assert message == f"{name} is missing: a report needs dimensions, metrics and date_period"


def test_every_parameter_of_the_call_is_known() -> None:
    """What the signature offers can be encoded."""
    assert sorted(TAKES) == sorted({*NAMES, "filters"})


@pytest.mark.parametrize("kind", [Word, Printed])
def test_members_of_an_enumeration_are_their_values(kind: Any) -> None:
    """Names, words and ranges may be members, and go on the wire as plain texts."""
    wire = wire_of(dimensions=[kind.DAY], metrics=(kind.INSTALLS,), date_period=kind.LAST, currency=kind.EUR)
    assert wire == {**WIRE, "date_period": "last_month", "currency": "EUR"}
    assert {type(value) for value in wire.values()} == {str}


def test_a_question_is_not_changed() -> None:
    """What the caller gave is as it was, and can be given again."""
    query = {**BASE, "dimensions": ["day"], "filters": {"app__in": ["x"]}}
    copy = {**query, "filters": {"app__in": ["x"]}}
    first, second = (check_question(query, app_tokens=["abc"], parameters={"new": 1}) for _ in range(2))
    assert first == second
    assert query == copy


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("value", "part"),
    [("day", f"is the text {'day'!r}: give a list"), ([], "is empty"), (5, "give a list"), (b"day", "give a list"),
     ({"a": 1}, "give a list"), ({"a"}, "is a set"), ([""], "holds ''"), ([None], "holds None"), ([7], "holds 7"),
     ([["a"]], "holds ['a']"), (["a,b"], "holds 'a,b'"), (["a", "a"], "twice"), (["\ud800"], "can't be sent")],
)  # fmt: skip
def test_what_is_no_list_of_names_is_refused(name: str, value: object, part: str) -> None:
    """A text where a list belongs, and every other mistake, is refused by the argument's name."""
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
    """What is merely true or false by its look is refused."""
    assert refused(**{name: value}).endswith("give True or False")


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "10", [10], 2**63, float("inf"), Decimal(5),
                                   pytest.param(10**5000, id="huge")])  # fmt: skip
def test_a_limit_is_a_whole_number(value: object) -> None:
    """A report of no rows, and what is no number, are refused."""
    assert refused(limit=value).startswith("limit is ")


@pytest.mark.parametrize(
    ("value", "start"),
    [("8,17", " is "), ("8", " is "), ("8:17:20", " is "), ("8:17\n", " is "), ("٨:١٧", " is "), ("", " is "),
     ((8,), " is "), ((8, 9, 10), " is "), (8, " is "), ({8: 1, 9: 1}, " is "), (range(2), " is "), (b"ab", " is "),
     ((8, 24), "[1] is 24"), ((-1, 5), "[0] is -1"), ((True, 5), "[0] is True"), ((1.0, 5), "[0] is 1.0"),
     (("8", "9"), "[0] is '8'"), ((None, 1), "[0] is None")],
)  # fmt: skip
def test_hours_are_a_pair_of_hours(value: object, start: str) -> None:
    """Two whole numbers from 0 to 23, and nothing else."""
    assert refused(hour__between=value).startswith(f"hour__between{start}")


def test_one_clock_is_given() -> None:
    """An offset and a time zone contradict each other."""
    assert "give one of them" in refused(utc_offset="+01:00", timezone_id="Europe/Berlin")


@pytest.mark.parametrize("value", [["-"], ["clicks", "--"], [" - "]])
def test_a_sort_has_a_name(value: list[str]) -> None:
    """A minus alone sorts by nothing."""
    assert refused(sort=value).startswith("sort is ")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("metric", "metric is no parameter of a report: did you mean metrics?"),
        ("campaign__contains", "campaign__contains is a filter: give filters={'campaign__contains': ...}"),
        ("readable_names", "readable_names is no parameter of this report: leave it out"),
    ],
)
def test_an_argument_that_there_is_not_is_refused_with_the_way_to_give_it(name: str, part: str) -> None:
    """A typo is no parameter let through, and a filter has its place."""
    assert refused(**{name: "x"}) == part
    assert refused(**{name: None}) == part


def test_a_csv_takes_readable_names() -> None:
    """What one report alone takes is encoded where it is taken."""
    query = {**BASE, "readable_names": True}
    question = check_question(query, app_tokens=None, parameters=None, takes=CsvQuery)
    assert question.query() == {**WIRE, "readable_names": "true"}


# Ranges.


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ((date(2026, 1, 1), date(2026, 1, 2)), "2026-01-01:2026-01-02"),
        (["2026-01-01", date(2026, 1, 1)], "2026-01-01:2026-01-01"),
        ("2026-01-01:2026-01-02", "2026-01-01:2026-01-02"),
        (" -10d:-3d\n", "-10d:-3d"),
        ("2023-04-01:-0d", "2023-04-01:-0d"),
        *((word, word) for word in ("today", "yesterday", "this_week", "last_week", "this_month", "last_month",
                                    "this_month_until_yesterday", "some_new_word")),
    ],
)  # fmt: skip
def test_a_range_has_the_documented_forms(value: object, wire: str) -> None:
    """Two days, the service's own form, a mix, and words, also ones that came later."""
    assert wire_of(date_period=value)["date_period"] == wire


@pytest.mark.parametrize(
    "value",
    ["", " ", "last_7_days", "last_30_days", "last_2_weeks", "last_3_months", "2026-01-01", "2026-01-01:",
     ":2026-01-01", "2026-01-02:2026-01-01", "2026-02-30:2026-03-01", "2026-01-01:2026-01-02:2026-01-03",
     "2026-1-1:2026-1-2",
     "7d:1d", "-7:-1", "-7d", "+7d:+8d", "Yesterday", "last month", "_", "a__b", "\ud800", "2026-01-01 - 2026-01-02",
     "٢٠٢٦-٠١-٠١:٢٠٢٦-٠١-٠٢", 5, True, b"today", [], ("2026-01-01",), ("2026-01-01",) * 3, {"a", "b"}, {"a": 1, "b": 2},
     ("2026-01-02", "2026-01-01"), (None, "2026-01-01"), ("today", "today"), ("-7d", "-1d"),
     (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)), (20260101, 20260102), iter([1, 2])],
)  # fmt: skip
def test_what_is_no_range_is_refused(value: object) -> None:
    """Forms that the service refuses, days that no calendar has, and ranges that end before they begin."""
    assert refused(date_period=value).startswith("date_period")


def test_a_refused_word_is_told_with_what_works() -> None:
    """`last_7_days` is the classic, which the service answers with 400."""
    assert "give '-7d:-1d', or two dates" in refused(date_period="last_7_days")
    assert refused(date_period=("2026-01-02", "2026-01-01")).endswith("it begins on 2026-01-02: swap them")


@given(st.text("0123456789-:d_alstweko ", max_size=24) | st.text(max_size=8))
def test_any_text_is_a_range_or_refused(value: str) -> None:
    """No text is another error."""
    try:
        wire = wire_of(date_period=value)["date_period"]
    except ConfigurationError as error:
        message = str(error)
    else:
        assert wire == value.strip()
        return
    assert message.startswith("date_period ")


# Columns.


@pytest.mark.parametrize(
    ("dimensions", "metrics"),
    [(["day"], ["day"]), (["day"], ["a_D7", "a_d7"]), (["a_d7", "day"], ["a_D7"]), (["day"], ["x_W2_y", "x_w2_y"])],
)
def test_no_column_comes_twice(dimensions: list[str], metrics: list[str]) -> None:
    """Names that come back as the same column are refused, in whichever list they are."""
    assert refused(dimensions=dimensions, metrics=metrics).endswith("already: give it once")


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
def test_a_cohort_metric_comes_back_in_lower_case(asked: str, came: str) -> None:
    """The period alone changes, so that the slugs of events stay as they are."""
    assert column_name(asked) == came


@given(st.text("aDdWwMm7_ ", max_size=12))
def test_the_name_of_a_column_is_final(name: str) -> None:
    """A name that came back is asked for as itself, and no name changes but for its case."""
    once = column_name(name)
    assert column_name(once) == once
    assert once.lower() == name.lower()


# Apps and filters.


def test_apps_are_a_filter() -> None:
    """Apps are chosen by `app_token__in`, by one of two ways."""
    assert wire_of(["abc", "def"]) == {**WIRE, "app_token__in": "abc,def"}
    assert wire_of(filters={"app_token__in": ["abc"]}) == {**WIRE, "app_token__in": "abc"}
    message = refusal(lambda: wire_of(["abc"], filters={"app_token__in": ["abc"]}))
    assert message == "filters holds 'app_token__in', and app_tokens is given too: give one of them"


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, *LIST_SUFFIXES])
def test_a_filter_of_texts(suffix: str) -> None:
    """One text or several where a list is documented; one elsewhere."""
    name = f"campaign_network__{suffix}"
    assert wire_of(filters={name: "spring sale"})[name] == "spring sale"
    if suffix in LIST_SUFFIXES:
        assert wire_of(filters={name: ["a", Word.DAY]})[name] == "a,day"
        assert wire_of(filters={name: (part for part in "ab")})[name] == "a,b"
    else:
        assert refused(filters={name: ["a", "b"]}).endswith("give a text")


@pytest.mark.parametrize("suffix", NUMBER_SUFFIXES)
@pytest.mark.parametrize(("value", "wire"), [(0, "0"), (-5, "-5"), (1.5, "1.5"), (Decimal("0.10"), "0.10")])
def test_a_filter_of_numbers(suffix: str, value: object, wire: str) -> None:
    """Whole numbers, fractions and decimals."""
    assert wire_of(filters={f"installs__{suffix}": value})[f"installs__{suffix}"] == wire


@pytest.mark.parametrize("suffix", NUMBER_SUFFIXES)
@pytest.mark.parametrize("value", [None, True, "5", "", [5], b"5", {}, 1j, float("nan"), float("inf"), Decimal("NaN"),
                                   Decimal("-Infinity"), object()])  # fmt: skip
def test_what_is_no_number_is_no_limit_of_a_metric(suffix: str, value: object) -> None:
    """What compares with nothing is refused by the filter's name."""
    message = refused(filters={f"installs__{suffix}": value})
    assert message.startswith(f"filters['installs__{suffix}'] is ")
    assert message.endswith("give a number")


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, *LIST_SUFFIXES])
@pytest.mark.parametrize("value", [None, 5, True, b"x", "", " ", "\ud800", [], {}, {"a"}, [5], [None], [""], object()])
def test_what_is_no_text_filters_no_dimension(suffix: str, value: object) -> None:
    """Every mistake is refused by the filter's name."""
    assert refused(filters={f"app__{suffix}": value}).startswith(f"filters['app__{suffix}'] ")


@pytest.mark.parametrize("name", ["app", "app_in", "app__is", "__in", " __in", "", "in", "app__IN", "hour__between",
                                  "app__in ", None, 5, b"app__in", ("app__in",)])  # fmt: skip
def test_a_filter_that_there_is_not_is_refused(name: object) -> None:
    """The message shows the name and every way to filter."""
    message = refused(filters={name: ["x"]})
    assert message.startswith("filters holds ")
    assert "__not_starts_with" in message


@pytest.mark.parametrize("filters", [[], "app__in", 5, True, b"", {"app__in"}, [("app__in", "x")], object()])
def test_filters_are_a_dictionary(filters: object) -> None:
    """Anything else is refused with an example."""
    assert refused(filters=filters).startswith("filters is ")


@pytest.mark.parametrize("filters", [None, {}])
def test_no_filters_change_nothing(filters: object) -> None:
    """Neither `None` nor an empty dictionary adds anything."""
    assert wire_of(filters=filters) == WIRE


@pytest.mark.parametrize("name", ["dimensions", "filters", "limit", "hour__between", "date_period"])
def test_an_argument_is_not_given_as_a_further_parameter(name: str) -> None:
    """It would be sent twice, unchecked."""
    assert f"give {name}=" in refusal(lambda: wire_of(parameters={name: "x"}))


@pytest.mark.parametrize("name", ["app_token__in", "campaign__contains", "x__y"])
def test_a_filter_can_be_sent_unchanged(name: str) -> None:
    """What goes into `parameters` is sent as it is, where another form is wanted than that of `filters`."""
    assert wire_of(parameters={name: 'a,"b"'})[name] == 'a,"b"'


def test_a_filter_is_given_once() -> None:
    """The same filter in both places, or beside the apps, would replace the other one."""
    message = refusal(lambda: wire_of(filters={"app__in": ["x"]}, parameters={"app__in": "y"}))
    assert message == "parameters holds 'app__in', which is in filters too: give app__in once"
    message = refusal(lambda: wire_of(["abc"], parameters={"app_token__in": "abc"}))
    assert message == "parameters holds 'app_token__in', and app_tokens is given too: give one of them"


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("Spring, DE", '"Spring, DE"'),
        (["Spring, DE", "plain"], '"Spring, DE",plain'),
        ('5" screen, "new"', '"5"" screen, ""new"""'),
        ('5" screen', '5" screen'),
        (",", '","'),
    ],
)
@pytest.mark.parametrize("suffix", [*LIST_SUFFIXES, *TEXT_SUFFIXES])
def test_a_comma_in_a_filter_goes_out_in_quotes(suffix: str, value: Any, wire: str) -> None:
    """A value with a comma stands in double quotes, with inner quotes doubled; any other one goes as it is."""
    name = f"campaign__{suffix}"
    if suffix in LIST_SUFFIXES or isinstance(value, str):
        assert wire_of(filters={name: value})[name] == wire


@given(st.lists(st.text('a,"é ', min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=4, unique=True))
def test_values_in_quotes_are_read_back(values: list[str]) -> None:
    """Whoever reads the list as one line of CSV gets the values, where those that begin with a quote have a comma."""
    assume(all("," in value or '"' not in value for value in values))
    wire = wire_of(filters={"campaign__in": values})["campaign__in"]
    assert next(csv.reader([wire])) == values


@given(
    st.dictionaries(
        st.sampled_from([*NAMES, "filters"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())
        | st.dictionaries(st.text() | st.sampled_from(["app__in", "cost__gt"]), st.text() | st.floats(), max_size=2),
        max_size=4,
    ),
)  # fmt: skip
def test_any_arguments_give_texts_or_are_refused(query: dict[str, Any]) -> None:
    """Whatever is given, the wire has texts that can be encoded, or `ConfigurationError` is raised."""
    try:
        wire = wire_of(**query)
    except ConfigurationError:
        return
    for value in wire.values():
        assert type(value) is str
        assert value.strip().encode()


# Windows.

RANGE = Period(date(2026, 1, 1), date(2026, 2, 3))


def test_without_a_window_there_is_one_range() -> None:
    """Any range goes as it is."""
    assert split_period("yesterday", None, ("day",)) == ("yesterday",)
    assert split_period(RANGE, None, ("app",)) == (RANGE,)


@pytest.mark.parametrize(
    ("window", "dimensions"),
    [("day", "day"), ("week", "hour,app"), ("month", "app,day"), (7, "day"), ("week", "week"), ("month", "month"),
     (1, "hour")],
)  # fmt: skip
def test_a_range_is_split_where_no_row_spans_two_windows(window: Any, dimensions: str) -> None:
    """With days or hours, or weeks and months of their own window, rows are joined as they are."""
    windows = split_period(RANGE, window, tuple(dimensions.split(",")))
    first, last = windows[0], windows[-1]
    assert isinstance(first, Period)
    assert isinstance(last, Period)
    assert (first.start, last.end) == (RANGE.start, RANGE.end)


@pytest.mark.parametrize(
    ("window", "dimensions"),
    [("day", "app"), ("day", "week"), (7, "week"), (30, "month"), ("week", "month"), ("month", "week"),
     ("month", "quarter"), ("month", "year"), ("month", "app"), ("day", "days")],
)  # fmt: skip
def test_a_window_that_would_cut_rows_is_refused(window: Any, dimensions: str) -> None:
    """Rates and distinct users don't add up, so that no row may span two windows."""
    assert "never summed" in refusal(lambda: split_period(RANGE, window, tuple(dimensions.split(","))))


@pytest.mark.parametrize("period", ["yesterday", "-7d:-1d", "2026-01-01:-0d", "-7d:2026-01-01"])
def test_a_range_without_dates_is_not_split(period: str) -> None:
    """What "yesterday" is, the service alone knows."""
    message = refusal(lambda: split_period(period, "day", ("day",)))
    assert (
        message == f"window is 'day', but date_period is {period!r}: give two dates, so that it is known what to split"
    )


@pytest.mark.parametrize("window", [True, 0, 367, "", "Day", "year", b"day", 1.0, [], {}, {"day"}, float("nan")])
def test_what_is_no_window_is_refused(window: object) -> None:
    """The check of the window comes before that of the range."""
    assert refusal(lambda: split_period("yesterday", window, ("day",))).startswith("window is ")


@pytest.mark.parametrize("form", ["pair", "text"])
@given(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(0, 400), st.integers(1, 366))
def test_windows_are_ranges_that_can_be_asked_for(form: str, first: date, length: int, window: int) -> None:
    """Each window is a range of its own, and together they are the whole, however the range was given."""
    last = first + timedelta(length)
    period: Any = (first, last) if form == "pair" else f"{first}:{last}"
    question = check_question({**BASE, "date_period": period}, app_tokens=None, parameters=None, window=window)
    asked = [question.query(window=one)["date_period"] for one in question.windows]
    assert [wire_of(date_period=one)["date_period"] for one in asked] == asked
    ends = [one.split(":") for one in asked]
    assert (ends[0][0], ends[-1][1]) == (str(first), str(last))
    assert sum((date.fromisoformat(b) - date.fromisoformat(a)).days + 1 for a, b in ends) == length + 1
