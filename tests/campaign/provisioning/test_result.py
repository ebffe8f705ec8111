"""The result of a provisioning: outcomes, counts, a plan for another run, tables and pickles."""

import copy
import pickle
from typing import Any

import pytest

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APITimeoutError,
    AsyncAdjust,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    NotTriedError,
    Plan,
    PlanError,
    PoolExhaustedError,
    ProvisionOutcome,
    ProvisionResult,
    RateLimitError,
    ServerError,
    Table,
    Tracker,
    TrackerSpec,
)
from adjust_async._http.session import Session

APP = "abcdefghijkl"
REFUSED = BadRequestError("Name C has already been taken", status=400, method="POST", path="trackers")
SPECS = [
    TrackerSpec("A", partner_id=33),
    TrackerSpec("B"),
    TrackerSpec("C", partner="AppLovin", cost_data_enabled=True),
    TrackerSpec("C::D"),
    TrackerSpec("A", partner_id=33),
    TrackerSpec("E", cost_data_enabled=False),
]


def tracker(name: str, partner_id: int | None = None) -> Tracker:
    """Make a tracker."""
    return Tracker(token=f"t{name}", name=name, label=name, partner_id=partner_id, app_token=APP)


def result(*, dry_run: bool = False) -> ProvisionResult:
    """Make a result with an outcome of each kind."""
    outcomes = [
        ProvisionOutcome("A", "created", tracker("A", 33)),
        ProvisionOutcome("B", "unchanged", tracker("B"), notes=("one", "two")),
        ProvisionOutcome("C", "failed", error=REFUSED),
        ProvisionOutcome("C::D", "failed", error=NotTriedError("it was not tried")),
        ProvisionOutcome("A", "unchanged", tracker("A", 33)),
        ProvisionOutcome("E", "updated", tracker("E")),
    ]
    return ProvisionResult(APP, SPECS, outcomes, [ProvisionOutcome("F", "created", tracker("F"))], dry_run=dry_run)


def empty() -> ProvisionResult:
    """Make the result of an empty plan."""
    return ProvisionResult(APP, [], [], [], dry_run=False)


def test_counts() -> None:
    """Every entry is counted once, implied parents not at all, and each status is there."""
    assert result().counts == {"created": 1, "updated": 1, "unchanged": 2, "failed": 2}
    assert empty().counts == {"created": 0, "updated": 0, "unchanged": 0, "failed": 0}


def test_failed_entries_are_the_next_plan() -> None:
    """`retry_plan` returns the specs that failed, in order, with their settings."""
    assert [outcome.path for outcome in result().failed] == ["C", "C::D"]
    assert result().retry_plan() == [SPECS[2], SPECS[3]]
    assert empty().retry_plan() == []
    assert empty().failed == ()


def test_an_outcome_has_its_defaults() -> None:
    """An outcome needs only a path and a status."""
    assert ProvisionOutcome("A", "created") == ("A", "created", None, None, ())


def test_rows() -> None:
    """There is one row for each entry, in order, with the same columns in each."""
    table = result()
    rows = list(table.rows())
    assert [tuple(row) for row in rows] == [table.columns] * 6
    assert table.columns == ("path", "status", "tracker_token", "partner_id", "error", "notes")
    assert rows[0] == dict(zip(table.columns, ("A", "created", "tA", 33, None, None), strict=True))
    assert rows[1]["notes"] == "one; two"
    assert rows[2] == dict(zip(table.columns, ("C", "failed", None, None, str(REFUSED), None), strict=True))
    assert list(table.rows()) == rows
    assert isinstance(table, Table)


@pytest.mark.parametrize("make", [result, empty])
def test_it_becomes_an_arrow_table(make: Any) -> None:
    """Arrow has the rows, with a type for each column, even without rows."""
    pyarrow = pytest.importorskip("pyarrow")
    table = make().to_arrow()
    assert table.to_pylist() == list(make().rows())
    text = pyarrow.string()
    assert table.schema.types == [text, text, text, pyarrow.int64(), text, text]


@pytest.mark.parametrize("make", [result, empty])
def test_it_becomes_frames(make: Any) -> None:
    """Frames of pandas and polars have them too, and the partner stays an integer next to empty cells."""
    pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    frame = make().to_polars()
    assert frame.to_dicts() == list(make().rows())
    assert frame.schema["partner_id"] == polars.Int64
    pandas = make().to_pandas()
    assert list(pandas.columns) == list(make().columns)
    assert str(pandas["partner_id"].dtype) == "Int64"
    assert len(pandas) == len(list(make().rows()))


def test_a_path_identifies_a_row() -> None:
    """`path` is the key of an upsert, unless a plan has an entry twice."""
    once = ProvisionResult(APP, SPECS[:4], result().outcomes[:4], [], dry_run=True)
    assert once.key_columns == once.to_table().key_columns == empty().key_columns == ("path",)
    assert result().key_columns == result().to_table().key_columns == ()


@pytest.mark.parametrize("make", [result, empty])
def test_only_its_rows_are_a_table(make: Any) -> None:
    """`to_table` has the same rows and columns, and nothing else of the result."""
    table = make().to_table()
    assert (table.schema, table.to_dicts()) == (make().schema, make().to_dicts())
    assert len(make()) == len(table) == len(make().to_dicts())
    assert make()
    assert pickle.loads(pickle.dumps(table)) == table
    assert b"Tracker" not in pickle.dumps(table)


def test_results_are_compared_by_value() -> None:
    """Equal results have the same outcomes, plan and app; errors count by their type and their words."""
    assert result() == pickle.loads(pickle.dumps(result())) == result()
    assert result() != result(dry_run=True)
    assert result() != empty()
    outcome = ProvisionOutcome("A", "failed", error=AdjustError("no"))
    others = (
        ProvisionResult("other", SPECS[:1], [outcome], [], dry_run=False),
        ProvisionResult(APP, [TrackerSpec("A")], [outcome], [], dry_run=False),
        ProvisionResult(APP, SPECS[:1], [outcome._replace(error=AdjustError("yes"))], [], dry_run=False),
        ProvisionResult(APP, SPECS[:1], [outcome._replace(error=NotTriedError("no"))], [], dry_run=False),
        ProvisionResult(APP, SPECS[:1], [outcome], [outcome], dry_run=False),
        ProvisionResult(APP, SPECS[:1], [outcome], [], dry_run=False, duplicates=[tracker("B")]),
        ProvisionResult(APP, SPECS[:1], [outcome], [], dry_run=False, verified=True),
    )
    for other in others:
        assert other != ProvisionResult(APP, SPECS[:1], [outcome], [], dry_run=False)


def test_a_retry_plan_is_a_table_too() -> None:
    """The plan for another try has its entries as rows."""
    plan = result().retry_plan()
    assert isinstance(plan, Plan)
    assert plan.to_table().to_dicts() == [SPECS[2].to_dict(), SPECS[3].to_dict()]


def test_its_text_says_how_it_went() -> None:
    """The representation has the app, the counts, and whether it was a dry run."""
    assert repr(result()) == f"<ProvisionResult of {APP}: 1 created, 1 updated, 2 unchanged, 2 failed>"
    assert repr(result(dry_run=True)).startswith(f"<ProvisionResult of {APP} (dry run): ")


CHANGES: list[Any] = [copy.copy, copy.deepcopy]
CHANGES += [
    lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
]


@pytest.mark.parametrize("change", CHANGES)
def test_it_can_be_pickled_and_copied(change: Any) -> None:
    """A result that comes from another process says the same."""
    other = change(result())
    assert list(other.rows()) == list(result().rows())
    assert other.retry_plan() == result().retry_plan()
    assert (other.counts, other.implied, other.dry_run, repr(other)) == (
        result().counts,
        result().implied,
        result().dry_run,
        repr(result()),
    )
    assert [type(outcome.error) for outcome in other.failed] == [BadRequestError, NotTriedError]


@pytest.mark.parametrize("change", CHANGES)
def test_an_error_keeps_its_result_and_its_notes(change: Any) -> None:
    """An error that ended a run is pickled with what was done until then, and with what was noted on it."""
    error = ClientClosedError("the client is closed")
    error.add_note("in the middle of it")
    error.result = result()
    other = change(error)
    assert type(other) is ClientClosedError
    assert other.__notes__ == ["in the middle of it"]
    assert list(other.result.rows()) == list(result().rows())


def test_an_error_has_no_result_of_its_own() -> None:
    """Outside of provisioning there is none, and one error's result is not another one's."""
    error, other = AdjustError("no"), AdjustError("no")
    error.result = result()
    assert other.result is None
    assert AdjustError.result is None


POST: Any = {"method": "POST", "path": "trackers"}
GET: Any = {"method": "GET", "path": "trackers"}


@pytest.mark.parametrize(
    ("error", "in_doubt"),
    [
        (ServerError("x", status=500, **POST), True),
        (ServerError("x", status=502, **POST), True),
        (ServerError("x", status=503, **POST), True),
        (ServerError("x", status=503, retry_after=1.0, **POST), True),
        (ServerError("x", status=503, retry_after=0.0, **POST), True),
        (ServerError("x", status=500, **GET), False),
        (RateLimitError("x", status=429, **POST), False),
        (RateLimitError("x", status=429, retry_after=1.0, **POST), False),
        (BadRequestError("x", status=400, in_envelope=True, **POST), False),
        (AuthenticationError("x", status=401, in_envelope=True, **POST), False),
        (APIConnectionError("x", **POST), True),
        (APIConnectionError("x", sent=False, **POST), False),
        (APIConnectionError("x", **GET), False),
        (APITimeoutError("x", **POST), True),
        (PoolExhaustedError("x", sent=False, **POST), False),
        (DecodeError("x", location="$", **POST), True),
        (DecodeError("x", location="$", malformed=True, **POST), True),
        (DecodeError("x", location="$", **GET), False),
        (DecodeError("x", location="$"), False),
        (NotTriedError("x"), False),
        (ConfigurationError("x"), False),
        (PlanError("x"), False),
        (AdjustError("x"), False),
    ],
)
def test_which_failure_leaves_a_create_in_doubt(error: AdjustError, in_doubt: bool) -> None:
    """A create that got no answer, half of one or 500 is in doubt; one that certainly had no effect is not."""
    assert error.in_doubt is in_doubt
    assert ("The service may have done it all the same" in str(error)) is in_doubt


@pytest.mark.anyio
async def test_an_error_that_ends_a_run_is_not_altered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the run had done comes with a copy of the error, since others may have seen the error that was raised."""
    error = NotFoundError("gone", status=404, method="GET", path="trackers", in_envelope=True)

    async def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr(Session, "request", refused)
    async with AsyncAdjust("s3cr3t-T0ken") as adjust:
        with pytest.raises(NotFoundError) as raised:
            await adjust.trackers.provision("app", ["A", "B"])
    assert raised.value.result.counts["failed"] == 2
    assert (str(raised.value), raised.value.__context__) == (str(error), None)
    assert error.result is None
