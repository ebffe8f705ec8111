"""The tree of a plan: its nodes, what of them is there already, and what is worth a note."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async import AdjustError, Tracker, TrackerSpec
from adjust_async.campaign.provisioning.plan import Entry, PlanReader
from adjust_async.campaign.provisioning.tree import Node, PlanTree, label_of


def tree_of(*items: str | TrackerSpec) -> PlanTree:
    """Make the tree of these entries."""
    reader = PlanReader()
    for number, item in enumerate(items, 1):
        reader.take(number, item)
    return PlanTree(reader.finish())


def node_of(tree: PlanTree, path: str) -> Node:
    """Find a node by its path."""
    return next(node for node in tree.root.below() if node.path == path)


def tracker(name: str, token: str = "abc123", **settings: Any) -> Tracker:
    """Make a tracker as a list shows it."""
    return Tracker(token=token, name=name, label=name.rpartition("::")[2], **settings)


def test_what_is_implied_has_no_entry() -> None:
    """Each path is one node, with the numbers of all its entries; those above an entry may have none."""
    tree = tree_of("A::B::C", "D", "A::B", "D", "A::B::C")
    entries = {node.path: node.entries for node in tree.root.below()}
    assert entries == {"A": [], "A::B": [2], "A::B::C": [0, 4], "D": [1, 3]}
    assert tree.root.path == ""
    assert tree.root.token is None


def test_a_node_comes_before_those_below_it() -> None:
    """`below` gives every node once, parents first, whatever the order of the entries."""
    tree = tree_of("A::B::C::D", "E::F", "A::B", "A", "E::G", "A::X")
    seen: set[str] = set()
    for node in tree.root.below():
        assert node.path not in seen
        assert node.path.rpartition("::")[0] in {"", *seen}
        seen.add(node.path)
    assert seen == {"A", "A::B", "A::B::C", "A::B::C::D", "A::X", "E", "E::F", "E::G"}


def test_nothing_is_above_the_root() -> None:
    """A node knows the one above it; the root has none, and asking is a mistake of the package."""
    tree = tree_of("A::B")
    assert node_of(tree, "A::B").above is node_of(tree, "A")
    assert node_of(tree, "A").above is tree.root
    with pytest.raises(AssertionError):
        _ = tree.root.above


def test_the_partner_is_that_of_the_entry_and_not_of_the_spec() -> None:
    """A partner that was given by name has its id in the entry."""
    tree = PlanTree([Entry(TrackerSpec("A", partner="AppLovin"), ("A",), 33)])
    assert node_of(tree, "A").missing_settings == {"partner_id": 33}


@pytest.mark.parametrize(
    ("wanted", "there", "missing"),
    [
        ({}, {}, {}),
        ({}, {"partner_id": 5, "cost_data_enabled": True}, {}),
        ({"partner_id": 5}, {}, {"partner_id": 5}),
        ({"partner_id": 5}, {"partner_id": 6}, {"partner_id": 5}),
        ({"partner_id": 5}, {"partner_id": 5}, {}),
        ({"cost_data_enabled": False}, {"cost_data_enabled": False}, {}),
        ({"cost_data_enabled": False}, {"cost_data_enabled": None}, {}),
        ({"cost_data_enabled": True}, {"cost_data_enabled": None}, {"cost_data_enabled": True}),
        ({"partner_id": 5}, {"partner_id": None}, {"partner_id": 5}),
        ({"cost_data_enabled": False}, {"cost_data_enabled": True}, {"cost_data_enabled": False}),
        ({"cost_data_enabled": True}, {"cost_data_enabled": False}, {"cost_data_enabled": True}),
        ({"partner_id": 5, "cost_data_enabled": True}, {"partner_id": 5}, {"cost_data_enabled": True}),
        ({"partner_id": 5, "cost_data_enabled": True}, {}, {"partner_id": 5, "cost_data_enabled": True}),
    ],
)
def test_only_what_differs_is_missing(wanted: Any, there: Any, missing: Any) -> None:
    """What is set as it should be is not sent, nor what the plan says nothing about."""
    tree = tree_of(TrackerSpec("A", **wanted))
    tree.root.match([tracker("A", **there)])
    assert node_of(tree, "A").missing_settings == missing


def test_without_a_tracker_all_settings_are_missing() -> None:
    """A node that is not there needs all that its entry says, but for cost data off, as every tracker begins."""
    tree = tree_of(TrackerSpec("A", partner_id=5, cost_data_enabled=True), TrackerSpec("B", cost_data_enabled=False))
    assert node_of(tree, "A").missing_settings == {"partner_id": 5, "cost_data_enabled": True}
    assert node_of(tree, "B").missing_settings == {}


def test_matching_takes_names_as_they_are() -> None:
    """Only a label that is the same sign by sign is the node's tracker; the others are noted, with their tokens."""
    tree = tree_of("Spring", "É", "Other")
    twins = [tracker("spring", "t1"), tracker("SPRING", "t2"), tracker("Spring", "t3"), tracker("E\u0301", "t4")]
    tree.root.match([*twins, tracker("ＯＴＨＥＲ", "t5"), tracker("Sprin", "t6"), tracker("Spring 2", "t7")])
    spring, accented, other = (node_of(tree, path) for path in ("Spring", "É", "Other"))
    assert spring.token == "t3"
    assert [note for note in spring.notes if "t1" in note or "t2" in note] == list(spring.notes)
    assert len(spring.notes) == 2
    assert accented.tracker is None
    assert "t4" in accented.notes[0]
    assert other.tracker is None
    assert "differs in case or Unicode form alone" in other.notes[0]
    assert not any(token in note for node in (spring, accented, other) for note in node.notes for token in ("t6", "t7"))


def test_a_second_list_changes_nothing() -> None:
    """What was matched may be matched again, as after a page that came twice: no second note, the same tracker."""
    tree = tree_of("A")
    for _ in range(2):
        tree.root.match([tracker("A", "t1"), tracker("a", "t2"), tracker("A", "t1", partner_id=5)])
    node = node_of(tree, "A")
    assert (node.token, len(node.notes)) == ("t1", 1)
    assert node.tracker is not None
    assert node.tracker.partner_id == 5


@pytest.mark.parametrize(
    ("archived", "taken"),
    [
        ([False, False], "t0"),
        ([True, False], "t1"),
        ([False, True], "t0"),
        ([True, True], "t0"),
        ([True, False, False], "t1"),
        ([None, True], "t0"),
        ([True, None], "t1"),
    ],
)
def test_of_two_that_have_the_name_the_living_one_is_taken(archived: list[bool | None], taken: str) -> None:
    """The first one that is not archived, else the first one; the others are noted."""
    tree = tree_of("A")
    tree.root.match([tracker("A", f"t{number}", archived=gone) for number, gone in enumerate(archived)])
    node = node_of(tree, "A")
    assert node.token == taken
    assert len(node.notes) >= 1
    assert "two trackers of this name" in node.notes[0]


def test_a_label_is_the_last_part_of_the_name() -> None:
    """Where the service gives no label it is found in the name."""
    assert label_of(Tracker(token="t", name="A::B::C")) == "C"
    assert label_of(Tracker(token="t", name="A")) == "A"
    assert label_of(Tracker(token="t", name="A::B", label="X")) == "X"
    tree = tree_of("B")
    tree.root.match([Tracker(token="t", name="A::B")])
    assert node_of(tree, "B").token == "t"


def test_an_outcome_shows_what_the_node_has() -> None:
    """Status, tracker, error and notes go into the outcome, under the path that it is asked for with."""
    node = node_of(tree_of("A"), "A")
    node.note("one")
    node.note("two")
    node.note("one")
    node.error = AdjustError("no")
    outcome = node.outcome("A", "failed")
    assert outcome == ("A", "failed", None, node.error, ("one", "two"))
    assert node.outcome("A", None).status == "failed"


LABELS = st.sampled_from(["a", "A", "á", "a\u0301", "b", "ß", "SS", "ﬁ", "fi"])


@given(st.lists(st.lists(LABELS, min_size=1, max_size=4).map("::".join), max_size=12), st.lists(LABELS, max_size=8))
def test_any_plan_and_any_siblings(paths: list[str], siblings: list[str]) -> None:
    """A node of the first level has a tracker if and only if its very name is among the siblings; twins are noted."""
    tree = tree_of(*paths)
    tree.root.match([tracker(label, f"t{number}") for number, label in enumerate(siblings)])
    assert {node.path for node in tree.root.below() if node.entries} == set(paths)
    for label, node in tree.root.children.items():
        assert (node.tracker is not None) == (label in siblings)
        outside = [other for other in siblings if other not in tree.root.children and folded(other) == folded(label)]
        twins = any(other != label and folded(other) == folded(label) for other in tree.root.children)
        assert sum("differs in case" in note for note in node.notes) == len(outside) + twins


def folded(label: str) -> str:
    """Make labels equal that differ in case and Unicode form alone."""
    return unicodedata.normalize("NFKC", label).casefold()
