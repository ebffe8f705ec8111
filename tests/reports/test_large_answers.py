"""Large answers of the Report Service, read slice by slice: what they hold is what a plain decoder finds."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from adjust_async import DecodeError, Report
from adjust_async._json import loads
from adjust_async.reports.document import open_report, read_report
from tests.reports.answers import FIGURES, IDENTITIES

ROWS = st.dictionaries(
    st.sampled_from(["day", "app", "installs", "cost"]),
    IDENTITIES
    | FIGURES
    | st.sampled_from(["},{", '"},{"', "\\", "😀"])
    | st.integers()
    | st.dictionaries(IDENTITIES.filter(bool), FIGURES),
)
ODD_ROWS: st.SearchStrategy[Any] = ROWS | st.sampled_from([1, None, [], "x"])


@given(st.lists(ROWS, max_size=8), st.dictionaries(st.sampled_from(["totals", "warnings", "x"]), st.lists(ROWS)),
       st.integers(0, 40), st.booleans(), st.booleans())  # fmt: skip
def test_slices_make_the_same_report(
    rows: list[Any], rest: dict[str, Any], size: int, first: bool, spaced: bool
) -> None:
    """Wherever an answer is cut, and wherever its rows are, all of its parts equal those of the whole."""
    rest.pop("totals", None)
    answer = {"rows": rows, **rest} if first else {**rest, "rows": rows}
    document = json.dumps(answer, separators=None if spaced else (",", ":")).encode()
    assert open_report(read_report(document, exact=True, size=size), "a", None) == open_report(
        loads(document, exact=True), "a", None
    )


@given(st.lists(ODD_ROWS, min_size=1, max_size=8), st.integers(0, 40))
def test_an_invalid_row_is_located(rows: list[Any], size: int) -> None:
    """The location of a mistake counts all rows, including those that became columns."""
    document = json.dumps({"rows": rows}).encode()
    assert _outcome(read_report(document, exact=True, size=size)) == _outcome(json.loads(document))


def _outcome(document: Any) -> Any:
    try:
        return len(open_report(document, None, None).records)
    except Exception as error:  # noqa: BLE001 - both are compared
        return repr(error)


def large_answer(**rest: Any) -> dict[str, Any]:
    """Make an answer of more than a megabyte."""
    rows = [
        {"day": "2026-01-05", "campaign": "😀 },{", "installs": str(number), "cost": 0.5} for number in range(20_000)
    ]
    return {"rows": rows, "totals": {"installs": 1, "cost": 1}, **rest}


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_large_answer_is_read(ascii_only: bool) -> None:
    """A saved answer of several slices has all of its rows, in order."""
    answer = large_answer()
    report = Report.from_json(json.dumps(answer, ensure_ascii=ascii_only))
    assert [row["installs"] for row in report.rows()] == list(range(20_000))
    assert report.parts[0].rows == answer["rows"]


@pytest.mark.parametrize("ragged", [False, True])
def test_equal_texts_of_a_large_answer_are_one_object(ragged: bool) -> None:
    """A text that is repeated in any of the slices is kept once, also if some rows have none."""
    answer = large_answer()
    rows = answer["rows"]
    for number in range(0, len(rows), 100):
        rows[number]["campaign"] = None
        if ragged:
            del rows[number]["day"]
    (part,) = Report.from_json(json.dumps(answer)).parts
    assert part.rows == rows
    assert len({id(row["campaign"]) for row in part.rows if row["campaign"] is not None}) == 1
    assert len({id(row["day"]) for row in part.rows if "day" in row}) == 1


def test_digits_of_a_saved_answer_are_kept() -> None:
    """A saved answer has every digit, as one that is fetched, in any of its slices."""
    answer = large_answer()
    document = json.dumps(answer).replace('"19999", "cost": 0.5', '"19999", "cost": 0.12345678901234567890')
    *_, last = Report.from_json(document).rows(exact=True)
    assert last["cost"] == Decimal("0.12345678901234567890")
    *_, last = Report.from_json(
        '{"rows": [{"day": "2026-01-05", "cost": 0.12345678901234567890}]}', dimensions=["day"]
    ).rows(exact=True)
    assert last["cost"] == Decimal("0.12345678901234567890")


def test_a_large_saved_error_is_not_a_report() -> None:
    """A document with an error is an error, whatever else it contains."""
    with pytest.raises(DecodeError, match="the answer is an error: quota"):
        Report.from_json(json.dumps(large_answer(error="quota")))


@pytest.mark.parametrize("hangs_flat", [False, True])
def test_a_large_saved_pivot_is_read(hangs_flat: bool) -> None:
    """Rows that hang below the values of an index are found in any slice."""
    days = [f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    inner = [{"app": f"App {number}", "installs": str(number)} for number in range(20)]
    below = {day: inner if hangs_flat else {"rows": inner, "totals": {"installs": 190}} for day in days}
    answer = {"rows": [{day: found} for day, found in below.items()], "totals": {"installs": 1}}
    report = Report.from_json(json.dumps(answer), dimensions=["day", "app"], index=["day"])
    assert [(str(row["day"]), row["app"], row["installs"]) for row in report.rows()] == [
        (day, row["app"], int(row["installs"])) for day in days for row in inner
    ]
