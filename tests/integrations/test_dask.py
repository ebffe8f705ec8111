"""Dask data frames, computed by worker processes, each compared with what `fetch` returns."""

import asyncio
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pandas
import pytest

from adjust_async import AsyncAdjust, ConfigurationError, PermissionDeniedError
from adjust_async.emulator import AppState, Emulator

pytest.importorskip("dask.dataframe", reason="needs the extra dask, which `nox -s integrations` installs")
pytest.importorskip("distributed", reason="needs the extra dask, which `nox -s integrations` installs")

import dask  # after checking for it
from distributed import Client, LocalCluster

from adjust_async.integrations import blocking
from adjust_async.integrations.dask import read_kpis, read_report
from tests.docs.blocks import block_titled
from tests.docs.running import run_python

DAYS = ("2026-01-10", "2026-03-09")
DIMENSIONS = ["day", "network"]
METRICS = ["installs", "cost", "retention_rate_d7"]

#: Distributed leaves sockets and loops to the collector, and warns when its workers are killed.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An account in a thread, which all processes that start now find through their environment."""
    with Emulator(apps=4, trackers_per_app=10, facts_per_day=5) as running:
        monkeypatch.setenv("ADJUST_API_URL", running.url)
        monkeypatch.setenv("ADJUST_API_TOKEN", running.token)
        yield running


@pytest.fixture
def cluster(emulator: Emulator, tmp_path: Path) -> Iterator[LocalCluster]:
    """Two worker processes."""
    assert emulator.token  # before the workers, which inherit its URL
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": "127.0.0.1:0"}
    # The profiler's `sys._current_frames` can deadlock on Python 3.11 (python/cpython#106883).
    with (
        dask.config.set({"distributed.worker.profile.enabled": False}),
        LocalCluster(**options, local_directory=str(tmp_path)) as running,
        Client(running),
    ):
        yield running


def fetched(apps: list[str]) -> list[tuple[Any, ...]]:
    """Return the rows of `fetch`, in their order."""

    async def fetch() -> list[tuple[Any, ...]]:
        async with AsyncAdjust() as adjust:
            report = await adjust.reports.fetch(
                dimensions=DIMENSIONS, metrics=METRICS, date_period=DAYS, app_tokens=apps, window="month"
            )
            return [tuple(row.values()) for row in report.rows()]

    return asyncio.run(fetch())


def rows(frame: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a frame, with `None` for empty cells."""
    return [tuple(row.values()) for row in to_arrow(frame).to_pylist()]


def to_arrow(frame: Any) -> Any:
    """Return a pandas frame as an Arrow table."""
    import pyarrow

    return pyarrow.Table.from_pandas(frame, preserve_index=False)


@pytest.mark.usefixtures("cluster")
def test_rows_and_types_are_those_of_fetch(emulator: Emulator) -> None:
    """A partition for each app and month, all with the types that were declared before any request."""
    frame = read_report(DIMENSIONS, METRICS, DAYS, emulator.app_tokens, window="month")
    before = emulator.stats.requests.total()
    assert frame.npartitions == 4 * 3
    assert list(frame.columns) == ["app_token", *DIMENSIONS, *METRICS]
    assert emulator.stats.requests.total() == before
    computed = frame.compute()
    assert emulator.stats.requests.total() == before + 12
    assert rows(computed) == fetched(emulator.app_tokens)
    assert dict(computed.dtypes) == dict(frame.dtypes)


def test_kpis_are_those_of_the_kpi_service(emulator: Emulator) -> None:
    """`read_kpis` has the columns and rows of `KPIs.deliverables`; here in threads, without a cluster."""
    kpis = ["installs", "revenue"]

    async def fetch() -> list[tuple[Any, ...]]:
        async with AsyncAdjust() as adjust:
            report = await adjust.kpis.deliverables(
                emulator.app_tokens,
                start_date=DAYS[0],
                end_date=DAYS[1],
                kpis=["installs", "revenue"],
                grouping=["day"],
            )
            return [tuple(row.values()) for row in report.rows()]

    frame = read_kpis(kpis, ["day"], DAYS, emulator.app_tokens, window="week")
    assert rows(frame.compute(scheduler="threads")) == asyncio.run(fetch())


def test_a_process_has_one_client_and_closes_it(emulator: Emulator) -> None:
    """Partitions that run at the same time share a client, and no connection or thread is left after them."""
    emulator.latency = 0.1
    before = threading.active_count()
    frame = read_report(DIMENSIONS, METRICS, DAYS, emulator.app_tokens, window="month")
    frame.compute(scheduler="threads", num_workers=4)
    assert not blocking._shared
    assert emulator.stats.connections_opened <= 8
    assert not [thread for thread in threading.enumerate() if "portal" in thread.name]
    assert threading.active_count() <= before + 4  # Dask's own pool


def test_an_empty_partition_has_all_columns(emulator: Emulator) -> None:
    """An app and window without figures is a partition without rows, with the types of the others."""
    frame = read_report(DIMENSIONS, METRICS, ("2020-01-01", "2020-01-31"), emulator.app_tokens)
    computed = frame.compute(scheduler="sync")
    assert (len(computed), dict(computed.dtypes)) == (0, dict(frame.dtypes))


@pytest.mark.usefixtures("cluster")
def test_a_partition_that_fails_names_its_app_and_days(emulator: Emulator) -> None:
    """The error is that of the request, and crosses processes with the note that names the partition."""
    broken = emulator.app_tokens[2]
    emulator.app_states[broken] = AppState.FORBIDDEN
    frame = read_report(DIMENSIONS, METRICS, DAYS, emulator.app_tokens)
    with pytest.raises(PermissionDeniedError) as caught:
        frame.compute()
    assert caught.value.__notes__ == [f"This was the partition of app {broken} from {DAYS[0]} to {DAYS[1]}."]


def test_no_token_is_in_the_graph(emulator: Emulator) -> None:
    """What is sent to the scheduler and the workers does not contain the token."""
    frame = read_report(DIMENSIONS, METRICS, DAYS, emulator.app_tokens)
    graph = pickle.dumps(dict(frame.__dask_graph__())) + pickle.dumps(frame)
    assert emulator.app_tokens[0].encode() in graph
    assert emulator.token.encode() not in graph


@pytest.mark.usefixtures("cluster")
def test_one_coordinator_holds_over_all_workers(emulator: Emulator, tmp_path: Path) -> None:
    """Together the workers run at most as many requests as one client may."""
    emulator.latency = 0.05
    url = f"file://{tmp_path}/adjust.db"
    frame = read_report(
        DIMENSIONS, METRICS, DAYS, emulator.app_tokens, window="month", coordinator=url, max_concurrency=2
    )
    computed = frame.compute()
    assert emulator.stats.reports.max_in_flight == 2
    assert rows(computed) == fetched(emulator.app_tokens)


def test_a_worker_that_is_killed_is_made_good(emulator: Emulator, cluster: LocalCluster) -> None:
    """Partitions of a worker that dies in the middle are requested by another."""
    expected = fetched(emulator.app_tokens)
    emulator.latency = 0.3
    frame = read_report(DIMENSIONS, METRICS, DAYS, emulator.app_tokens, window="month")
    begun = emulator.stats.requests.total()
    computing = frame.persist()
    asked = threading.Event()
    while emulator.stats.requests.total() < begun + 4:
        asked.wait(0.01)
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    assert rows(computing.compute()) == expected


def test_a_rerun_of_the_recipe_completes_the_dataset(emulator: Emulator, tmp_path: Path) -> None:
    """The documented script requests only files that are missing or cut short."""
    script = block_titled("docs/how-to/cluster.md", "backfill.py").for_account(emulator)
    (tmp_path / "backfill.py").write_text(script.code, encoding="utf-8")

    def run() -> str:
        return asyncio.run(run_python(["backfill.py"], tmp_path, emulator))

    assert run().count("fetched 2 apps") == 2
    files = sorted((tmp_path / "installs").glob("*.parquet"))
    contents = [path.read_bytes() for path in files]
    files[0].unlink()
    files[1].write_bytes(contents[1][:-9])
    before = emulator.stats.requests.total()
    run()
    assert emulator.stats.requests.total() == before + 2
    assert [path.read_bytes() for path in files] == contents


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"metrics": []}, "metrics is empty: name at least one"),
        ({"metrics": None}, "metrics is None: pass a list of texts"),
        ({"dimensions": 5}, "dimensions is 5: pass a list of texts"),
        ({"dimensions": {"day"}}, "dimensions is a set, which has no order"),
        ({"date_period": "last_month"}, "date_period"),
        ({"date_period": (datetime(2026, 1, 1, 5), DAYS[1])}, "date_period .* not midnight"),  # noqa: DTZ001
        ({"date_period": None}, "date_period"),
        ({"date_period": 10**5000}, "date_period is a number of type int"),
        ({"date_period": ("2026-01-01", pandas.Timestamp("2026-01-02 15:00"))}, "date_period"),
        ({"date_period": ("2026-02-01", "2026-01-01")}, "date_period"),
        ({"app_tokens": []}, "app_tokens is empty"),
        ({"app_tokens": None}, "app_tokens is None: pass one app token as text, or many in a list"),
        ({"window": "year"}, "window"),
        ({"dimensions": ["network"], "window": "month"}, "window"),
        ({"token": "a-token"}, "ADJUST_API_TOKEN"),
        ({"coordinator": "redis://user:secret@localhost/0"}, "ADJUST_COORDINATOR"),
        ({"coordinator": object()}, "coordinator"),
        ({"http_client": httpx.AsyncClient()}, "http_client belongs to one event loop"),
        ({"max_concurrency": 0}, "max_concurrency"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(arguments: dict[str, Any], named: str) -> None:
    """The error is the SDK's, names the argument, and shows no secret."""
    question = {"dimensions": DIMENSIONS, "metrics": METRICS, "date_period": DAYS, "app_tokens": ["app"]}
    with pytest.raises(ConfigurationError, match=named) as caught:
        read_report(**{**question, **arguments})
    assert "secret" not in str(caught.value)
    assert "a-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"kpis": None}, "kpis is None: pass a list of texts"),
        ({"kpis": []}, "kpis is empty: name at least one"),
        ({"grouping": [5]}, "grouping holds 5"),
        ({"grouping": []}, "grouping is empty: name at least one"),
        ({"date_period": ("2026-02-01", "2026-01-01")}, "2026-02-01"),
        ({"app_tokens": ["a", "a"]}, "app_tokens has 'a' twice"),
    ],
)
def test_a_wrong_argument_of_kpis_is_refused_too(arguments: dict[str, Any], named: str) -> None:
    """The error names the argument."""
    question = {"kpis": ["installs"], "grouping": ["day"], "date_period": DAYS, "app_tokens": ["app"]}
    with pytest.raises(ConfigurationError, match=named):
        read_kpis(**{**question, **arguments})
