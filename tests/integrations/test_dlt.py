"""Loads into real databases, each compared with what `fetch` returns."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adjust_async import AdjustError, AsyncAdjust, ConfigurationError, ServerError
from adjust_async.emulator import AppState, EmulatedApp, Emulator

dlt = pytest.importorskip("dlt", reason="needs the extra dlt, which `nox -s integrations` installs")

from dlt.pipeline.exceptions import PipelineStepFailed  # noqa: E402 # behind the check for dlt

from adjust_async.integrations.dlt import adjust_source, outcome_of  # noqa: E402
from tests.integrations.databases import postgres  # noqa: E402

TODAY = datetime.now(UTC).date()
START = TODAY - timedelta(days=20)
FIRST, SECOND, THIRD = "yxs12pfewq", "gwzpeepw8uf8", "a1b2c3d4e5f6"
METRICS = ["installs", "cost", "retention_rate_d7"]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    """The URL of a server for all tests of the module."""
    with postgres() as url:
        yield url


@pytest.fixture(params=["duckdb", "postgres"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The destination of a test's loads."""
    if request.param == "duckdb":
        return dlt.destinations.duckdb(str(tmp_path / "adjust.duckdb"))
    return dlt.destinations.postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An account of two apps with figures on every day, in a thread."""
    apps = [EmulatedApp(FIRST, "First"), EmulatedApp(SECOND, "Second"), EmulatedApp(THIRD, "Third")]
    trackers = {app.token: ["AppLovin::DE", "Unity"] for app in apps}
    with Emulator(apps=apps, trackers=trackers, facts_per_day=8, seed=3) as running:
        yield running


class Warehouse:
    """A pipeline of a test, and what its tables hold."""

    def __init__(self, emulator: Emulator, destination: Any, folder: Path) -> None:
        self.emulator = emulator
        self.options: dict[str, Any] = {"token": emulator.token, "api_url": emulator.url, "max_attempts": 1}
        name = f"adjust_{abs(hash(folder)):x}"
        self.pipeline = dlt.pipeline(name, destination=destination, dataset_name=name, pipelines_dir=str(folder))

    def source(self, *tables: str, **arguments: Any) -> Any:
        """Return a source of some tables."""
        given = {"metrics": METRICS, "start_date": START, **self.options, **arguments}
        return adjust_source(**given).with_resources(*(tables or ("reports",)))

    def load(self, *tables: str, **arguments: Any) -> Any:
        """Load. Return the outcome of the first table."""
        self.pipeline.run(self.source(*tables, **arguments))
        return outcome_of(self.pipeline)[(tables or ("reports",))[0]]

    def rows(self, table: str = "reports") -> list[tuple[Any, ...]]:
        """Return the rows of a table, sorted, without the column that marks removals."""
        with self.pipeline.sql_client() as client, client.execute_query(f"SELECT * FROM {table}") as cursor:
            names = [column[0] for column in cursor.description]
            kept = [place for place, name in enumerate(names) if name != "_removed"]
            return sorted((tuple(row[place] for place in kept) for row in cursor.fetchall()), key=repr)

    def fetched(self, *apps: str, **arguments: Any) -> list[tuple[Any, ...]]:
        """Return the same rows from `fetch`."""

        async def fetch() -> list[tuple[Any, ...]]:
            async with AsyncAdjust(**self.options) as adjust:
                question = {"dimensions": ["day", "network"], "metrics": METRICS, "date_period": (START, TODAY)}
                report = await adjust.reports.fetch(app_tokens=apps or None, **{**question, **arguments})
                return sorted((tuple(row.values()) for row in report.rows()), key=repr)

        return asyncio.run(fetch())


@pytest.fixture
def warehouse(emulator: Emulator, destination: Any, tmp_path: Path) -> Warehouse:
    """A pipeline that has not run yet."""
    return Warehouse(emulator, destination, tmp_path)


ALL = (FIRST, SECOND, THIRD)
COLUMNS = ("dimensions", "metrics", "kpis", "grouping")


def test_a_first_load_has_the_rows_of_fetch(warehouse: Warehouse) -> None:
    """All rows of all apps are loaded, with their types and without any others."""
    outcome = warehouse.load()
    rows = warehouse.rows()
    assert len(rows) > 60
    assert rows == warehouse.fetched(*ALL)
    assert (outcome.inserted, outcome.restated, outcome.failed, outcome.left) == (len(rows), 0, {}, {})
    columns = warehouse.pipeline.default_schema.tables["reports"]["columns"]
    assert {name: column["data_type"] for name, column in columns.items()} == {
        "app_token": "text",
        "day": "date",
        "network": "text",
        "installs": "bigint",
        "cost": "double",
        "retention_rate_d7": "double",
        "_removed": "bool",
    }


def test_a_second_load_requests_only_restated_days(warehouse: Warehouse) -> None:
    """Figures that came late are there after the next load, with the row of a new network, and nothing is doubled."""
    warehouse.load()
    late = TODAY - timedelta(days=10)
    warehouse.emulator.add_figures(FIRST, tracker="Unity", day=late, installs=1000, cost=7.5)
    before = len(warehouse.emulator.requests)
    outcome = warehouse.load()
    asked = list(warehouse.emulator.requests)[before:]
    assert warehouse.rows() == warehouse.fetched(*ALL)
    assert outcome.restated > outcome.inserted >= 0
    # A week after the install, plus the days for which all figures are restated; the day of the load is not over.
    first = TODAY - timedelta(days=14)
    periods = {request.query["date_period"] for request in asked if request.path.endswith("/report")}
    assert periods == {f"{first}:{TODAY}"}


def test_loading_twice_is_loading_once(warehouse: Warehouse) -> None:
    """A load without changes changes no table."""
    tables = ("reports", "kpis", "trackers", "partners", "apps", "events")
    warehouse.load(*tables)
    first = {table: warehouse.rows(table) for table in tables}
    warehouse.load(*tables)
    assert {table: warehouse.rows(table) for table in tables} == first
    assert all(first.values())


def test_rows_that_the_service_no_longer_has_go(warehouse: Warehouse) -> None:
    """A day that is empty now is empty in the table too."""
    warehouse.load()
    gone = TODAY - timedelta(days=3)
    rows = warehouse.rows()
    hours = (gone - date(1970, 1, 1)).days * 24
    with warehouse.emulator.store.transaction() as connection:
        connection.execute("DELETE FROM facts WHERE hour >= ? AND hour < ?", (hours, hours + 24))
    warehouse.load()
    assert warehouse.rows() == warehouse.fetched(*ALL)
    assert {row[1] for row in rows} - {row[1] for row in warehouse.rows()} == {gone}


def test_a_failed_app_keeps_its_rows_and_its_state(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    """The other apps continue, the run names the failed app, and the next load requests all that it missed."""
    warehouse.load(end_date=TODAY - timedelta(days=9))
    kept = [row for row in warehouse.rows() if row[0] == FIRST]
    warehouse.emulator.app_states[FIRST] = "forbidden"
    outcome = warehouse.load()
    assert list(outcome.failed) == [FIRST]
    assert f"app {FIRST}" in caplog.text
    assert [row for row in warehouse.rows() if row[0] == FIRST] == kept
    assert [row for row in warehouse.rows() if row[0] != FIRST] == warehouse.fetched(SECOND, THIRD)
    del warehouse.emulator.app_states[FIRST]
    warehouse.load()
    assert warehouse.rows() == warehouse.fetched(*ALL)


def test_a_new_metric_is_loaded_for_all_days(warehouse: Warehouse) -> None:
    """Days that were loaded before have the new metric too."""
    warehouse.load()
    metrics = [*METRICS, "clicks"]
    warehouse.load(metrics=metrics)
    assert warehouse.rows() == warehouse.fetched(*ALL, metrics=metrics)


def test_other_dimensions_replace_the_rows(warehouse: Warehouse) -> None:
    """Rows of the earlier breakdown do not remain with those of the new one."""
    warehouse.load()
    warehouse.load(dimensions=["day"])
    assert [(row[0], row[1], *row[3:]) for row in warehouse.rows()] == warehouse.fetched(*ALL, dimensions=["day"])


def test_an_app_that_vanished_keeps_its_rows(warehouse: Warehouse) -> None:
    """An app that the account no longer has is not requested, stays in `reports`, is reported, and leaves `apps`."""
    warehouse.load("reports", "apps")
    before = warehouse.rows()
    del warehouse.emulator.facts.apps[THIRD]
    outcome = warehouse.load("reports", "apps")
    assert list(outcome.left) == [THIRD]
    assert warehouse.rows() == before
    assert THIRD not in {row[0] for row in warehouse.rows("apps")}


def test_trackers_have_their_parents(warehouse: Warehouse) -> None:
    """Every tracker below another has its token as parent."""
    warehouse.load("trackers", apps=[FIRST])
    with warehouse.pipeline.sql_client() as client:
        found = client.execute_sql(
            "SELECT child.name, parent.name FROM trackers child"
            " JOIN trackers parent ON parent.token = child.parent_token"
        )
    assert [tuple(row) for row in found] == [("AppLovin::DE", "AppLovin")]


def test_the_run_fails_if_every_app_fails(warehouse: Warehouse) -> None:
    """If all apps fail, the run raises an error, and stored rows stay."""
    warehouse.load()
    before = warehouse.rows()
    warehouse.emulator.app_states.update(dict.fromkeys(ALL, AppState.BROKEN))
    with pytest.raises(PipelineStepFailed) as caught:
        warehouse.load()
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, AdjustError):
        error = error.__cause__
    assert isinstance(error, ServerError)
    assert warehouse.rows() == before
    assert warehouse.emulator.token not in repr(caught.value) + str(warehouse.pipeline.last_trace)


def test_a_lost_database_is_loaded_from_its_first_day(emulator: Emulator, tmp_path: Path) -> None:
    """What a pipeline remembers about a database does not apply to an empty replacement, as in another folder."""
    path = tmp_path / "adjust.duckdb"
    Warehouse(emulator, dlt.destinations.duckdb(str(path)), tmp_path).load()
    path.unlink()
    warehouse = Warehouse(emulator, dlt.destinations.duckdb(str(path)), tmp_path)
    warehouse.load()
    assert warehouse.rows() == warehouse.fetched(*ALL)


SCRIPT = """
import os, signal, sys
import dlt
from adjust_async.integrations.dlt import adjust_source

where, name, folder, start, step = sys.argv[1:]
if where.startswith("postgresql"):
    destination = dlt.destinations.postgres(where)
else:
    destination = dlt.destinations.duckdb(where)
pipeline = dlt.pipeline(name, destination=destination, dataset_name=name, pipelines_dir=folder)
source = adjust_source(metrics=["installs", "cost", "retention_rate_d7"], start_date=start).with_resources("reports")

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if step == "extract":
    count = [0]
    def third(table):
        count[0] += 1
        return die() if count[0] == 2 else table
    source.reports.add_map(third)
elif step == "load":
    from dlt.load import Load
    Load.complete_package = die
pipeline.run(source)
"""


@pytest.mark.parametrize("step", ["extract", "load"])
@pytest.mark.slow
def test_a_killed_load_is_made_good_by_the_next(warehouse: Warehouse, step: str, tmp_path: Path) -> None:
    """A process that is killed while it requests or writes leaves nothing that the next runs do not repair."""
    pipeline = warehouse.pipeline
    credentials = pipeline.destination_client().config.credentials
    where = str(tmp_path / "adjust.duckdb")
    if pipeline.destination.destination_name == "postgres":
        where = credentials.to_native_representation()
    environment = {
        **os.environ,
        "ADJUST_API_URL": warehouse.emulator.url,
        "ADJUST_API_TOKEN": warehouse.emulator.token,
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    arguments = [sys.executable, "-c", SCRIPT, where, pipeline.pipeline_name, str(tmp_path), str(START)]
    killed = subprocess.run([*arguments, step], env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    # One run of dlt finishes an earlier one, and the next loads again.
    for _ in range(2):
        subprocess.run([*arguments, "whole"], env=environment, capture_output=True, check=True)
    warehouse.pipeline.sync_destination()
    assert warehouse.rows() == warehouse.fetched(*ALL)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"dimensions": ["network"]}, "dimensions"),
        ({"grouping": ["trackers"]}, "grouping"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": datetime(2026, 1, 1, 15, tzinfo=UTC)}, "start_date"),
        ({"start_date": date.max}, "start_date"),
        ({"end_date": "2020-01-01"}, "end_date"),
        ({"start_date": datetime(2026, 1, 1, 5)}, "start_date is .*, which is not midnight"),  # noqa: DTZ001
        ({"end_date": 10**5000}, "end_date is a number"),
        ({"restate_days": -1}, "restate_days"),
        ({"restate_days": "week"}, "restate_days is 'week'"),
        *(({name: None}, f"{name} is None: pass a list of texts") for name in COLUMNS),
        *(({name: 5}, f"{name} is 5: pass a list of texts") for name in COLUMNS),
        *(({name: ["day", None]}, f"{name} holds None") for name in COLUMNS),
        *(({name: {"day"}}, f"{name} is a set, which has no order") for name in COLUMNS),
        *(({name: []}, f"{name} is empty: name at least one") for name in COLUMNS),
        ({"metrics": ["day"]}, "day"),
        ({"apps": ["a/b"]}, "apps is 'a/b'"),
        ({"apps": []}, "apps is empty"),
        ({"apps": 5}, "apps is 5: pass one app token as text, or many in a list"),
        ({"apps": ["a", "a"]}, "apps has 'a' twice"),
        ({"http_client": httpx.AsyncClient()}, "http_client belongs to one event loop"),
        ({"max_concurrency": 0}, "max_concurrency"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(arguments: dict[str, Any], named: str) -> None:
    """The error is the SDK's, names the argument, and comes when the source is made."""
    with pytest.raises(ConfigurationError, match=named):
        adjust_source(**{"start_date": "2026-01-01", "token": "a-token", **arguments})


@pytest.mark.parametrize("value", [None, "adjust", 5])
def test_anything_but_a_pipeline_is_refused(value: Any) -> None:
    """The error says what to pass."""
    with pytest.raises(ConfigurationError, match=r"pipeline is .*: pass the pipeline that dlt.pipeline returned"):
        outcome_of(value)
