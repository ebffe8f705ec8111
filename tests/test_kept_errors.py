"""What errors and results keep alive: text, and nothing of the requests, answers and frames behind them."""

import asyncio
import gc
import tracemalloc
from typing import Any

import httpx
import pytest

from adjust_async import AdjustError, BadRequestError
from tests.script import client

pytestmark = pytest.mark.anyio

BODY = b'{"error": {"message": "refused", "more": "%b"}}' % (b"y" * 60_000)


async def answer(request: httpx.Request) -> httpx.Response:
    """Refuse everything but lists, and the report of one app."""
    if request.url.params.get("app_token__in") == "good":
        return httpx.Response(200, json={"rows": []})
    is_list = request.method == "GET" and request.url.path.endswith("/trackers")
    return httpx.Response(200, json={"data": {"items": []}}) if is_list else httpx.Response(400, content=BODY)


def measured() -> int:
    """Return the bytes in use, without garbage."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.slow
async def test_an_error_that_is_kept_is_its_words() -> None:
    """A caller that keeps the errors of many creates keeps their bodies, and no second copy in a frame."""
    async with client(answer, max_attempts=1) as (adjust, _):
        tracemalloc.start()
        try:
            before = measured()
            creates = (adjust.trackers.create("app", f"Name {number}") for number in range(200))
            errors = await asyncio.gather(*creates, return_exceptions=True)
            kept = measured() - before
        finally:
            tracemalloc.stop()
    assert {type(error) for error in errors} == {BadRequestError}
    assert kept < 1.5 * 200 * len(BODY)


async def test_a_failed_call_leaves_no_cycle() -> None:
    """The error of a call is freed with its last reference, without the garbage collector."""
    async with client(answer, max_attempts=1) as (adjust, _):

        async def fail() -> None:
            with pytest.raises(BadRequestError):
                await adjust.trackers.create("app", "Name")

        await fail()
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(20):
                await fail()
            kept = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
            gc.enable()
    assert kept < 20 * len(BODY)


@pytest.mark.parametrize("failing", [3, pytest.param(150, marks=pytest.mark.slow)])
async def test_results_keep_bounded_failures(failing: int) -> None:
    """Failures in results have no traceback, and beyond a number of them only the beginning of the answer."""
    apps = [f"app{number}" for number in range(failing)]
    question: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}
    async with client(answer, max_attempts=1, reports_max_rate=None) as (adjust, _):
        tracemalloc.start()
        try:
            before = measured()
            report = await adjust.reports.fetch(**question, app_tokens=[*apps, "good"], on_failure="keep")
            result = await adjust.trackers.provision("app", apps)
            kept = measured() - before
        finally:
            tracemalloc.stop()
    for failures in ([*report.failures.values()], [outcome.error for outcome in result.failed]):
        assert len(failures) == failing
        for error in failures:
            assert isinstance(error, AdjustError)
            assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)
            assert "refused" in str(error)
    assert kept < 2 * min(failing, 30) * 1.1 * len(BODY) + failing * 20_000 + 4_000_000
