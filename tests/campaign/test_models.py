"""The records: immutable, comparable, and short to print."""

import copy
import pickle
from typing import Any

import attrs
import pytest

from adjust_async.campaign.models import Partner, Tracker


def tracker(**fields: Any) -> Tracker:
    """Make a tracker with default values for whatever a test does not set."""
    return Tracker(**{"token": "abc123", "name": "Adroll", **fields})


def partner(**fields: Any) -> Partner:
    """Make a partner with default values for whatever a test does not set."""
    return Partner(**{"id": 174, "display_name": "AdColony", **fields})


RECORDS: list[Tracker | Partner] = [tracker(), partner()]
by_class = pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
each_field = pytest.mark.parametrize(
    ("record", "field"),
    [(record, field.name) for record in RECORDS for field in attrs.fields(type(record))],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)


@each_field
def test_no_field_can_be_assigned_or_deleted(record: Tracker | Partner, field: str) -> None:
    """A record refuses new values for its fields and to lose them, and keeps its own."""
    record = copy.copy(record)
    before = getattr(record, field)
    with pytest.raises(attrs.exceptions.FrozenAttributeError):
        setattr(record, field, "x")
    with pytest.raises(attrs.exceptions.FrozenError):
        delattr(record, field)
    assert getattr(record, field) == before


@by_class
def test_no_field_can_be_added(record: Tracker | Partner) -> None:
    """A misspelt attribute is an error, not a new attribute."""
    with pytest.raises(AttributeError):
        record.tokn = "x"  # type: ignore[union-attr]  # the test is that it does not exist


@by_class
def test_fields_are_passed_by_name(record: Tracker | Partner) -> None:
    """Fields can't be passed by position, so new ones can be added anywhere."""
    cls: Any = type(record)
    with pytest.raises(TypeError):
        cls("abc123", "Adroll")


@by_class
def test_each_field_is_documented(record: Tracker | Partner) -> None:
    """The docstring describes each field."""
    for field in attrs.fields(type(record)):
        assert f" {field.name}" in (type(record).__doc__ or "").partition("Attributes:")[2]


def test_missing_fields_have_defaults() -> None:
    """Only the identifying fields are required. All others are `None` by default."""
    assert attrs.asdict(tracker()) == {
        "token": "abc123",
        "name": "Adroll",
        "label": None,
        "level": None,
        "archived": None,
        "has_subtrackers": None,
        "partner_id": None,
        "cost_data_enabled": None,
        "url": None,
        "click_url": None,
        "impression_url": None,
        "app_token": None,
        "parent_token": None,
        "extra": {},
    }
    assert attrs.asdict(partner()) == {
        "id": 174,
        "display_name": "AdColony",
        "supports_cost_data": None,
        "extra": {},
    }


@pytest.mark.parametrize("make", [tracker, partner])
def test_extra_is_each_records_own(make: Any) -> None:
    """Two records never share the dictionary of their unknown keys."""
    assert make().extra is not make().extra


@pytest.mark.parametrize(
    ("make", "change"),
    [(tracker, {"partner_id": 174}), (tracker, {"extra": {"new": 1}}), (partner, {"supports_cost_data": True})],
)
def test_records_compare_by_their_values(make: Any, change: dict[str, Any]) -> None:
    """Records are equal if all their fields are, including `extra`."""
    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != make(**change)


@pytest.mark.parametrize("make", [tracker, partner])
def test_records_with_unknown_keys_can_be_hashed(make: Any) -> None:
    """A record can be put into a set even if `extra` has unhashable values."""
    assert len({make(extra={"list": [1]}), make(extra={"list": [1]}), make(extra={"list": [2]})}) == 2


def test_a_repr_leaves_out_long_fields() -> None:
    """The long URLs and the unknown keys don't fill a printed tracker."""
    text = repr(tracker(url="https://a", click_url="https://b", impression_url="https://c", extra={"k": 1}))
    assert "https://" not in text
    assert "extra" not in text
    assert "token='abc123'" in text


@pytest.mark.parametrize("record", [tracker(level=2, extra={"new": [1]}), partner(extra={"new": {}})])
def test_records_go_through_pickles_and_copies(record: Tracker | Partner) -> None:
    """Pickling, copying and `attrs.evolve` keep a record unchanged."""
    assert pickle.loads(pickle.dumps(record)) == record
    assert copy.deepcopy(record) == record
    assert attrs.evolve(record) == record
