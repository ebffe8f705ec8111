"""Parameters of reports: checks that name what is wrong, and the encoding of checked values."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async._checks import check_bool
from adjust_async._figures.encoding import (
    Hours,
    Value,
    check_bool_or_text,
    check_date,
    check_days,
    check_further,
    check_ids,
    check_lower_names,
    check_names,
    check_offset,
    check_text,
    encode_query,
    encode_value,
)
from adjust_async._figures.windows import Period
from adjust_async.errors import ConfigurationError

Check = Callable[[object, str], Value]
CHECKS: list[Check] = [
    check_bool,
    check_bool_or_text,
    check_days,
    check_ids,
    check_date,
    check_lower_names,
    check_names,
    check_offset,
    check_text,
]
LISTS: list[Check] = [check_names, check_lower_names, check_ids]

#: Values that callers were seen to pass, in addition to right ones.
ANYTHING: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["\ud800", "a,b", " ", "2026-01-01", "+05:30", "day"])
    | st.binary(max_size=3)
    | st.dates()
    | st.datetimes()
    | st.sets(st.text(max_size=2), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
)
NESTED = ANYTHING | st.lists(ANYTHING | st.lists(ANYTHING, max_size=2), max_size=3)


class Printed(str, Enum):  # noqa: UP042 - callers have such enumerations: they print as their names
    """An enumeration whose members are printed as their names."""

    DAY = "Day"


class Named(StrEnum):
    """An enumeration whose members are printed as their values."""

    DAY = "Day"


class Loud(str):
    """A text that is printed as something else."""

    __slots__ = ()

    def __str__(self) -> str:
        return "loud"


TEXTS = [Printed.DAY, Named.DAY, Loud("Day")]


def refusal(check: Callable[[object, str], object], value: object) -> str:
    """Return the message with which a value is refused."""
    with pytest.raises(ConfigurationError) as caught:
        check(value, "argument")
    return str(caught.value)


@pytest.mark.parametrize("check", CHECKS)
@given(value=NESTED)
def test_any_value_becomes_a_plain_text_or_is_refused_by_name(check: Check, value: Any) -> None:
    """Every value has an encoding, or an error that begins with the argument's name."""
    try:
        wire = encode_value(check(value, "argument"))
    except ConfigurationError as error:
        message = str(error)
    else:
        assert type(wire) is str
        assert wire.strip().encode()
        return
    assert message.startswith("argument ")
    assert message.encode()


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("value", [None, b"day", {"day": 1}, object(), [], "", "\ud800", float("nan"), 1j, Ellipsis])
def test_values_without_an_encoding_are_refused_by_name(check: Check, value: object) -> None:
    """No check accepts nothing, bytes, mappings, half characters or NaN."""
    assert refusal(check, value).startswith("argument ")


@pytest.mark.parametrize("check", CHECKS)
def test_a_value_that_cannot_be_shown_is_refused_all_the_same(check: Check) -> None:
    """A value whose representation fails does not hide what is wrong."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no representation")

    assert refusal(check, Broken()).startswith("argument ")


@pytest.mark.parametrize("check", CHECKS)
def test_a_long_value_is_cut_in_the_message(check: Check) -> None:
    """A message stays short for a long value, such as a table that was passed by mistake."""
    assert len(refusal(check, dict.fromkeys(range(1000), "x" * 1000))) < 300


@pytest.mark.parametrize("value", TEXTS)
def test_texts_of_other_classes_are_their_characters(value: str) -> None:
    """A text that is printed as something else is sent as the text that it is."""
    for check, name in ((check_names, "Day"), (check_ids, "Day"), (check_lower_names, "day")):
        assert check([value], "argument") == (name,)
        assert type(check([value], "argument")[0]) is str
    assert (check_text(value, "argument"), type(check_text(value, "argument"))) == ("Day", str)
    assert check_bool_or_text(value, "argument") == "Day"


def test_a_class_of_names_is_a_list_of_them() -> None:
    """An enumeration is itself an iterable of its members."""
    assert check_names(Named, "argument") == ("Day",)


@given(st.lists(st.text(min_size=1, max_size=5).filter(lambda part: part.strip() and "," not in part), unique=True))
def test_names_keep_their_order_in_any_iterable(parts: list[str]) -> None:
    """Lists, tuples and generators are equivalent, and an empty one is refused."""
    forms: list[Callable[[], object]] = [
        lambda: parts, lambda: tuple(parts), lambda: (part for part in parts), lambda: map(str, parts)
    ]  # fmt: skip
    for form in forms:
        if parts:
            assert check_names(form(), "argument") == tuple(parts)
        else:
            assert refusal(check_names, form()) == "argument is empty: leave it out for the service's default"


@pytest.mark.parametrize("check", LISTS)
@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("day", "is the text 'day': pass a list, such as ['day']"),
        (["day", "day"], "has 'day' twice"),
        ([Named.DAY, "Day"], "has 'Day' twice"),
        (["day", None], "holds None"),
        ([["day"]], "holds ['day']"),
        ([b"day"], "holds b'day'"),
        (["a,b"], "holds 'a,b'"),
        (["\n"], r"holds '\n'"),
        (["day", "\udfff"], "can't be sent"),
        (iter([]), "is empty"),
    ],
)
def test_anything_but_a_list_of_names_is_refused(check: Check, value: object, part: str) -> None:
    """Every mistake in a list has its own message."""
    assert part in refusal(check, value)


@pytest.mark.parametrize("check", [check_names, check_lower_names])
@pytest.mark.parametrize("value", [{"day"}, frozenset(["day"]), bytearray(b"day"), memoryview(b"day"), range(3)])
def test_values_without_order_or_names_are_refused(check: Check, value: object) -> None:
    """Names keep their order, which a set does not have; bytes and numbers are not names."""
    assert refusal(check, value).startswith("argument ")


def test_an_error_in_the_callers_generator_is_the_callers() -> None:
    """An exception of a generator is not turned into a wrong argument."""

    def failing() -> Iterator[str]:
        yield "day"
        raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="the caller's own"):
        check_names(failing(), "argument")


def test_ids_are_numbers_or_texts() -> None:
    """A number becomes its digits, and a text is unchanged."""
    assert check_ids([174, "-300", -1, 10**18], "argument") == ("174", "-300", "-1", "1000000000000000000")
    for wrong in ([True], [1.0], [None], ["1", 1]):
        assert refusal(check_ids, wrong).startswith("argument ")


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (date(2026, 1, 5), date(2026, 1, 5)),
        ("2026-01-05", date(2026, 1, 5)),
        ("9999-12-31", date.max),
        ("0001-01-01", date.min),
    ],
)
def test_a_date_is_a_day_of_the_calendar(value: object, day: date) -> None:
    """A date, or its ISO text, is a date."""
    assert check_date(value, "argument") == day


@pytest.mark.parametrize("value", [datetime(2026, 1, 5, 1, tzinfo=UTC), "2026-02-30", "0000-01-01", "10000-01-01", 0,
                                   True, "2026-01-05T00:00", "٢٠٢٦-٠١-٠٥", ("2026-01-05",)])  # fmt: skip
def test_anything_but_a_day_is_refused(value: object) -> None:
    """A datetime is not a day, and neither is a date that does not exist."""
    assert refusal(check_date, value).startswith("argument is ")


@given(st.integers())
def test_days_count_from_zero(value: int) -> None:
    """Every number from 0 that can be sent is a number of days."""
    if 0 <= value < 2**63:
        assert check_days(value, "argument") == value
    else:
        assert refusal(check_days, value).startswith("argument is ")


@pytest.mark.parametrize("value", [True, False])
def test_booleans_stay_booleans(value: bool) -> None:
    """Both checks that take a boolean return it."""
    assert check_bool(value, "argument") is check_bool_or_text(value, "argument") is value


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("a b", "a b"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1, "1"),
        (-1.5, "-1.5"),
        (Decimal("0.10"), "0.10"),
        (date(999, 1, 2), "0999-01-02"),
        (Period(date(2026, 1, 1), date(2026, 1, 31)), "2026-01-01:2026-01-31"),
        (Hours(8, 17), "8:17"),
        (("b", "a"), "b,a"),
    ],
)
def test_the_text_of_checked_values(value: Value, wire: str) -> None:
    """Every kind of value has one encoding, alone or in a query."""
    assert encode_value(value) == wire
    assert encode_query({"name": value}) == {"name": wire}


# Parameters that Adjust adds later.


def unknown(_: str) -> str | None:
    """Return that no name belongs elsewhere."""
    return None


@pytest.mark.parametrize(
    ("value", "wire"),
    [("a,b", "a,b"), (True, "true"), (0, "0"), (-5, "-5"), (2**63 - 1, str(2**63 - 1)), (1.5, "1.5"), (-0.0, "-0.0"),
     (["a", "b"], "a,b"), (iter(["a"]), "a"), (Printed.DAY, "Day")],
)  # fmt: skip
def test_further_parameters_have_the_forms_of_documented_ones(value: object, wire: str) -> None:
    """Texts, booleans, numbers and lists of texts are sent."""
    assert encode_query(check_further({"new": value}, {}, unknown)) == {"new": wire}


@pytest.mark.parametrize("value", [None, "", " ", "\ud800", b"x", math.nan, math.inf, 2**63, {}, {"a": 1}, {"a"}, [],
                                   [1], [None], ["a", "a"], object(), date(2026, 1, 1),
                                   pytest.param(10**5000, id="huge")])  # fmt: skip
def test_a_further_parameter_without_a_form_is_refused_by_name(value: object) -> None:
    """The message says that the value was in `parameters`, and under which name."""
    with pytest.raises(ConfigurationError, match=r"^parameters\['new'\] "):
        check_further({"new": value}, {}, unknown)


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "ä", "a\n", "1a", "_a", "a&b", "a=b", "\ud800", None, 5, b"a", ("a",)]
)
def test_a_name_that_would_change_the_url_is_refused(name: object) -> None:
    """Names are texts of letters, digits and a few other characters."""
    with pytest.raises(ConfigurationError, match=r"^parameters holds "):
        check_further({name: "x"}, {}, unknown)


@pytest.mark.parametrize("name", ["api_token", "token", "user_token"])
def test_the_token_goes_into_no_url(name: str) -> None:
    """The token is sent in a header, and must not be passed as a parameter."""
    with pytest.raises(ConfigurationError, match="the API token is sent in a header"):
        check_further({name: "secret"}, {}, unknown)


@pytest.mark.parametrize("further", [[], "a=b", 5, {"a"}, b"", [("a", "b")], object()])
def test_further_parameters_are_a_dictionary(further: object) -> None:
    """Pairs, a query text and other types are refused."""
    with pytest.raises(ConfigurationError, match=r"^parameters is .*: pass a dictionary"):
        check_further(further, {}, unknown)


def test_an_argument_is_not_passed_twice() -> None:
    """A name that is an argument, or that belongs elsewhere, is refused with what to do."""
    with pytest.raises(ConfigurationError, match="which is a separate argument: pass limit="):
        check_further({"limit": 5}, {"limit": int}, unknown)
    with pytest.raises(ConfigurationError, match="parameters holds 'a__in', a filter"):
        check_further({"a__in": "x"}, {}, lambda _: "a filter")
    assert check_further(None, {"limit": int}, unknown) == check_further({}, {}, unknown) == {}


@given(st.dictionaries(st.text(max_size=4) | st.sampled_from(["new", "other"]), NESTED, max_size=3))
def test_any_further_parameters_are_texts_or_refused(further: dict[str, Any]) -> None:
    """Any value is sent as text by name, or raises `ConfigurationError`."""
    try:
        wire = encode_query(check_further(further, {}, unknown))
    except ConfigurationError as error:
        message = str(error)
    else:
        assert wire.keys() == further.keys()
        assert all(type(value) is str and value.strip().encode() for value in wire.values())
        return
    assert message.startswith("parameters")
