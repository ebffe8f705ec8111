"""The checks of arguments."""

import enum
import math
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import httpx
import orjson
import pytest
from hypothesis import assume, given, strategies as st

from adjust_async._checks import (
    LARGEST_NUMBER,
    check_app_tokens,
    check_bool,
    check_cursor,
    check_level_name,
    check_positive_number,
    check_token,
    check_whole_number,
)
from adjust_async.errors import ConfigurationError

anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())


class EnumToken(str, enum.Enum):  # noqa: UP042 - the mixed-in kind is what callers have, and what prints its own name
    """Tokens as a caller may keep them, in an enumeration of its apps."""

    DEMO = "yxs12pfewq"


@given(st.text() | st.text(alphabet="aZ09-_./%?#\\\n\u0660\u212a@:;", min_size=1))
def test_a_token_cannot_change_the_path(value: str) -> None:
    """Every accepted token is one path segment, which no parser or normaliser changes."""
    try:
        segment = check_token(value, "app_token")
    except ConfigurationError:
        return
    assert segment == value
    assert quote(segment, safe="") == segment
    url = f"https://api.adjust.com/public/v1/apps/{segment}/trackers"
    path = f"/public/v1/apps/{segment}/trackers"
    assert urlsplit(url).path == path
    assert httpx.URL(url).raw_path == path.encode()
    assert segment not in {".", ".."}


@given(st.from_regex(r"[0-9A-Za-z_-]{1,40}", fullmatch=True))
def test_every_token_of_the_alphabet_is_accepted(value: str) -> None:
    """Tokens of any length are accepted: Adjust documents several."""
    assert check_token(value, "app_token") == value


@pytest.mark.parametrize(
    "value",
    ["", " ", "a b", "a/b", "..", ".", "a.b", "a%2Fb", "a?b", "a#b", "a\\b", "abc\n", "\nabc", "é", "\u0661", "a\0"],
)
def test_a_value_that_would_change_the_path_is_refused(value: str) -> None:
    """A character that no token has is refused; the message shows the value and says what is right."""
    with pytest.raises(ConfigurationError) as caught:
        check_token(value, "tracker_token")
    assert "tracker_token" in str(caught.value)
    assert (repr(value) if value else "is empty") in str(caught.value)
    assert "only letters, digits, '-' and '_'" in str(caught.value)


@pytest.mark.parametrize("value", [None, 1, True, b"abc", ["abc"], object()])
def test_a_token_that_is_not_text_is_refused(value: object) -> None:
    """A token of another type is refused, including bytes."""
    with pytest.raises(ConfigurationError, match=r"app_token is .*: pass one token, as text"):
        check_token(value, "app_token")


def test_a_token_of_an_enumeration_is_its_value() -> None:
    """A token whose class prints something other than its value must not put that into the path."""
    assert f"/apps/{check_token(EnumToken.DEMO, 'app_token')}/trackers" == "/apps/yxs12pfewq/trackers"


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ("abc", ["abc"]),
        (["abc"], ["abc"]),
        (("b", "a"), ["b", "a"]),
        ((token for token in "ba"), ["b", "a"]),
        ({"b": 1, "a": 2}, ["b", "a"]),
    ],
)
def test_app_tokens_are_one_or_many(value: object, tokens: list[str]) -> None:
    """One text is one token, and any iterable is several, in its order."""
    assert check_app_tokens(value) == tokens


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "app_tokens is empty: pass at least one"),
        ("", "app_tokens is empty"),
        (None, "app_tokens is None: pass one app token as text, or many"),
        (5, "app_tokens is 5"),
        (["a", "b", "a"], "app_tokens has 'a' twice"),
        (["a", None], "app_tokens is None: pass one token, as text"),
        (b"ab", "app_tokens is b'ab'"),
        (["a/b"], "app_tokens is 'a/b'"),
        ("a,b", "app_tokens is 'a,b'"),
    ],
)
def test_wrong_app_tokens_are_refused(value: object, words: str) -> None:
    """An empty list, a repeated token and a value that is not a token are refused, each with its own message."""
    with pytest.raises(ConfigurationError, match=words):
        check_app_tokens(value)


@pytest.mark.parametrize("value", ["Spring", "Spring 2026", "a:b", ":", "é", "100%", "a/b", "💡"])
def test_a_name_of_one_level_is_accepted(value: str) -> None:
    """A name may contain everything but the separator of levels."""
    assert check_level_name(value, "name") == value


@pytest.mark.parametrize("value", ["", " ", "\n\t", None, 5, b"a", ["a"]])
def test_a_blank_name_is_refused(value: object) -> None:
    """A name that is blank or not text is refused."""
    with pytest.raises(ConfigurationError, match=r"name is .*: pass the name of one level, as text"):
        check_level_name(value, "name")


@pytest.mark.parametrize("value", ["A::B", "::", "A::", "::A", "A:::B"])
def test_a_path_of_names_is_refused(value: str) -> None:
    """A path is refused, and the message says how to create its levels."""
    with pytest.raises(ConfigurationError, match=r"which is a path: .*parent_token of the one above"):
        check_level_name(value, "name")


@given(st.text(st.characters()))
def test_an_accepted_name_can_be_sent(value: str) -> None:
    """An accepted name can be written as JSON: half a surrogate pair can't, and is refused."""
    try:
        name = check_level_name(value, "name")
    except ConfigurationError:
        return
    assert orjson.loads(orjson.dumps({"name": name})) == {"name": value}


@pytest.mark.parametrize("check", [check_level_name, check_cursor])
def test_half_a_surrogate_pair_is_refused(check: Callable[[object, str], object]) -> None:
    """A text that can't be encoded in UTF-8 is refused before it fails with an error outside of the tree."""
    with pytest.raises(ConfigurationError):
        check("a\ud800", "value")


@given(anything)
def test_whole_numbers(value: object) -> None:
    """Only integers of at least 1 pass; booleans don't."""
    passes = type(value) is int and 1 <= value < 2**63
    if passes:
        check_whole_number(value, "page_size")
    else:
        with pytest.raises(ConfigurationError, match=r"(?s)^page_size is .*: pass a whole number of at least 1$"):
            check_whole_number(value, "page_size")


@pytest.mark.parametrize(
    ("value", "bounds", "right"),
    [
        (1, {"least": 0}, True),
        (0, {"least": 0}, True),
        (-1, {"least": 0}, False),
        (4, {"most": 4}, True),
        (5, {"most": 4}, False),
        (True, {"least": 0, "most": 4}, False),
        (1.0, {"most": 4}, False),
        ("1", {"most": 4}, False),
    ],
)
def test_bounds_of_whole_numbers(value: object, bounds: dict[str, int], right: bool) -> None:
    """Both bounds are allowed, and named in the message if they are exceeded."""
    if right:
        check_whole_number(value, "max_level", **bounds)
        return
    with pytest.raises(ConfigurationError) as caught:
        check_whole_number(value, "max_level", **bounds)
    least = bounds.get("least", 1)
    assert (f"from {least} to 4" if "most" in bounds else f"of at least {least}") in str(caught.value)


def test_a_number_too_long_to_print_is_refused() -> None:
    """A number with more digits than Python prints is refused with an error of the tree, too."""
    with pytest.raises(ConfigurationError):
        check_whole_number(-(10**5000), "max_attempts")


@given(anything)
def test_positive_numbers(value: object) -> None:
    """Only `None` and finite numbers above 0 pass."""
    if value is None or (type(value) in {int, float} and 0 < value <= LARGEST_NUMBER):  # type: ignore[operator]  # a number by now
        check_positive_number(value, "timeout", "seconds")
    else:
        with pytest.raises(
            ConfigurationError, match=r"(?s)^timeout is .*: pass seconds above 0, or None for no limit$"
        ):
            check_positive_number(value, "timeout", "seconds")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0, 0.0, -0.0, -1, True, False, "5", 1j, [1]])
def test_anything_but_a_positive_number_is_refused(value: object) -> None:
    """Values that compare oddly are refused, too."""
    with pytest.raises(ConfigurationError, match="deadline is "):
        check_positive_number(value, "deadline", "seconds")


@given(anything)
def test_booleans(value: object) -> None:
    """Only the two booleans pass: 1, 0 and texts don't."""
    if value is True or value is False:
        check_bool(value, "cost_data_enabled")
    else:
        with pytest.raises(ConfigurationError, match=r"(?s)^cost_data_enabled is .*: pass True or False$"):
            check_bool(value, "cost_data_enabled")


@given(anything)
def test_cursors(value: object) -> None:
    """Any text except for the empty one is a cursor, because cursors are opaque."""
    assume(not isinstance(value, str) or value.isprintable())
    if isinstance(value, str) and value:
        check_cursor(value, "after")
    else:
        with pytest.raises(ConfigurationError, match=r"(?s)^after is .*: pass a cursor of an earlier page, as text$"):
            check_cursor(value, "after")
