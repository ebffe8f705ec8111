"""Parameters of the KPI Service: checked, encoded, and split into windows that join exactly."""

import calendar
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async._figures.encoding import encode_query
from adjust_async._figures.windows import Period
from adjust_async.errors import ConfigurationError
from adjust_async.kpis.parameters import Endpoint, check_query as check_typed, split_period

DAYS: dict[str, Any] = {"start_date": "2026-01-01", "end_date": "2026-01-31"}
JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))
ENDPOINTS: tuple[Endpoint, ...] = ("deliverables", "events", "cohorts", "skadnetwork")
D, E, C, S = ENDPOINTS

#: By the documentation: which endpoint takes what, a good value, and its form on the wire.
DOCUMENTED: list[tuple[str, set[Endpoint], object, str]] = [
    ("utc_offset", {D, E, C, S}, "+05:30", "+05:30"),
    ("kpis", {D, E, C, S}, ["installs", "clicks"], "installs,clicks"),
    ("sandbox", {D, E, C, S}, True, "true"),
    ("human_readable_kpis", {D, E, C, S}, False, "false"),
    ("countries", {D, E, C, S}, ["DE", "us"], "de,us"),
    ("os_names", {D, E, C, S}, ["iOS"], "ios"),
    ("device_types", {D, E, C, S}, ("Phone", "tablet"), "phone,tablet"),
    ("grouping", {D, E, C, S}, ["trackers", "day"], "trackers,day"),
    ("attribution_type", {D, E, C, S}, "all", "all"),
    ("tracker_filter", {D, E, C}, ["aBc1"], "aBc1"),
    ("attribution_source", {D, E, S}, "first", "first"),
    ("reattributed", {D, C}, "all", "all"),
    ("reattributed", {D, C}, True, "true"),
    ("event_kpis", {D}, ["all_events|revenue", "abc_events"], "all_events|revenue,abc_events"),
    ("regions", {D, S}, ["+eu", "-na", "Asia"], "+eu,-na,Asia"),
    ("cohort_revenue_period", {D}, 7, "7"),
    ("events", {E, C}, ["abc123", "0"], "abc123,0"),
    ("partner_ids", {E}, [174, "-300"], "174,-300"),
    ("period", {C}, "week", "week"),
    ("day_def", {C}, "24h", "24h"),
    ("cohort_period_filter", {C}, "0-7", "0-7"),
    ("impression_based", {C}, False, "false"),
    ("impression_based", {C}, "yes", "yes"),
]
TAKEN = [(endpoint, *row) for row in DOCUMENTED for endpoint in ENDPOINTS if endpoint in row[1]]
NOT_TAKEN = [(endpoint, *row) for row in DOCUMENTED for endpoint in ENDPOINTS if endpoint not in row[1]]
LISTS = {name for name, _, value, _ in DOCUMENTED if isinstance(value, (list, tuple))}
HOME: dict[str, Endpoint] = {
    name: next(endpoint for endpoint in ENDPOINTS if endpoint in takes) for name, takes, _, _ in DOCUMENTED
}


def refusal(ask: Callable[[], object]) -> str:
    """Give the message with which a question is refused."""
    with pytest.raises(ConfigurationError) as caught:
        ask()
    return str(caught.value)


def refused(name: str, value: object) -> str:
    """Give the message with which a value of a parameter is refused."""
    return refusal(lambda: check_query(HOME.get(name, D), {**DAYS, name: value}, None))


def check_query(endpoint: Any, query: Mapping[str, Any], further: Any) -> dict[str, str]:
    """Give the text of all parameters of a question."""
    _, period, values = check_typed(endpoint, query, further)
    return encode_query({"start_date": period.start, "end_date": period.end, **values})


# What goes on the wire.


@pytest.mark.parametrize(("endpoint", "name", "_takes", "value", "wire"), TAKEN)
def test_each_endpoint_takes_what_is_documented(
    endpoint: Endpoint, name: str, _takes: object, value: object, wire: str
) -> None:
    """A parameter goes on the wire in its documented form, beside the dates and nothing else."""
    assert check_query(endpoint, {**DAYS, name: value}, None) == {**DAYS, name: wire}


@pytest.mark.parametrize(("endpoint", "name", "takes", "value", "_wire"), NOT_TAKEN)
def test_no_endpoint_takes_a_parameter_of_another_one(
    endpoint: Endpoint, name: str, takes: set[Endpoint], value: object, _wire: str
) -> None:
    """A parameter of other endpoints is refused, with the names of those that take it."""
    message = refusal(lambda: check_query(endpoint, {**DAYS, name: value}, None))
    assert message.startswith(f"{name} is no parameter of {endpoint}")
    for other in ENDPOINTS:
        assert (other in message.split(":")[1]) == (other in takes)


def test_period_is_refused_on_deliverables() -> None:
    """`period` belongs to cohorts; deliverables refuse it and say so."""
    message = refusal(lambda: check_query("deliverables", {**DAYS, "period": "week"}, None))
    assert message == "period is no parameter of deliverables: it is one of cohorts"


def test_an_unknown_argument_is_refused_with_the_way_to_give_it() -> None:
    """A name that nobody documented is no typo let through: it has to come in `parameters`."""
    message = refusal(lambda: check_query("events", {**DAYS, "kpi": ["installs"]}, None))
    assert message == "kpi is no parameter of events: did you mean kpis?"


@pytest.mark.parametrize("endpoint", [*ENDPOINTS])
@pytest.mark.parametrize("name", sorted({row[0] for row in DOCUMENTED}))
def test_none_is_left_out(endpoint: Endpoint, name: str) -> None:
    """`None` stands for a parameter that was not given."""
    if endpoint in {e for row in DOCUMENTED if row[0] == name for e in row[1]}:
        assert check_query(endpoint, {**DAYS, name: None}, None) == DAYS
    else:
        assert refusal(lambda: check_query(endpoint, {**DAYS, name: None}, None))


@pytest.mark.parametrize("endpoint", ["", "cohort", "Deliverables", None, 1, ["events"], {}])
def test_an_endpoint_that_is_none_is_refused(endpoint: Any) -> None:
    """Only the four endpoints are endpoints, whatever is given, and the message names them."""
    message = refusal(lambda: check_query(endpoint, DAYS, None))
    assert message.endswith("give one of deliverables, events, cohorts, skadnetwork")


@given(
    st.dictionaries(st.sampled_from(sorted({row[0] for row in DOCUMENTED})), st.none() | st.integers() | st.text()),
    st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.floats() | st.text() | st.lists(st.text())),
    st.sampled_from(ENDPOINTS),
)
def test_any_arguments_give_texts_or_are_refused(
    query: dict[str, Any], further: dict[str, Any], endpoint: Endpoint
) -> None:
    """Whatever is given, the wire has texts that can be encoded under texts, or `ConfigurationError` is raised."""
    try:
        wire = check_query(endpoint, {**DAYS, **query}, further)
    except ConfigurationError:
        return
    for name, value in wire.items():
        assert type(name) is str
        assert type(value) is str
        assert value.strip().encode()


# Dates.


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (date(2026, 1, 5), "2026-01-05"),
        ("2026-01-05", "2026-01-05"),
        (date(2024, 2, 29), "2024-02-29"),
        (date(999, 1, 1), "0999-01-01"),
    ],
)
def test_a_date_is_a_date_or_iso_text(value: object, wire: str) -> None:
    """Both forms go on the wire as ISO text with a year of four digits."""
    assert check_query(D, {"start_date": value, "end_date": value}, None) == {"start_date": wire, "end_date": wire}


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 5, tzinfo=UTC),
        "2026-01-05T00:00:00",
        "2026-02-29",
        "2026-13-01",
        "2026-1-5",
        "05.01.2026",
        "yesterday",
        "",
        " 2026-01-05",
        "2026-01-05\n",
        20260105,
        1.5,
        True,
        b"2026-01-05",
        ["2026-01-05"],
    ],
)
@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_what_is_no_date_is_refused(name: str, value: object) -> None:
    """A moment, a day that no calendar has, or any other form is refused, with the two forms that work."""
    message = refused(name, value)
    assert message.startswith(f"{name} is ")
    assert message.endswith("give a datetime.date, or a text such as '2026-11-01'")


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize("change", [{}, {"x": None}])
def test_a_missing_date_is_refused(name: str, change: dict[str, None]) -> None:
    """Both dates are required, also where `None` is given."""
    query = {**DAYS, name: None} if change else {key: value for key, value in DAYS.items() if key != name}
    expected = f"{name} is missing: give the first and the last day, both included"
    assert refusal(lambda: check_query(D, query, None)) == expected


@given(st.dates(), st.dates())
def test_the_end_is_not_before_the_start(start: date, end: date) -> None:
    """One day is a range; an end before its start is refused with both dates."""
    query = {"start_date": start, "end_date": end.isoformat()}
    if end < start:
        message = refusal(lambda: check_query(D, query, None))
        assert message == f"end_date {end} is before start_date {start}: swap them"
    else:
        assert check_query(D, query, None) == {"start_date": start.isoformat(), "end_date": end.isoformat()}


# Lists.


@pytest.mark.parametrize("name", sorted(LISTS))
@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("installs", "is the text 'installs': give a list, such as ['installs']"),
        ("", "is the text '': give a list"),
        ([], "is empty: leave it out"),
        (iter(()), "is empty: leave it out"),
        (b"installs", "give a list of texts"),
        ({"installs": 1}, "give a list of texts"),
        (5, "give a list of texts"),
        (True, "give a list of texts"),
        (["a", ""], "holds ''"),
        (["a", "  "], "holds '  '"),
        (["a,b"], "holds 'a,b'"),
        ([None], "holds None"),
        ([["a"]], "holds ['a']"),
        ([True], "holds True"),
        ([1.5], "holds 1.5"),
        (["\ud800"], "can't be sent"),
    ],
)
def test_what_is_no_list_of_names_is_refused(name: str, value: object, part: str) -> None:
    """A text where a list belongs is the classic; it and every other mistake is refused by name."""
    message = refused(name, value)
    assert message.startswith(f"{name} ")
    assert part in message


@pytest.mark.parametrize("name", ["kpis", "grouping", "event_kpis"])
def test_a_name_twice_is_refused(name: str) -> None:
    """What is asked for twice would come as two columns, or levels, of one name."""
    assert "twice" in refused(name, ["a", "b", "a"])


@pytest.mark.parametrize("name", sorted(LISTS - {"partner_ids"}))
def test_a_number_is_no_name(name: str) -> None:
    """Numbers stand for partners only; elsewhere they are refused."""
    assert "holds 7" in refused(name, [7])


def test_the_order_of_a_list_has_to_be_known() -> None:
    """A set has no order, but KPIs and levels come in the order asked for: it is refused."""
    assert "kpis" in refused("kpis", {"installs", "clicks"})
    assert "grouping" in refused("grouping", frozenset(["day", "trackers"]))


@given(st.lists(st.text("ab_|:+-é ", min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=4, unique=True))
def test_names_pass_through(names: list[str]) -> None:
    """Unknown KPIs and groupings are passed on as they are, in their order; any iterable will do."""
    for forms in (names, tuple(names), iter(names)):
        wire = check_query(D, {**DAYS, "kpis": forms}, None)
        assert wire["kpis"].split(",") == names


# The other forms.


@pytest.mark.parametrize("value", ["+05:30", "-08:00", "+00:00", "-00:00", "00:00", "+14:00", "-12:00", "+05:45"])
def test_an_offset_has_a_sign_hours_and_minutes(value: str) -> None:
    """Every offset that the service documents or echoes goes on the wire as it is."""
    assert check_query(D, {**DAYS, "utc_offset": value}, None)["utc_offset"] == value


@pytest.mark.parametrize(
    "value",
    ["", "5", "05:30", "+5:30", "+0530", "+05:60", "+15:00", "+14:30", "-14:00", "Z", "UTC", "Europe/Berlin", " 00:00",
     "+05:30\n", "+٠٥:٣٠", "−05:30", 5, 5.5, True, timedelta(hours=5), UTC, ["+05:30"]],
)  # fmt: skip
def test_an_offset_that_is_none_is_refused(value: object) -> None:
    """No place on Earth has another offset than -12:00 to +14:00; a name, a number or another form is none."""
    assert refused("utc_offset", value).endswith("give sign, hours and minutes, such as '+05:30' or '-08:00'")


@pytest.mark.parametrize("name", ["sandbox", "human_readable_kpis"])
@pytest.mark.parametrize("value", [0, 1, "true", "", [], 1.0])
def test_a_boolean_is_a_boolean(name: str, value: object) -> None:
    """What is merely true or false by its look is refused."""
    assert refused(name, value).endswith("give True or False")


@pytest.mark.parametrize("name", ["attribution_type", "attribution_source", "period", "day_def", "reattributed",
                                  "cohort_period_filter", "impression_based"])  # fmt: skip
@pytest.mark.parametrize("value", ["", " ", 5, ["all"], b"all", 1.5])
def test_a_text_is_a_text(name: str, value: object) -> None:
    """Blank texts, numbers and lists are refused where a text belongs."""
    assert refused(name, value).startswith(f"{name} is ")


class Attribution(str, Enum):  # noqa: UP042 - callers have such enumerations: they print as their names
    """How a caller may name its choices."""

    ALL = "all"


@pytest.mark.parametrize("name", ["attribution_type", "period", "reattributed"])
def test_a_member_of_an_enumeration_is_its_value(name: str) -> None:
    """A text that prints as something else goes on the wire as the text that it is."""
    assert str(check_query(HOME[name], {**DAYS, name: Attribution.ALL}, None)[name]) == "all"


@pytest.mark.parametrize("value", [-1, True, False, "7", 7.0, [7], pytest.param(10**5000, id="thousands of digits")])
def test_a_number_of_days_is_a_whole_number(value: object) -> None:
    """Anything but a number of days from 0 on that can be sent is refused."""
    assert refused("cohort_revenue_period", value).endswith("give a whole number of at least 0")


def test_zero_days_are_a_number_of_days() -> None:
    """0 is sent, it is not left out as if it were none."""
    assert check_query(D, {**DAYS, "cohort_revenue_period": 0}, None)["cohort_revenue_period"] == "0"


# What Adjust adds later.


@pytest.mark.parametrize(
    ("value", "wire"),
    [("a,b", "a,b"), (True, "true"), (False, "false"), (5, "5"), (0, "0"), (1.5, "1.5"), (["a", "b"], "a,b")],
)
def test_further_parameters_go_on_the_wire(value: object, wire: str) -> None:
    """Texts, booleans, numbers and lists of texts are encoded as the documented ones are."""
    assert check_query(D, DAYS, {"new": value}) == {**DAYS, "new": wire}


@pytest.mark.parametrize("further", [None, {}])
def test_no_further_parameters_change_nothing(further: Mapping[str, Any] | None) -> None:
    """Neither `None` nor an empty dictionary adds anything."""
    assert check_query(D, DAYS, further) == DAYS


@pytest.mark.parametrize(
    "value",
    [
        "",
        None,
        [],
        {},
        object(),
        b"x",
        float("nan"),
        float("inf"),
        pytest.param(10**5000, id="thousands of digits"),
        "\ud800",
    ],
)
def test_a_further_parameter_that_cannot_be_sent_is_refused(value: object) -> None:
    """A value that has no form on the wire is refused, and the message says that it came in `parameters`."""
    assert "parameters['new']" in refusal(lambda: check_query(D, DAYS, {"new": value}))


@pytest.mark.parametrize("name", ["start_date", "kpis", "grouping", "utc_offset", "sandbox"])
def test_a_further_parameter_never_replaces_an_argument(name: str) -> None:
    """A parameter of this package collides, whether the argument was given or not."""
    message = refusal(lambda: check_query(D, DAYS, {name: "x"}))
    assert message == f"parameters holds {name!r}, which is an argument of its own: give {name}="


def test_a_further_parameter_of_another_endpoint_is_refused_for_that() -> None:
    """The message does not send the caller to an argument that the endpoint refuses in turn."""
    message = refusal(lambda: check_query(D, DAYS, {"period": "week"}))
    assert "give period=" not in message
    assert "cohorts" in message


@pytest.mark.parametrize("further", ["a=b", ["ab"], [("new", 1)], 5, {1: "x"}, {"": "x"}, {None: "x"}])
def test_further_parameters_are_a_dictionary_by_name(further: Any) -> None:
    """Anything but a dictionary from names is refused as a mistake of the call."""
    assert "parameters" in refusal(lambda: check_query(D, DAYS, further))


@pytest.mark.parametrize("name", ["user_token", "api_token"])
def test_a_secret_does_not_go_into_the_url(name: str) -> None:
    """Old clients put the API token into the query, where it gets logged: here it is refused."""
    assert name in refusal(lambda: check_query(D, DAYS, {name: "secret"}))


# Windows.


def windows(start: date, end: date, window: object, grouping: str = "day") -> list[tuple[date, date]]:
    """Split a range, and give the windows as dates."""
    return [(one.start, one.end) for one in split_period(Period(start, end), window, tuple(grouping.split(",")))]


def cover(periods: Iterable[tuple[date, date]]) -> list[date]:
    """List the days of windows."""
    return [first + timedelta(days=n) for first, last in periods for n in range((last - first).days + 1)]


ranges = st.tuples(
    st.dates(date(1999, 1, 1), date(2101, 1, 1)), st.integers(0, 800), st.just("month") | st.integers(1, 366)
)


@given(ranges)
def test_windows_cover_each_day_exactly_once(asked: tuple[date, int, Any]) -> None:
    """Laid end to end, windows are the range: no day is lost, doubled or out of order; none is longer than asked."""
    start, length, window = asked
    periods = windows(start, start + timedelta(days=length), window)
    assert cover(periods) == [start + timedelta(days=n) for n in range(length + 1)]
    for number, (first, last) in enumerate(periods):
        if window == "month":
            assert (first.year, first.month) == (last.year, last.month)
            assert number == 0 or first.day == 1
        else:
            assert (last - first).days < window
            assert number == len(periods) - 1 or (last - first).days == window - 1


@pytest.mark.parametrize("year", [2024, 2026, 2000, 2100])
def test_a_year_of_months_has_each_month_in_full(year: int) -> None:
    """Months end on their last day, leap years included."""
    periods = windows(date(year, 1, 1), date(year, 12, 31), "month")
    expected = [(date(year, m, 1), date(year, m, calendar.monthrange(year, m)[1])) for m in range(1, 13)]
    assert periods == expected


@pytest.mark.parametrize(
    ("start", "end", "window", "expected"),
    [
        ("2026-01-31", "2026-02-01", "month", ["2026-01-31 2026-01-31", "2026-02-01 2026-02-01"]),
        ("2024-02-28", "2024-03-01", "month", ["2024-02-28 2024-02-29", "2024-03-01 2024-03-01"]),
        ("2024-02-29", "2024-02-29", "month", ["2024-02-29 2024-02-29"]),
        ("2025-12-31", "2026-01-01", "month", ["2025-12-31 2025-12-31", "2026-01-01 2026-01-01"]),
        ("2024-02-28", "2024-03-01", 2, ["2024-02-28 2024-02-29", "2024-03-01 2024-03-01"]),
        ("2026-01-01", "2026-01-07", 7, ["2026-01-01 2026-01-07"]),
        ("2026-01-01", "2026-01-08", 7, ["2026-01-01 2026-01-07", "2026-01-08 2026-01-08"]),
        ("2026-01-01", "2026-01-03", 1, [f"2026-01-0{n} 2026-01-0{n}" for n in (1, 2, 3)]),
        ("2026-01-01", "2026-01-01", 366, ["2026-01-01 2026-01-01"]),
        ("2026-01-01", "2026-01-03", "day", [f"2026-01-0{n} 2026-01-0{n}" for n in (1, 2, 3)]),
        (
            "2026-01-01",
            "2026-01-12",
            "week",
            ["2026-01-01 2026-01-04", "2026-01-05 2026-01-11", "2026-01-12 2026-01-12"],
        ),
        ("9999-12-01", "9999-12-31", "month", ["9999-12-01 9999-12-31"]),
        ("9999-12-30", "9999-12-31", 5, ["9999-12-30 9999-12-31"]),
    ],
)
def test_where_windows_begin_and_end(start: str, end: str, window: object, expected: list[str]) -> None:
    """Month boundaries, leap days, single days and the last month of the calendar are cut where they should be."""
    assert [f"{a} {b}" for a, b in windows(date.fromisoformat(start), date.fromisoformat(end), window)] == expected


def test_no_window_is_the_whole_range() -> None:
    """Without `window` there is one request for the range, whatever the grouping."""
    assert split_period(JANUARY, None, ()) == (JANUARY,)


@pytest.mark.parametrize(
    "window", ["fortnight", "", "Month", 0, -1, 367, 7.0, True, False, [7], "7", b"month", ["month"]]
)
def test_a_window_that_is_none_is_refused(window: object) -> None:
    """Only `day`, `week`, `month` and a number of days from 1 to 366 are windows."""
    message = refusal(lambda: split_period(JANUARY, window, ("day",)))
    assert message.endswith("give 'day', 'week', 'month', or a number of days from 1 to 366")


EXACT = ["day", "days", "hour", "hours", "trackers,day", "day,countries", "week,day", "Day", "trackers, day", "a,hour"]
INEXACT = ["", "trackers", "week", "weeks", "trackers,countries", "periods", "holiday", "days_active", "day_of_week"]


@pytest.mark.parametrize(
    ("grouping", "window", "exact"),
    [
        *((grouping, window, True) for grouping in EXACT for window in ("month", 7)),
        *((grouping, window, False) for grouping in INEXACT for window in ("month", 7)),
        *((grouping, "month", True) for grouping in ("month", "months", "trackers,month")),
        *((grouping, 30, False) for grouping in ("month", "months", "week,month")),
    ],
)
def test_windows_are_allowed_where_no_figure_spans_two(grouping: str, window: Any, exact: bool) -> None:
    """By day or hour any window is exact, by month only months are; elsewhere the refusal says what to group by."""
    levels = tuple(grouping.split(",")) if grouping else ()
    if exact:
        assert len(split_period(JANUARY, window, levels)) >= 1
        return
    message = refusal(lambda: split_period(JANUARY, window, levels))
    assert message.startswith(f"window is {window!r}, but the grouping is {grouping or 'none'!r}")
    assert "Group by 'day' or 'hour'" in message
