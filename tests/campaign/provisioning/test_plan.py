"""Plans: specs, cross products, and the checks of a whole plan before anything is sent."""

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator, Iterator
from enum import Enum, StrEnum
from itertools import product
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from adjust_async import ConfigurationError, PlanError, TrackerSpec
from adjust_async.campaign.paths import LEVELS, path_of
from adjust_async.campaign.provisioning.plan import TOLD, Entry, PlanReader, plan_error, read_plan
from tests.provisioning_plans import PARTS

pytestmark = pytest.mark.anyio


async def problems_of(plan: Any) -> tuple[tuple[int, str], ...]:
    """Return the problems of a plan."""
    with pytest.raises(PlanError) as caught:
        await read_plan(plan)
    return caught.value.problems


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_a_path_is_taken_apart_and_put_together(parts: list[str]) -> None:
    """Whatever the names in a path, they are the parts of its entry, and `path_of` joins them again."""
    reader = PlanReader()
    path = "::".join(parts)
    reader.take(1, path)
    assert reader.finish() == [Entry(TrackerSpec(path), tuple(parts), None)]
    assert path_of(dict(zip(LEVELS, parts, strict=False))) == path


@given(st.text(alphabet=":a ", max_size=12))
def test_any_path_is_accepted_or_reported(path: str) -> None:
    """A path with separators and spaces in unusual places is refused with its number, or has only valid parts."""
    reader = PlanReader()
    reader.take(7, path)
    try:
        (entry,) = reader.finish()
    except PlanError as error:
        ((number, problem),) = error.problems
        assert number == 7
        assert problem
    else:
        assert "::".join(entry.parts) == path
        assert all(part.strip() == part != "" and "::" not in part for part in entry.parts)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "the network is empty"),
        (" ", "the network is empty"),
        ("::A", "the network is empty"),
        ("A::", "the campaign is empty"),
        ("A::::C", "the campaign is empty"),
        ("A::B:: ", "the adgroup is empty"),
        ("A::B::C::D::E", "has 5 levels"),
        ("A::B::C::D::", "has 5 levels"),
        ("A:::B", "begins or ends with ':'"),
        ("A:", "begins or ends with ':'"),
        (":A", "begins or ends with ':'"),
        (" A", "begins or ends with a space"),
        ("A ::B", "begins or ends with a space"),
        ("A::B\n", "begins or ends with a space"),
        ("A::\ud800", "can't be sent"),
    ],
)
async def test_an_invalid_path_is_reported(path: str, problem: str) -> None:
    """Each mistake in a path is reported with the number of its entry and what is wrong."""
    ((number, text),) = await problems_of(["Good", path])
    assert number == 2
    assert problem in text


@pytest.mark.parametrize(
    "item", [None, 5, b"A", ["A"], ("A", "B"), {"path": "A"}, object(), TrackerSpec, 1.5, float("nan")]
)
async def test_an_item_that_is_not_an_entry_is_reported(item: Any) -> None:
    """An entry must be a text or a `TrackerSpec`."""
    ((number, text),) = await problems_of(["A", item, "B"])
    assert number == 2
    assert "is not an entry" in text


@pytest.mark.parametrize("path", [None, 5, b"A", ["A", "B"], object()])
async def test_a_spec_whose_path_is_not_text_is_reported(path: Any) -> None:
    """A spec accepts any values, and its path is checked with the plan."""
    ((number, text),) = await problems_of([TrackerSpec(path)])
    assert number == 1
    assert "pass a text such as" in text


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"partner_id": 0}, "partner_id is 0"),
        ({"partner_id": -1}, "partner_id is -1"),
        ({"partner_id": True}, "partner_id is True"),
        ({"partner_id": "33"}, "partner_id is '33'"),
        ({"partner_id": 33.0}, "partner_id is 33.0"),
        ({"partner_id": 2**63}, "partner_id is"),
        ({"partner_id": 10**5000}, "partner_id is"),
        ({"cost_data_enabled": 1}, "cost_data_enabled is 1"),
        ({"cost_data_enabled": "true"}, "cost_data_enabled is 'true'"),
        ({"partner": ""}, "partner is ''"),
        ({"partner": "  "}, "partner is '  '"),
        ({"partner": 33}, "partner is 33"),
        ({"partner": "AppLovin", "partner_id": 33}, "both set"),
    ],
)
async def test_an_invalid_setting_is_reported(settings: dict[str, Any], problem: str) -> None:
    """Settings are checked with the plan, and each mistake names its setting."""
    ((number, text),) = await problems_of(["A", TrackerSpec("B", **settings)])
    assert number == 2
    assert problem in text


async def test_all_mistakes_are_reported_at_once() -> None:
    """Every bad entry is among the problems, in order; the message shows the first ones and counts the rest."""
    plan = ["A" if number % 2 else f"A{number}::" for number in range(100)]
    with pytest.raises(PlanError) as caught:
        await read_plan(plan)
    error = caught.value
    assert [number for number, _ in error.problems] == list(range(1, 101, 2))
    assert str(error).startswith("the plan has 50 mistakes, and nothing was created:\nentry 1: 'A0::'")
    assert f"and {50 - TOLD} more" in str(error)
    assert len(str(error).splitlines()) == TOLD + 2
    assert isinstance(error, ConfigurationError)
    assert isinstance(error, ValueError)


def test_one_mistake_is_one() -> None:
    """A single mistake is reported in the singular, without a remainder."""
    error = plan_error("line", [(3, "it is odd")])
    assert str(error) == "the plan has one mistake, and nothing was created:\nline 3: it is odd"


@pytest.mark.parametrize("change", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_a_plan_error_keeps_its_problems(change: Any) -> None:
    """A pickled or copied error still has all problems."""
    error = plan_error("line", [(number, "it is odd") for number in range(1, 50)])
    other = change(error)
    assert type(other) is PlanError
    assert (str(other), other.problems, other.result) == (str(error), error.problems, None)


async def test_the_same_entry_twice_is_two_entries() -> None:
    """Entries may be repeated, as text or as a spec. All of them are kept."""
    entries = await read_plan(["A::B", TrackerSpec("A::B"), "A", "A::B"])
    assert [entry.parts for entry in entries] == [("A", "B"), ("A", "B"), ("A",), ("A", "B")]


async def test_a_repeated_entry_with_other_settings_is_reported() -> None:
    """The second one names the first one, and a third one that equals the first one is accepted."""
    plan = [
        TrackerSpec("A", partner_id=33),
        "B",
        "A",
        TrackerSpec("A", partner_id=33),
        TrackerSpec("A", cost_data_enabled=False),
        TrackerSpec("B", cost_data_enabled=False),
    ]
    problems = await problems_of(plan)
    assert [number for number, _ in problems] == [3, 5, 6]
    assert "has other settings in entry 1" in problems[0][1]
    assert "in entry 2" in problems[2][1]


async def test_names_that_differ_in_case_or_form_are_others() -> None:
    """Names that differ in case or Unicode form are different entries, whatever their settings."""
    plan = [TrackerSpec("É", partner_id=1), TrackerSpec("é", partner_id=2), TrackerSpec("e\u0301", partner_id=3)]
    assert [entry.partner_id for entry in await read_plan(plan)] == [1, 2, 3]


@pytest.mark.parametrize("plan", ["A::B", b"A", TrackerSpec("A"), {"A": 1}, 5, None, object()])
async def test_anything_but_a_plan_is_refused(plan: Any) -> None:
    """A single path, a single spec, a mapping and what can't be iterated are refused with a clear message."""
    with pytest.raises(ConfigurationError, match="plan is ") as caught:
        await read_plan(plan)
    assert not isinstance(caught.value, PlanError)


async def test_any_iterable_is_a_plan() -> None:
    """Lists, tuples, sets, dictionaries' keys, generators and async generators all make the same entries."""
    paths = ["A", "A::B", "C::D::E::F"]

    async def arriving() -> AsyncIterator[str]:
        for path in paths:
            await asyncio.sleep(0)
            yield path

    expected = await read_plan(paths)
    assert len(expected) == 3
    for plan in (tuple(paths), dict.fromkeys(paths).keys(), iter(paths), (path for path in paths), arriving()):
        assert await read_plan(plan) == expected
    assert {entry.parts for entry in await read_plan(set(paths))} == {entry.parts for entry in expected}
    assert await read_plan([]) == []


async def test_an_object_that_is_iterable_both_ways_is_read_asynchronously() -> None:
    """An object with both protocols is read by the asynchronous one."""

    class Both:
        """Iterable in two ways."""

        def __iter__(self) -> Iterator[str]:
            raise AssertionError("not this way")

        async def __aiter__(self) -> AsyncIterator[str]:
            yield "A"

    assert [entry.parts for entry in await read_plan(Both())] == [("A",)]


async def test_an_exception_of_a_plan_is_raised_unchanged() -> None:
    """An error of the plan's own iterator is raised unchanged, with or without bad entries before it."""

    def failing() -> Iterator[str]:
        yield "A::"
        raise KeyError("mine")

    async def failing_later() -> AsyncIterator[str]:
        yield "A"
        raise KeyError("mine")

    for plan in (failing(), failing_later()):
        with pytest.raises(KeyError, match="mine"):
            await read_plan(plan)


async def test_text_by_inheritance_is_text() -> None:
    """Members of enumerations are used as their text, as paths and as entries."""

    class Network(StrEnum):
        """Networks."""

        ONE = "One::Two"

    class Mixed(str, Enum):  # noqa: UP042 - that prints as its name, which must not become the path
        """Networks, which print as their name."""

        ONE = "One::Three"

    entries = await read_plan([Network.ONE, Mixed.ONE, TrackerSpec(Mixed.ONE)])
    assert [entry.parts for entry in entries] == [("One", "Two"), ("One", "Three"), ("One", "Three")]
    assert all(type(part) is str for entry in entries for part in entry.parts)


def test_a_spec_is_a_value() -> None:
    """Specs are equal by their values, hashable, picklable and immutable."""
    spec = TrackerSpec("A::B", partner="AppLovin", cost_data_enabled=True)
    assert spec == TrackerSpec("A::B", partner="AppLovin", cost_data_enabled=True) != TrackerSpec("A::B")
    assert len({spec, copy.copy(spec), pickle.loads(pickle.dumps(spec))}) == 1
    with pytest.raises(attrs.exceptions.FrozenAttributeError):
        spec.path = "C"
    with pytest.raises(TypeError):
        TrackerSpec("A", 33)  # type: ignore[call-arg] # settings are passed by name


def test_a_product_is_every_combination() -> None:
    """The last level changes fastest, and each spec has the settings."""
    levels = (["A", "B"], ["1", "2", "3"], ["x"], ["p", "q"])
    specs = list(TrackerSpec.product(*levels, partner_id=33, cost_data_enabled=False))
    assert specs == [
        TrackerSpec("::".join(parts), partner_id=33, cost_data_enabled=False) for parts in product(*levels)
    ]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
async def test_a_product_of_fewer_levels(depth: int) -> None:
    """The levels below the deepest one are left out; names may come from generators and sets."""
    given = [(f"{level}{number}" for number in range(2)) for level in "abcd"[:depth]]
    entries = await read_plan(TrackerSpec.product(*given, partner="AppLovin"))
    assert len({entry.parts for entry in entries}) == 2**depth
    assert {len(entry.parts) for entry in entries} == {depth}
    assert {entry.spec.partner for entry in entries} == {"AppLovin"}


def test_a_product_with_an_empty_level_is_empty() -> None:
    """If a level has no names, there are no combinations."""
    assert list(TrackerSpec.product(["A"], [])) == []
    assert list(TrackerSpec.product([])) == []


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"networks": "AppLovin"}, "networks is the text 'AppLovin'"),
        ({"networks": ["A"], "campaigns": "DE"}, r"pass a list, such as \['DE'\]"),
        ({"networks": ["A"], "campaigns": b"DE"}, "campaigns is the text"),
        ({"networks": ["A"], "adgroups": ["x"]}, "campaigns is left out, and a level below it is passed"),
        ({"networks": ["A"], "campaigns": ["x"], "creatives": ["x"]}, "adgroups is left out"),
        ({"networks": ["A", ""]}, "the network is empty"),
        ({"networks": ["A"], "campaigns": ["x", "y::z"]}, "the campaign 'y::z' contains '::'"),
        ({"networks": ["A"], "campaigns": [5]}, "the campaign is 5: pass a text"),
        ({"networks": ["A"], "campaigns": ["x"], "adgroups": ["y:"]}, "begins or ends with ':'"),
        ({"networks": [" A"]}, "begins or ends with a space"),
    ],
)
def test_a_product_of_invalid_names_is_refused_at_once(levels: dict[str, Any], message: str) -> None:
    """The call itself reports the mistake, before it yields the first spec."""
    with pytest.raises(ConfigurationError, match=message):
        TrackerSpec.product(**levels)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({}, "the network is empty"),
        ({"campaign": "x"}, "the network is empty"),
        ({"network": "A", "creative": "x"}, "the campaign is empty"),
        ({"network": "A", "campaign": None}, "the campaign is None"),
        ({"network": "A::B"}, "contains '::'"),
        ({"network": 5}, "the network is 5"),
    ],
)
def test_levels_without_a_valid_path_are_refused(levels: dict[str, Any], message: str) -> None:
    """The error names a level that is missing above another one, or whose name is wrong."""
    with pytest.raises(ConfigurationError, match=message):
        path_of(levels)


async def test_other_tasks_run_while_a_long_plan_is_read() -> None:
    """While a plan of thousands is read, other tasks run too."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await read_plan(f"A::{number}" for number in range(5000))
    task.cancel()
    assert turns >= 5
