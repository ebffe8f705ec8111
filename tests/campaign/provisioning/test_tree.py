"""The tree of a plan: its nodes, which of them exist, and their notes."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async import AdjustError, Tracker, TrackerSpec
from adjust_async.campaign.provisioning.plan import Entry, PlanReader
from adjust_async.campaign.provisioning.tree import Node, PlanTree
from adjust_async.campaign.siblings import Match


def tree_of(*items: str | TrackerSpec) -> PlanTree:
    """Make the tree of these entries."""
    reader = PlanReader()
    for number, item in enumerate(items, 1):
        reader.take(number, item)
    return asyncio.run(PlanTree.of(reader.finish()))


def node_of(tree: PlanTree, path: str) -> Node:
    """Find a node by its path."""
    return next(node for node in tree.root.below() if node.path == path)


def tracker(name: str, token: str = "abc123", **settings: Any) -> Tracker:
    """Make a tracker as a list shows it."""
    return Tracker(token=token, name=name, label=name.rpartition("::")[2], **settings)


def test_implied_nodes_have_no_entry() -> None:
    """Each path is one node, with the numbers of all its entries; those above an entry may have none."""
    tree = tree_of("A::B::C", "D", "A::B", "D", "A::B::C")
    entries = {node.path: list(node.entries) for node in tree.root.below()}
    assert entries == {"A": [], "A::B": [2], "A::B::C": [0, 4], "D": [1, 3]}
    assert tree.root.path == ""
    assert tree.root.token is None


def test_a_node_comes_before_those_below_it() -> None:
    """`below` yields every node once, parents first, whatever the order of the entries."""
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
    """A partner that was passed by name has its id in the entry."""
    entry = Entry(TrackerSpec("A", partner="AppLovin"), ("A",), 33, "it was taken for another")
    node = node_of(asyncio.run(PlanTree.of([entry])), "A")
    assert node.missing_settings == {"partner_id": 33}
    assert node.notes == ("it was taken for another",)


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
def test_only_different_settings_are_missing(wanted: Any, there: Any, missing: Any) -> None:
    """Settings that are as planned, or that the plan leaves out, are not sent."""
    tree = tree_of(TrackerSpec("A", **wanted))
    node_of(tree, "A").take(Match(tracker("A", **there)))
    assert node_of(tree, "A").missing_settings == missing


def test_without_a_tracker_all_settings_are_missing() -> None:
    """A missing node needs all settings of its entry, except for disabled cost data, which is the default."""
    tree = tree_of(TrackerSpec("A", partner_id=5, cost_data_enabled=True), TrackerSpec("B", cost_data_enabled=False))
    assert node_of(tree, "A").missing_settings == {"partner_id": 5, "cost_data_enabled": True}
    assert node_of(tree, "B").missing_settings == {}


def test_an_outcome_has_the_fields_of_its_node() -> None:
    """Status, tracker, error and notes go into the outcome, under the requested path."""
    node = node_of(tree_of("A"), "A")
    node.note("one")
    node.note("two")
    node.note("one")
    node.error = AdjustError("no")
    outcome = node.outcome("A", "failed")
    assert outcome == ("A", "failed", None, node.error, ("one", "two"))
    assert node.outcome("A", None).status == "failed"


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("::".join), max_size=12))
def test_any_plan_is_a_tree(paths: list[str]) -> None:
    """Every entry belongs to the node of its path, and every node has an entry or something below it."""
    nodes = {node.path: node for node in tree_of(*paths).root.below()}
    assert {path: list(node.entries) for path, node in nodes.items() if node.entries} == {
        path: [number for number, other in enumerate(paths) if other == path] for path in paths
    }
    assert all(node.entries or node.children for node in nodes.values())
