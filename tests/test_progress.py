"""`on_progress` of everything that takes long, and the progress bar to pass to it."""

import gc
import io
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from rich.console import Console

import adjust_async
from adjust_async import AsyncAdjust, ConfigurationError, Walk
from adjust_async.emulator import Emulator, Faults
from adjust_async.progress import bar

pytestmark = pytest.mark.anyio

DAYS: dict[str, Any] = {"start_date": "2026-01-01", "end_date": "2026-01-04"}
QUERY: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "2026-01-01:2026-01-04"}


async def used(items: AsyncGenerator[Any, None] | Walk) -> int:
    """Return how many items there are."""
    async with aclosing(items):
        return len([item async for item in items])


@pytest.mark.account(apps=3, trackers_per_app=30)
async def test_everything_reports_progress_in_the_same_way(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Fan-outs count requests and name the app, walks count trackers, CSV counts bytes, runs count entries."""
    told: list[tuple[int, int | None, str]] = []

    def tell(done: int, total: int | None, what: str) -> None:
        told.append((done, total, what))

    apps = emulator.app_tokens
    fan_outs = [
        adjust.kpis.deliverables(apps, **DAYS, grouping=["apps", "day"], window=2, on_progress=tell),
        adjust.kpis.cohorts(apps, **DAYS, grouping=["apps", "day"], window=2, on_progress=tell),
        adjust.kpis.events(apps, **DAYS, grouping=["apps", "day"], window=2, on_progress=tell),
        adjust.kpis.skadnetwork(apps, **DAYS, grouping=["apps", "day"], window=2, on_progress=tell),
        used(adjust.kpis.stream(apps, **DAYS, grouping=["apps", "day"], window=2, on_progress=tell)),
        adjust.reports.fetch(**QUERY, app_tokens=apps, window=2, on_progress=tell),
        used(adjust.reports.stream(**QUERY, app_tokens=apps, window=2, on_progress=tell)),
    ]
    for fan_out in fan_outs:
        told.clear()
        await fan_out
        assert [(done, total) for done, total, _ in told] == [(number, 6) for number in range(1, 7)]
        assert sorted(what for _, _, what in told) == sorted([*apps, *apps])

    told.clear()
    await adjust.reports.fetch(**QUERY, on_progress=tell)
    assert told == [(1, 1, "all apps")]

    told.clear()
    trackers = await used(adjust.trackers.walk(apps, page_size=7, on_progress=tell))
    assert (told[-1][:2], {what for _, _, what in told}) == ((trackers, None), set(apps))
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})

    told.clear()
    await used(adjust.reports.iter_csv(**QUERY, on_progress=tell))
    assert {what for _, _, what in told} == {"csv_report"}
    assert told[-1][0] > 0

    told.clear()
    await adjust.trackers.provision(apps[0], ["Brand", "New"], on_progress=tell)
    assert sorted(told) == [(1, 2, told[0][2]), (2, 2, told[1][2])]
    assert {what for _, _, what in told} == {"Brand", "New"}


@pytest.mark.account(apps=3, faults=Faults.script(["500"]))
@pytest.mark.settings(max_attempts=1)
async def test_failed_requests_count_too(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """If failures are kept, progress reaches the end."""
    told: list[int] = []
    report = await adjust.kpis.deliverables(
        emulator.app_tokens, **DAYS, on_failure="keep", on_progress=lambda done, *_: told.append(done)
    )
    assert (len(report.failures), told) == (1, [1, 2, 3])


@pytest.mark.account(apps=3)
async def test_an_exception_from_it_ends_the_call(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """An exception in the function is raised unchanged, from every kind of call."""

    def tell(*_: object) -> None:
        raise LookupError("mine")

    apps = emulator.app_tokens
    for call in (
        adjust.kpis.deliverables(apps, **DAYS, on_failure="keep", on_progress=tell),
        used(adjust.reports.stream(**QUERY, app_tokens=apps, on_progress=tell)),
        used(adjust.trackers.walk(apps, on_progress=tell)),
        used(adjust.reports.iter_csv(**QUERY, on_progress=tell)),
    ):
        with pytest.raises(LookupError, match="mine"):
            await call


async def test_anything_but_a_plain_function_is_refused(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A coroutine function, which nobody would await, and other values are refused before anything is sent."""

    async def tell(*_: object) -> None:
        raise AssertionError

    app = emulator.app_tokens[0]
    for wrong in (5, tell):
        hook: Any = wrong
        for ask in (
            lambda: adjust.kpis.deliverables(app, **DAYS, on_progress=hook),  # noqa: B023 - called at once
            lambda: adjust.reports.fetch(**QUERY, on_progress=hook),  # noqa: B023
            lambda: used(adjust.trackers.walk(app, on_progress=hook)),  # noqa: B023
            lambda: adjust.trackers.provision(app, ["A"], on_progress=hook),  # noqa: B023
        ):
            with pytest.raises(ConfigurationError, match=r"on_progress is .*: pass a plain function"):
                await ask()
    assert emulator.stats.total == 0


def terminal() -> tuple[Console, io.StringIO]:
    """Return a terminal and what is drawn on it."""
    drawn = io.StringIO()
    return Console(file=drawn, force_terminal=True, width=80, legacy_windows=False, color_system=None), drawn


@pytest.mark.account(apps=3)
async def test_a_bar_is_drawn_and_taken_down(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """The bar shows what is done and how much, ends with the call, restores the cursor, and can be used again."""
    console, drawn = terminal()
    on_progress = adjust_async.progress.bar(console=console)
    for times in (1, 2):
        await adjust.kpis.deliverables(emulator.app_tokens, **DAYS, on_progress=on_progress)
        text = drawn.getvalue()
        assert any(f"{app} " in text for app in emulator.app_tokens)
        assert text.count("3/3") >= times
        assert text.count("\x1b[?25h") == text.count("\x1b[?25l") == times


async def test_a_bar_of_unknown_length_ends_with_its_block() -> None:
    """A walk has no total: the bar ends with the block, or with its last reference if there is no block."""
    console, drawn = terminal()
    with bar("[Trackers]", console=console) as on_progress:
        on_progress(5, None, "app")
        on_progress(12, None, "app")
    assert "[Trackers]" in drawn.getvalue()
    assert "12/?" in drawn.getvalue()
    assert drawn.getvalue().count("\x1b[?25h") == 1
    left = bar(console=console)
    left(1, None, "app")
    assert drawn.getvalue().count("\x1b[?25h") == 1
    del left
    gc.collect()
    assert drawn.getvalue().count("\x1b[?25h") == 2


async def test_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'adjust_async\[progress\]'"):
        bar()
