"""From decoded JSON to records: exact values, or an error that says where."""

import copy
import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, strategies as st

from adjust_async._records import structure, structure_records
from adjust_async.campaign.models import Partner, Tracker
from adjust_async.errors import MalformedError

TRACKER: dict[str, Any] = {"token": "abc123", "name": "Adroll"}
PARTNER: dict[str, Any] = {"id": 174, "display_name": "AdColony"}

#: The documented type of each field of a record.
TRACKER_KINDS = {
    "token": (str, False),
    "name": (str, False),
    "label": (str, True),
    "level": (int, True),
    "archived": (bool, True),
    "has_subtrackers": (bool, True),
    "partner_id": (int, True),
    "cost_data_enabled": (bool, True),
    "url": (str, True),
    "click_url": (str, True),
    "impression_url": (str, True),
    "app_token": (str, True),
    "parent_token": (str, True),
}
PARTNER_KINDS = {"id": (int, False), "display_name": (str, False), "supports_cost_data": (bool, True)}

numbers_as_text = st.from_regex("-?[0-9]{1,20}", fullmatch=True)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | numbers_as_text
    | st.sampled_from(["", "true", "false", "0", "1.0", "-0", "1e3", " 1", "1_0", "١", "null"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def documents(names: list[str]) -> st.SearchStrategy[Any]:
    """Return any JSON, often an object with the keys of a record."""
    keys = st.sampled_from([*names, "extra", "new", "support_cost_data"]) | st.text(max_size=6)
    return json_values | st.dictionaries(keys, json_values, max_size=len(names))


def whole_documents(kinds: dict[str, tuple[type, bool]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects whose fields are mostly right, so that many of them convert."""
    of_kind: dict[type, st.SearchStrategy[Any]] = {
        str: st.text(max_size=5),
        int: st.integers(-(2**53), 2**53) | numbers_as_text,
        bool: st.booleans(),
    }
    fields = {
        name: of_kind[kind] | (st.none() if optional else st.nothing()) for name, (kind, optional) in kinds.items()
    }
    required = {name: field for name, field in fields.items() if not kinds[name][1]}
    rest: dict[str, Any] = {name: field for name, field in fields.items() if kinds[name][1]}
    return st.fixed_dictionaries(required, optional={**rest, "new": json_values, "extra": json_values})


def exact(value: object, kind: type, optional: bool) -> bool:
    """Return whether a document's value is valid for a field of this kind, by the documentation."""
    if value is None:
        return optional
    if kind is int and type(value) is str:
        digits = value.removeprefix("-")
        return digits.isascii() and digits.isdigit() and len(digits) <= 18
    return type(value) is kind


def check(document: Any, cls: type[Any], kinds: dict[str, tuple[type, bool]]) -> None:
    """Convert, and compare with the documentation of each field."""
    fits = isinstance(document, dict) and all(
        exact(document[name], *kind) if name in document else kind[1] for name, kind in kinds.items()
    )
    if not fits:
        with pytest.raises(MalformedError) as caught:
            structure(document, cls, "$.x")
        assert caught.value.location.startswith("$.x")
        assert caught.value.problem
        return
    record = structure(document, cls, "$.x")
    for name, (kind, _) in kinds.items():
        value = getattr(record, name)
        sent = document.get(name)
        assert value == (int(sent) if kind is int and sent is not None else sent)
        assert type(value) is kind or value is None
    rest = {key: value for key, value in document.items() if key not in kinds}
    assert json.dumps(record.extra) == json.dumps(rest)


@given(documents(list(TRACKER_KINDS)) | whole_documents(TRACKER_KINDS))
def test_any_json_is_a_tracker_or_an_error(document: Any) -> None:
    """A document becomes a tracker with its exact values, or a `MalformedError`, and never anything else."""
    check(document, Tracker, TRACKER_KINDS)


@given(documents(list(PARTNER_KINDS)) | whole_documents(PARTNER_KINDS))
def test_any_json_is_a_partner_or_an_error(document: Any) -> None:
    """A document becomes a partner with its exact values, or a `MalformedError`, and never anything else."""
    if isinstance(document, dict) and "support_cost_data" in document and "supports_cost_data" not in document:
        kinds = {name: kind for name, kind in PARTNER_KINDS.items() if name != "supports_cost_data"}
        kinds["support_cost_data"] = PARTNER_KINDS["supports_cost_data"]
        old = dict(document)
        value = old["support_cost_data"]
        if exact(value, bool, optional=True):
            old["supports_cost_data"] = old.pop("support_cost_data")
            check(old, Partner, PARTNER_KINDS)
            if all(exact(old.get(name), *kind) for name, kind in PARTNER_KINDS.items()):
                assert structure(document, Partner, "$").supports_cost_data is value
            return
        with pytest.raises(MalformedError):
            structure(document, Partner, "$")
        return
    check(document, Partner, PARTNER_KINDS)


@given(st.lists(documents(list(TRACKER_KINDS)), max_size=3) | json_values)
def test_any_json_is_a_list_of_trackers_or_an_error(document: Any) -> None:
    """A list becomes one record for each element, or an error; anything but a list is an error."""
    assume(document not in ("", {}))  # checked by `test_anything_but_a_list_is_not_a_list_of_records`
    try:
        records = structure(document, list[Tracker], "$")
    except MalformedError:
        return
    assert isinstance(document, list)
    assert len(records) == len(document)
    assert all(type(record) is Tracker for record in records)


@pytest.mark.parametrize("document", ["", "ab", {}, {"a": 1}, None, 5, True])
def test_anything_but_a_list_is_not_a_list_of_records(document: object) -> None:
    """A text or an object instead of a list is refused, even an empty one: it is not an empty list."""
    with pytest.raises(MalformedError):
        structure(document, list[Tracker], "$.data.items")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("partner_id", 174, 174),
        ("partner_id", "174", 174),
        ("partner_id", "-300", -300),
        ("partner_id", "007", 7),
        ("partner_id", "9" * 18, 10**18 - 1),
        ("partner_id", 2**63, 2**63),
        ("partner_id", None, None),
        ("level", "2", 2),
        ("archived", False, False),
        ("archived", None, None),
        ("label", "", ""),
        ("url", None, None),
    ],
)
def test_values_that_are_taken(field: str, value: object, expected: object) -> None:
    """Documented values, and other forms that were seen live, are read exactly."""
    got = getattr(structure({**TRACKER, field: value}, Tracker, "$"), field)
    assert (got, type(got)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("partner_id", "", "expected a whole number, found ''"),
        ("partner_id", True, "expected a whole number, found True"),
        ("partner_id", 1.9, "expected a whole number, found 1.9"),
        ("partner_id", 1.0, "expected a whole number, found 1.0"),
        ("partner_id", math.nan, "expected a whole number, found nan"),
        ("partner_id", "1.0", "expected a whole number, found '1.0'"),
        ("partner_id", " 1", "expected a whole number, found ' 1'"),
        ("partner_id", "1\n", r"expected a whole number, found '1\n'"),
        ("partner_id", "+1", "expected a whole number, found '+1'"),
        ("partner_id", "١", "expected a whole number, found '١'"),
        ("partner_id", "9" * 19, f"expected a whole number, found '{'9' * 19}'"),
        ("partner_id", [], "expected a whole number, found []"),
        ("archived", "false", "expected true or false, found 'false'"),
        ("archived", 0, "expected true or false, found 0"),
        ("archived", "", "expected true or false, found ''"),
        ("name", None, "expected text, found None"),
        ("name", 5, "expected text, found 5"),
        ("token", ["a"], "expected text, found ['a']"),
        ("label", 5, "expected text, found 5"),
        ("label", {"a": 1}, "expected text, found {'a': 1}"),
        ("url", False, "expected text, found False"),
    ],
)
def test_values_that_are_refused(field: str, value: object, problem: str) -> None:
    """A value that would have to be guessed is refused, with a message that shows it and its place."""
    with pytest.raises(MalformedError) as caught:
        structure([TRACKER, {**TRACKER, field: value}], list[Tracker], "$.data.items")
    assert caught.value.problem == problem
    assert caught.value.location == f"$.data.items[1].{field}"
    assert str(caught.value) == f"{problem} (at $.data.items[1].{field})"


@pytest.mark.parametrize("key", ["token", "name"])
def test_a_missing_key_is_named(key: str) -> None:
    """A required key that is absent is named, at the place of its object."""
    with pytest.raises(MalformedError) as caught:
        structure([{name: value for name, value in TRACKER.items() if name != key}], list[Tracker], "$.data.items")
    assert caught.value.problem == f"the key {key!r} is missing"
    assert caught.value.location == f"$.data.items[0].{key}"


@pytest.mark.parametrize("cls", [Tracker, Partner])
@pytest.mark.parametrize("document", [[], [["token", "a"]], "text", "", 5, None, True, 1.5])
def test_a_record_is_an_object(cls: type, document: object) -> None:
    """Only an object is a record."""
    with pytest.raises(MalformedError, match=r"expected an object, found .* \(at \$\[0\]\)"):
        structure([document], list[cls], "$")  # type: ignore[valid-type]  # mypy takes no variable for a type


@pytest.mark.parametrize("cls", [Tracker, Partner])
def test_a_missing_key_of_an_empty_object(cls: type) -> None:
    """An empty object is not a record: of several mistakes one is reported."""
    with pytest.raises(MalformedError, match=r"the key '(\w+)' is missing \(at \$\.x\.\1\)"):
        structure({}, cls, "$.x")


def test_unknown_keys_are_kept() -> None:
    """Keys that Adjust adds later are in `extra` under their own names, even a key `extra`."""
    document = {**TRACKER, "extra": 5, "new": {"a": [None]}}
    before = json.dumps(document)
    record = structure(document, Tracker, "$")
    assert record.extra == {"extra": 5, "new": {"a": [None]}}
    assert json.dumps(document) == before
    assert structure(TRACKER, Tracker, "$").extra == {}


@pytest.mark.parametrize(
    ("keys", "expected", "extra"),
    [
        ({"supports_cost_data": True}, True, {}),
        ({"support_cost_data": True}, True, {}),
        ({"support_cost_data": None}, None, {}),
        ({"supports_cost_data": False, "support_cost_data": True}, False, {"support_cost_data": True}),
        ({}, None, {}),
    ],
)
def test_both_names_of_cost_data(keys: dict[str, Any], expected: bool | None, extra: dict[str, Any]) -> None:
    """A partner's cost data is read under both documented names, the usual one first."""
    record = structure({**PARTNER, **keys}, Partner, "$")
    assert record.supports_cost_data is expected
    assert record.extra == extra


@pytest.mark.parametrize("value", ["@ @ @", " @ $.other", {" @ ": 1}])
def test_a_value_does_not_confuse_the_place(value: object) -> None:
    """A value that looks like the end of a message does not change the location."""
    with pytest.raises(MalformedError) as caught:
        structure([{**TRACKER, "level": value}], list[Tracker], "$.data.items")
    assert caught.value.location == "$.data.items[0].level"
    assert caught.value.problem == f"expected a whole number, found {value!r}"


def test_a_long_value_is_cut() -> None:
    """A message shows only the beginning of a long value."""
    with pytest.raises(MalformedError) as caught:
        structure({**TRACKER, "level": "x" * 10_000}, Tracker, "$")
    assert len(caught.value.problem) < 120
    assert "xxx...xxx" in caught.value.problem


def nested(depth: int) -> Any:
    """Return nested lists of the requested depth."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("document", [nested(1010), {**TRACKER, "token": nested(1010)}], ids=["document", "field"])
def test_a_deep_value_is_described(document: Any) -> None:
    """JSON that is nested too deeply for Python to print, but passes the decoder, gets the usual message."""
    with pytest.raises(MalformedError, match=r"^expected (text|an object), found "):
        structure(document, Tracker, "$")


def test_the_cause_is_left_out() -> None:
    """The converter's error, which holds the whole document, is not kept."""
    with pytest.raises(MalformedError) as caught:
        structure({}, Tracker, "$")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


KNOWN = {"app_token": "yxs12pfewq", "parent_token": None}


@given(st.lists(documents(list(TRACKER_KINDS)) | whole_documents(TRACKER_KINDS), max_size=6))
def test_records_are_what_each_document_is_by_itself(items: list[Any]) -> None:
    """An item of a list becomes the same record as on its own, or the same error."""

    def one_by_one() -> list[Tracker]:
        return [
            structure({**item, **KNOWN} if isinstance(item, dict) else item, Tracker, f"$.data.items[{place}]")
            for place, item in enumerate(items)
        ]

    def outcome(records: Callable[[], list[Tracker]]) -> object:
        try:
            return [(record, record.extra) for record in records()]
        except MalformedError as error:
            return error.location, error.problem

    assert outcome(lambda: structure_records(items, Tracker, KNOWN, "$.data.items")) == outcome(one_by_one)


def test_the_records_of_a_list_are_immutable_and_travel() -> None:
    """A record can't be changed, is equal to its copies, and shares no `extra` with another."""
    first, second = structure_records([TRACKER, TRACKER], Tracker, KNOWN, "$")
    assert (first, hash(first), repr(first)) == (second, hash(second), repr(second))
    assert first.extra == {}
    assert first.extra is not second.extra
    assert pickle.loads(pickle.dumps(first)) == copy.copy(first) == first
    with pytest.raises(attrs.exceptions.FrozenAttributeError):
        first.name = "other"
