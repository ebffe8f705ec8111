"""Filters of the Report Service: dimensions and metrics, in the forms that they have on the wire."""

import csv
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from adjust_async.errors import ConfigurationError
from tests.reports.questions import NAMES, WIRE, Word, refusal, refused, wire_of

TEXT_SUFFIXES = ["contains", "exclude", "starts_with", "not_starts_with", "ends_with", "not_ends_with"]


LIST_SUFFIXES = ["in", "not_in"]


NUMBER_SUFFIXES = ["lt", "lte", "gt", "gte", "eq", "ne"]


def test_apps_are_a_filter() -> None:
    """Apps are chosen by `app_token__in`, by one of two ways."""
    assert wire_of(["abc", "def"]) == {**WIRE, "app_token__in": "abc,def"}
    assert wire_of(filters={"app_token__in": ["abc"]}) == {**WIRE, "app_token__in": "abc"}
    message = refusal(lambda: wire_of(["abc"], filters={"app_token__in": ["abc"]}))
    assert message == "filters holds 'app_token__in', and app_tokens is passed too: pass one of them"


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, *LIST_SUFFIXES])
def test_a_filter_of_texts(suffix: str) -> None:
    """A list is documented for some filters: they accept one or several texts. Others accept one."""
    name = f"campaign_network__{suffix}"
    assert wire_of(filters={name: "spring sale"})[name] == "spring sale"
    if suffix in LIST_SUFFIXES:
        assert wire_of(filters={name: ["a", Word.DAY]})[name] == "a,day"
        assert wire_of(filters={name: (part for part in "ab")})[name] == "a,b"
    else:
        assert refused(filters={name: ["a", "b"]}).endswith("pass a text")


@pytest.mark.parametrize("suffix", NUMBER_SUFFIXES)
@pytest.mark.parametrize(("value", "wire"), [(0, "0"), (-5, "-5"), (1.5, "1.5"), (Decimal("0.10"), "0.10")])
def test_a_filter_of_numbers(suffix: str, value: object, wire: str) -> None:
    """Whole numbers, fractions and decimals."""
    assert wire_of(filters={f"installs__{suffix}": value})[f"installs__{suffix}"] == wire


@pytest.mark.parametrize("suffix", NUMBER_SUFFIXES)
@pytest.mark.parametrize("value", [None, True, "5", "", [5], b"5", {}, 1j, float("nan"), float("inf"), Decimal("NaN"),
                                   Decimal("-Infinity"), object()])  # fmt: skip
def test_anything_but_a_number_is_refused_for_a_metric(suffix: str, value: object) -> None:
    """A value that matches nothing is refused with the filter's name."""
    message = refused(filters={f"installs__{suffix}": value})
    assert message.startswith(f"filters['installs__{suffix}'] is ")
    assert message.endswith("pass a number")


@pytest.mark.parametrize("suffix", [*TEXT_SUFFIXES, *LIST_SUFFIXES])
@pytest.mark.parametrize("value", [None, 5, True, b"x", "", " ", "\ud800", [], {}, {"a"}, [5], [None], [""], object()])
def test_anything_but_text_is_refused_for_a_dimension(suffix: str, value: object) -> None:
    """Every mistake is refused by the filter's name."""
    assert refused(filters={f"app__{suffix}": value}).startswith(f"filters['app__{suffix}'] ")


@pytest.mark.parametrize("name", ["app", "app_in", "app__is", "__in", " __in", "", "in", "app__IN", "hour__between",
                                  "app__in ", None, 5, b"app__in", ("app__in",)])  # fmt: skip
def test_an_unknown_filter_is_refused(name: object) -> None:
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
def test_an_argument_is_not_passed_as_a_further_parameter(name: str) -> None:
    """It would be sent twice, unchecked."""
    assert f"pass {name}=" in refusal(lambda: wire_of(parameters={name: "x"}))


@pytest.mark.parametrize("name", ["app_token__in", "campaign__contains", "x__y"])
def test_a_filter_can_be_sent_unchanged(name: str) -> None:
    """Values in `parameters` are sent unchanged, for a form that `filters` does not have."""
    assert wire_of(parameters={name: 'a,"b"'})[name] == 'a,"b"'


def test_a_filter_is_passed_once() -> None:
    """The same filter in both places, or next to the apps, would replace the other one."""
    message = refusal(lambda: wire_of(filters={"app__in": ["x"]}, parameters={"app__in": "y"}))
    assert message == "parameters holds 'app__in', which is in filters too: pass app__in once"
    message = refusal(lambda: wire_of(["abc"], parameters={"app_token__in": "abc"}))
    assert message == "parameters holds 'app_token__in', and app_tokens is passed too: pass one of them"


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
def test_a_comma_in_a_filter_is_sent_in_quotes(suffix: str, value: Any, wire: str) -> None:
    """A value with a comma is put in double quotes, with inner quotes doubled. Any other one is sent unchanged."""
    name = f"campaign__{suffix}"
    if suffix in LIST_SUFFIXES or isinstance(value, str):
        assert wire_of(filters={name: value})[name] == wire


@given(st.lists(st.text('a,"é ', min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=4, unique=True))
def test_values_in_quotes_are_read_back(values: list[str]) -> None:
    """Reading the list as one line of CSV returns the values. Those with a quote need a comma for that."""
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
def test_any_arguments_become_texts_or_are_refused(query: dict[str, Any]) -> None:
    """Any value becomes text that can be encoded, or raises `ConfigurationError`."""
    try:
        wire = wire_of(**query)
    except ConfigurationError:
        return
    for value in wire.values():
        assert type(value) is str
        assert value.strip().encode()
