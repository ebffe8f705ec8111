"""Plans as tables: their entries as rows, and files that are read again."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async import Plan, PlanError, TrackerSpec, load_plan

PARTS = st.text('abc ,"éß', min_size=1, max_size=5).filter(lambda text: text == text.strip())
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("::".join)
SETTINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"cost_data_enabled": st.booleans()}
) | st.fixed_dictionaries({"partner_id": st.integers(1, 10**9)}, optional={"cost_data_enabled": st.booleans()})
PLANS = st.lists(st.builds(lambda path, rest: TrackerSpec(path, **rest), PATHS, SETTINGS), unique_by=lambda s: s.path)


@given(PLANS)
def test_a_plan_is_read_back_from_its_file(tmp_path_factory: pytest.TempPathFactory, specs: list[TrackerSpec]) -> None:
    """What a plan's table writes as CSV, `load_plan` reads as the same plan, row by row."""
    plan, path = Plan(specs), tmp_path_factory.mktemp("plan") / "plan.csv"
    table = plan.to_table()
    assert table.to_dicts() == [spec.to_dict() for spec in specs]
    assert table.key_columns == ("path",)
    table.to_csv(path)
    assert load_plan(path) == plan == specs


def test_a_plan_is_a_list() -> None:
    """It is compared, pickled, and combined as a list is."""
    plan = Plan(TrackerSpec.product(["AppLovin", "Unity"], ["DE"]))
    assert plan == [TrackerSpec("AppLovin::DE"), TrackerSpec("Unity::DE")]
    copy = pickle.loads(pickle.dumps(plan))
    assert (type(copy), copy) == (Plan, plan)
    assert [*plan, "AdColony"][-1] == "AdColony"


def test_a_loaded_plan_is_a_table(tmp_path: Path) -> None:
    """`load_plan` returns a plan with the columns of any other, an empty one too."""
    path = tmp_path / "plan.csv"
    path.write_text("path,partner\nA::B,AppLovin\n", encoding="utf-8")
    table = load_plan(path).to_table()
    row = {"path": "A::B", "partner_id": None, "partner": "AppLovin", "cost_data_enabled": None}
    assert table.to_dicts() == [row]
    assert Plan().to_table().schema == table.schema
    assert [str(field.type) for field in Plan().to_table().to_arrow().schema] == ["string", "int64", "string", "bool"]


def test_an_entry_twice_identifies_nothing() -> None:
    """The same entry twice is allowed, and then no column identifies a row."""
    assert Plan([TrackerSpec("A"), TrackerSpec("A")]).to_table().key_columns == ()


def test_a_plan_with_mistakes_has_no_table() -> None:
    """All mistakes are named, as `provision` names them; a path as text is an entry."""
    wrong: Any = ["A", 5, TrackerSpec("A::"), TrackerSpec("B", partner_id=0)]
    with pytest.raises(PlanError, match="3 mistakes") as raised:
        Plan(wrong).to_table()
    assert [number for number, _ in raised.value.problems] == [2, 3, 4]
    assert Plan(wrong[:1]).to_table().to_dicts() == [TrackerSpec("A").to_dict()]
