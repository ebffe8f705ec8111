"""Records of documents whose shape was seen before: the same as those that cattrs builds."""

import json
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from adjust_async._records import structure, structure_records
from adjust_async.campaign.models import Partner, Tracker
from adjust_async.errors import MalformedError

plain = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.floats(allow_nan=False)
documents = st.fixed_dictionaries(
    {"token": st.text(max_size=3), "name": st.text(max_size=3)},
    optional={
        "level": plain,
        "archived": plain,
        "partner_id": plain | st.just("12"),
        "url": plain,
        "app_token": plain,
        "extra": plain,
        "new": plain | st.lists(plain, max_size=2),
    },
)


def first_record(document: dict[str, Any], known: dict[str, Any]) -> Tracker:
    """Return the record of the only document of a list."""
    return structure_records([document], Tracker, known, "$")[0]


def outcome(build: Callable[[], Tracker]) -> Tracker | str:
    """Return a record, or the words of a refusal."""
    try:
        return build()
    except MalformedError as error:
        return error.problem


@given(st.lists(documents, min_size=2, max_size=5))
def test_a_shape_that_was_seen_makes_the_same_records(items: list[dict[str, Any]]) -> None:
    """What a document becomes does not depend on what was read before it: cattrs, which remembers nothing, agrees."""
    known = {"app_token": "abcdefgh1234", "parent_token": None}
    for document in items + items:
        found = outcome(partial(first_record, document, known))
        expected = outcome(partial(structure, {**document, **known}, Tracker, "$"))
        assert found == expected
        assert repr(found) == repr(expected)


def test_a_type_that_no_shape_had_is_checked() -> None:
    """After a thousand good documents, one with text in place of a number is refused."""
    good = [{"token": f"t{number}", "name": "n", "level": 1} for number in range(1000)]
    with pytest.raises(MalformedError, match="expected a whole number"):
        structure_records([*good, {"token": "t", "name": "n", "level": "one"}], Tracker, {}, "$")


def test_records_of_a_known_shape_are_as_immutable_as_others() -> None:
    """The second record of a shape refuses assignment, pickles, hashes and compares as the first does."""
    document: dict[str, Any] = {"token": "abc123", "name": "Adroll", "app_token": "abcdefgh1234"}
    first, second = structure_records([document, json.loads(json.dumps(document))], Tracker, {}, "$")
    with pytest.raises(attrs.exceptions.FrozenError):
        second.name = "other"
    with pytest.raises(attrs.exceptions.FrozenError):
        del second.name
    assert pickle.loads(pickle.dumps(second)) == second == first == Tracker(**document)
    assert hash(second) == hash(first)
    assert attrs.asdict(second) == attrs.asdict(first)
    assert first.extra is not second.extra


def test_ever_new_shapes_are_read_all_the_same() -> None:
    """A service that sends keys in thousands of orders costs no memory, and loses no record."""
    orders = [{"id": number, "display_name": "x", f"key{number}": number} for number in range(500)]
    partners = structure_records(orders, Partner, {}, "$")
    assert [partner.extra for partner in partners] == [{f"key{number}": number} for number in range(500)]
