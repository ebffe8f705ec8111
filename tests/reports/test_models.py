"""The Report Service's records of an account: exact, immutable, and complete."""

import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from adjust_async._records import structure
from adjust_async.errors import MalformedError
from adjust_async.reports.models import App, FilterValue, ReportEvent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
TEXTS = ["name", "short_name", "section", "formatting"]
EVENT = {
    "id": "Level Up",
    "name": "Level up",
    "short_name": "Lvl",
    "section": "Events",
    "formatting": "integer",
    "description": "A level",
    "app_token": ["abc1", "abc2"],
    "tokens": ["t1"],
    "is_skad_event": False,
    "app_token_x_event_tokens_mapping": {"abc1": ["t1"], "abc2": []},
}


def fault(document: object, cls: type) -> MalformedError:
    """Return the error from reading a record."""
    with pytest.raises(MalformedError) as caught:
        structure(document, list[cls], "$")  # type: ignore[valid-type] # known at run time
    return caught.value


def value_of(**document: Any) -> FilterValue:
    """Read one value of a filter."""
    (value,) = structure([document], list[FilterValue], "$")
    return value


def event_of(**document: Any) -> ReportEvent:
    """Read one event."""
    (event,) = structure([document], list[ReportEvent], "$")
    return event


def test_a_value_is_read() -> None:
    """Documented keys are fields, all others are kept."""
    got = value_of(id="installs", name="Installs", short_name="Inst", section="Overview", formatting="integer", new=[1])
    assert got == FilterValue(id="installs", name="Installs", short_name="Inst", section="Overview",
                              formatting="integer", extra={"new": [1]})  # fmt: skip
    assert value_of(id="x") == FilterValue(id="x")
    assert value_of(id="") == FilterValue(id="")


def test_an_event_is_read() -> None:
    """Lists and the mapping are unchanged, and missing fields are empty or `None`."""
    got = event_of(**EVENT, color="red")
    assert attrs.asdict(got) == {**EVENT, "increase_is_negative": None, "extra": {"color": "red"}}
    assert event_of(id="x") == ReportEvent(id="x", app_token=[], tokens=[])
    assert event_of(id="x").is_skad_event is None
    assert event_of(id="x", increase_is_negative=True).increase_is_negative is True
    assert event_of(id="x").app_token_x_event_tokens_mapping is None


def test_an_app_is_read() -> None:
    """A token and a name, plus other fields."""
    assert structure([{"token": "abc", "name": "A", "store": 5}], list[App], "$") == [
        App(token="abc", name="A", extra={"store": 5})
    ]


@pytest.mark.parametrize(("cls", "key"), [(App, "token"), (FilterValue, "id"), (ReportEvent, "id")])
def test_the_identifier_of_a_record_is_required(cls: type, key: str) -> None:
    """A record without it is refused with its place."""
    error = fault([{key: "x"}, {"name": "y"}], cls)
    assert error.location == f"$[1].{key}"
    assert error.problem == f"the key {key!r} is missing"
    assert fault([{key: None}], cls).location == f"$[0].{key}"


@pytest.mark.parametrize("cls", [App, FilterValue, ReportEvent])
@pytest.mark.parametrize("document", [None, {}, "abc", 5, {"id": "x", "token": "x"}])
def test_records_come_in_a_list(cls: type, document: object) -> None:
    """A single record, or a text, is not accepted as a list."""
    assert fault(document, cls).location == "$"


@pytest.mark.parametrize("cls", [App, FilterValue, ReportEvent])
@pytest.mark.parametrize("item", [None, "abc", 5, True, [], [["id", "x"]]])
def test_a_record_is_an_object(cls: type, item: object) -> None:
    """Anything else in the list is refused with its place."""
    assert fault([{"id": "x", "token": "x"}, item], cls).location == "$[1]"


@pytest.mark.parametrize("field", [*TEXTS, "description"])
@pytest.mark.parametrize("value", [5, 1.5, True, [], {}, ["x"]])
def test_a_text_is_a_text(field: str, value: object) -> None:
    """Wrong types are refused and not converted."""
    assert fault([{"id": "x", field: value}], ReportEvent).location == f"$[0].{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [("is_skad_event", "false"), ("is_skad_event", 0), ("is_skad_event", []), ("tokens", 5), ("tokens", None),
     ("tokens", [5]), ("tokens", ["a", None]), ("app_token", [["a"]]), ("app_token", True),
     ("app_token_x_event_tokens_mapping", 5), ("app_token_x_event_tokens_mapping", "x"),
     ("app_token_x_event_tokens_mapping", ["x"]), ("app_token_x_event_tokens_mapping", {"a": 5}),
     ("app_token_x_event_tokens_mapping", {"a": [5]}), ("app_token_x_event_tokens_mapping", {"a": None})],
)  # fmt: skip
def test_a_wrong_field_of_an_event_is_located(field: str, value: object) -> None:
    """Nothing is guessed: `"false"` is not true, and a number is not a token."""
    assert fault([{"id": "x", field: value}], ReportEvent).location.startswith(f"$[0].{field}")


@given(st.dictionaries(st.sampled_from([*TEXTS, "id", "extra", "new"]) | st.text(max_size=4), JSON, max_size=5))
def test_any_object_is_a_value_with_all_of_it_or_refused(document: dict[str, Any]) -> None:
    """Nothing is lost or changed: each key is a field or in `extra`."""
    try:
        (got,) = structure([document], list[FilterValue], "$")
    except MalformedError as error:
        location = error.location
    else:
        fields = {key: value for key, value in attrs.asdict(got, recurse=False).items() if key in document}
        # A key that is named `extra` itself is the one that has no place.
        assert "extra" in document or {**fields, **got.extra} == document
        return
    assert location.startswith("$[0]")


@given(JSON)
def test_any_document_is_events_or_refused(document: Any) -> None:
    """No JSON is another error."""
    for cls in (App, FilterValue, ReportEvent):
        try:
            found = structure(document, list[cls], "$")  # type: ignore[valid-type] # known at run time
        except MalformedError:
            continue
        assert len(found) == len(document)


@pytest.mark.parametrize("record", [App(token="a"), FilterValue(id="a"), ReportEvent(id="a")])
def test_records_are_immutable_and_travel(record: Any) -> None:
    """No field can be set or deleted, and a record is the same after it was pickled."""
    for field in attrs.fields(type(record)):
        with pytest.raises(attrs.exceptions.FrozenAttributeError):
            setattr(record, field.name, None)
        with pytest.raises(attrs.exceptions.FrozenError):
            delattr(record, field.name)
    assert pickle.loads(pickle.dumps(record)) == record
    with pytest.raises(TypeError):
        type(record)("a")


def test_values_can_be_put_into_sets() -> None:
    """Apps and values differ by their fields, and `extra` does not matter."""
    assert len({FilterValue(id="a", extra={"x": [1]}), FilterValue(id="a", extra={"x": [1]}), FilterValue(id="b")}) == 2
    assert len({App(token="a", extra={"x": {}}), App(token="a", extra={"x": {}})}) == 1


def test_records_do_not_share_empty_lists() -> None:
    """Changing the list of one event changes no other's."""
    first, second = ReportEvent(id="a"), ReportEvent(id="a")
    first.tokens.append("x")
    first.extra["y"] = 1
    assert (second.tokens, second.extra) == ([], {})


def test_representations_show_what_matters() -> None:
    """`extra` does not make the representation too long."""
    assert repr(FilterValue(id="a", extra={"x": 1})) == (
        "FilterValue(id='a', name=None, short_name=None, section=None, formatting=None)"
    )
