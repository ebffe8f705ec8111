"""Parameters of the KPI Service: their endpoints, and their encodings."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async.errors import ConfigurationError
from adjust_async.kpis.parameters import Endpoint
from tests.kpis.questions import DAYS, DOCUMENTED, ENDPOINTS, HOME, D, check_query, refusal, refused

TAKEN = [(endpoint, *row) for row in DOCUMENTED for endpoint in ENDPOINTS if endpoint in row[1]]


NOT_TAKEN = [(endpoint, *row) for row in DOCUMENTED for endpoint in ENDPOINTS if endpoint not in row[1]]


LISTS = {name for name, _, value, _ in DOCUMENTED if isinstance(value, (list, tuple))}


# What goes on the wire.


@pytest.mark.parametrize(("endpoint", "name", "_takes", "value", "wire"), TAKEN)
def test_each_endpoint_accepts_its_documented_parameters(
    endpoint: Endpoint, name: str, _takes: object, value: object, wire: str
) -> None:
    """A parameter is sent in its documented form, in addition to the dates."""
    assert check_query(endpoint, {**DAYS, name: value}, None) == {**DAYS, name: wire}


@pytest.mark.parametrize(("endpoint", "name", "takes", "value", "_wire"), NOT_TAKEN)
def test_no_endpoint_takes_a_parameter_of_another_one(
    endpoint: Endpoint, name: str, takes: set[Endpoint], value: object, _wire: str
) -> None:
    """A parameter of other endpoints is refused, and they are named."""
    message = refusal(lambda: check_query(endpoint, {**DAYS, name: value}, None))
    assert message.startswith(f"{name} is not a parameter of {endpoint}")
    for other in ENDPOINTS:
        assert (other in message.split(":")[1]) == (other in takes)


def test_period_is_refused_on_deliverables() -> None:
    """`period` belongs to cohorts; deliverables refuse it and say so."""
    message = refusal(lambda: check_query("deliverables", {**DAYS, "period": "week"}, None))
    assert message == "period is not a parameter of deliverables: it is one of cohorts"


def test_an_unknown_argument_is_refused_with_the_way_to_pass_it() -> None:
    """An undocumented name is refused as a typo: it must be passed in `parameters`."""
    message = refusal(lambda: check_query("events", {**DAYS, "kpi": ["installs"]}, None))
    assert message == "kpi is not a parameter of events: did you mean kpis?"


@pytest.mark.parametrize("endpoint", [*ENDPOINTS])
@pytest.mark.parametrize("name", sorted({row[0] for row in DOCUMENTED}))
def test_none_is_left_out(endpoint: Endpoint, name: str) -> None:
    """`None` means that a parameter was not passed."""
    if endpoint in {e for row in DOCUMENTED if row[0] == name for e in row[1]}:
        assert check_query(endpoint, {**DAYS, name: None}, None) == DAYS
    else:
        assert refusal(lambda: check_query(endpoint, {**DAYS, name: None}, None))


@pytest.mark.parametrize("endpoint", ["", "cohort", "Deliverables", None, 1, ["events"], {}])
def test_an_unknown_endpoint_is_refused(endpoint: Any) -> None:
    """Only the four endpoints are accepted, and the message names them."""
    message = refusal(lambda: check_query(endpoint, DAYS, None))
    assert message.endswith("pass one of deliverables, events, cohorts, skadnetwork")


@given(
    st.dictionaries(st.sampled_from(sorted({row[0] for row in DOCUMENTED})), st.none() | st.integers() | st.text()),
    st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.floats() | st.text() | st.lists(st.text())),
    st.sampled_from(ENDPOINTS),
)
def test_any_arguments_become_texts_or_are_refused(
    query: dict[str, Any], further: dict[str, Any], endpoint: Endpoint
) -> None:
    """Any query is sent as encodable text, or raises `ConfigurationError`."""
    try:
        wire = check_query(endpoint, {**DAYS, **query}, further)
    except ConfigurationError:
        return
    for name, value in wire.items():
        assert type(name) is str
        assert type(value) is str
        assert value.strip().encode()


# Lists.


@pytest.mark.parametrize("name", sorted(LISTS))
@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("installs", "is the text 'installs': pass a list, such as ['installs']"),
        ("", "is the text '': pass a list"),
        ([], "is empty: leave it out"),
        (iter(()), "is empty: leave it out"),
        (b"installs", "pass a list of texts"),
        ({"installs": 1}, "pass a list of texts"),
        (5, "pass a list of texts"),
        (True, "pass a list of texts"),
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
def test_anything_but_a_list_of_names_is_refused(name: str, value: object, part: str) -> None:
    """A text in place of a list is the most common mistake; it and every other mistake is refused by name."""
    message = refused(name, value)
    assert message.startswith(f"{name} ")
    assert part in message


@pytest.mark.parametrize("name", ["kpis", "grouping", "event_kpis"])
def test_a_name_twice_is_refused(name: str) -> None:
    """A repeated name would return two columns, or levels, with one name."""
    assert "twice" in refused(name, ["a", "b", "a"])


@pytest.mark.parametrize("name", sorted(LISTS - {"partner_ids"}))
def test_a_number_is_not_a_name(name: str) -> None:
    """Numbers are accepted only for partners."""
    assert "holds 7" in refused(name, [7])


def test_the_order_of_a_list_has_to_be_known() -> None:
    """A set has no order, but KPIs and levels keep the requested order: it is refused."""
    assert "kpis" in refused("kpis", {"installs", "clicks"})
    assert "grouping" in refused("grouping", frozenset(["day", "trackers"]))


@given(st.lists(st.text("ab_|:+-é ", min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=4, unique=True))
def test_names_pass_through(names: list[str]) -> None:
    """Unknown KPIs and groupings are passed on unchanged, in their order; any iterable is accepted."""
    for forms in (names, tuple(names), iter(names)):
        wire = check_query(D, {**DAYS, "kpis": forms}, None)
        assert wire["kpis"].split(",") == names


# The other forms.


@pytest.mark.parametrize("value", ["+05:30", "-08:00", "+00:00", "-00:00", "00:00", "+14:00", "-12:00", "+05:45"])
def test_an_offset_has_a_sign_hours_and_minutes(value: str) -> None:
    """Every offset that the service documents or echoes is sent unchanged."""
    assert check_query(D, {**DAYS, "utc_offset": value}, None)["utc_offset"] == value


@pytest.mark.parametrize(
    "value",
    ["", "5", "05:30", "+5:30", "+0530", "+05:60", "+15:00", "+14:30", "-14:00", "Z", "UTC", "Europe/Berlin", " 00:00",
     "+05:30\n", "+٠٥:٣٠", "−05:30", 5, 5.5, True, timedelta(hours=5), UTC, ["+05:30"]],
)  # fmt: skip
def test_an_invalid_offset_is_refused(value: object) -> None:
    """No place on Earth has another offset than -12:00 to +14:00; names, numbers and other forms are refused."""
    assert refused("utc_offset", value).endswith("pass sign, hours and minutes, such as '+05:30' or '-08:00'")


@pytest.mark.parametrize("name", ["sandbox", "human_readable_kpis"])
@pytest.mark.parametrize("value", [0, 1, "true", "", [], 1.0])
def test_a_boolean_is_a_boolean(name: str, value: object) -> None:
    """Values that only look true or false are refused."""
    assert refused(name, value).endswith("pass True or False")


@pytest.mark.parametrize("name", ["attribution_type", "attribution_source", "period", "day_def", "reattributed",
                                  "cohort_period_filter", "impression_based"])  # fmt: skip
@pytest.mark.parametrize("value", ["", " ", 5, ["all"], b"all", 1.5])
def test_a_text_is_a_text(name: str, value: object) -> None:
    """Blank texts, numbers and lists are refused in place of a text."""
    assert refused(name, value).startswith(f"{name} is ")


class Attribution(str, Enum):  # noqa: UP042 - callers have such enumerations: they print as their names
    """An enumeration of choices, as a caller may have it."""

    ALL = "all"


@pytest.mark.parametrize("name", ["attribution_type", "period", "reattributed"])
def test_a_member_of_an_enumeration_is_its_value(name: str) -> None:
    """A text that is printed as something else is sent as the text that it is."""
    assert str(check_query(HOME[name], {**DAYS, name: Attribution.ALL}, None)[name]) == "all"


@pytest.mark.parametrize("value", [-1, True, False, "7", 7.0, [7], pytest.param(10**5000, id="thousands of digits")])
def test_a_number_of_days_is_a_whole_number(value: object) -> None:
    """Anything but a number of days from 0 that can be sent is refused."""
    assert refused("cohort_revenue_period", value).endswith("pass a whole number of at least 0")


def test_zero_days_are_a_number_of_days() -> None:
    """0 is sent, and not left out as if it were missing."""
    assert check_query(D, {**DAYS, "cohort_revenue_period": 0}, None)["cohort_revenue_period"] == "0"


# What Adjust adds later.


@pytest.mark.parametrize(
    ("value", "wire"),
    [("a,b", "a,b"), (True, "true"), (False, "false"), (5, "5"), (0, "0"), (1.5, "1.5"), (["a", "b"], "a,b")],
)
def test_further_parameters_go_on_the_wire(value: object, wire: str) -> None:
    """Texts, booleans, numbers and lists of texts are encoded like the documented parameters."""
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
    """A value that can't be encoded is refused, and the message says that it was in `parameters`."""
    assert "parameters['new']" in refusal(lambda: check_query(D, DAYS, {"new": value}))


@pytest.mark.parametrize("name", ["start_date", "kpis", "grouping", "utc_offset", "sandbox"])
def test_a_further_parameter_never_replaces_an_argument(name: str) -> None:
    """A parameter of this package collides, whether the argument was passed or not."""
    message = refusal(lambda: check_query(D, DAYS, {name: "x"}))
    assert message == f"parameters holds {name!r}, which is a separate argument: pass {name}="


def test_a_further_parameter_of_another_endpoint_is_refused_for_that() -> None:
    """The message does not send the caller to an argument that the endpoint refuses in turn."""
    message = refusal(lambda: check_query(D, DAYS, {"period": "week"}))
    assert "pass period=" not in message
    assert "cohorts" in message


@pytest.mark.parametrize("further", ["a=b", ["ab"], [("new", 1)], 5, {1: "x"}, {"": "x"}, {None: "x"}])
def test_further_parameters_are_a_dictionary_by_name(further: Any) -> None:
    """Anything but a dictionary with names as keys is refused."""
    assert "parameters" in refusal(lambda: check_query(D, DAYS, further))


@pytest.mark.parametrize("name", ["user_token", "api_token"])
def test_a_secret_does_not_go_into_the_url(name: str) -> None:
    """Old clients put the API token into the query, where it is logged: here it is refused."""
    assert name in refusal(lambda: check_query(D, DAYS, {name: "secret"}))
