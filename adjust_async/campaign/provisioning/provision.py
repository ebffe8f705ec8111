"""`adjust.trackers.provision`: carries out one plan, and accounts for every entry even if the run ends early."""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import anyio

from adjust_async._checks import check_bool, check_seconds, check_whole_number, shown
from adjust_async._concurrency import running_loop
from adjust_async._http.session import Session
from adjust_async.campaign.partners import Partners
from adjust_async.campaign.provisioning.journaled import JournaledCreates
from adjust_async.campaign.provisioning.partner_names import find_partners
from adjust_async.campaign.provisioning.plan import Entry, read_plan
from adjust_async.campaign.provisioning.result import OnOutcome, ProvisionResult
from adjust_async.campaign.provisioning.run import Provisioning
from adjust_async.campaign.provisioning.settings import Settings
from adjust_async.campaign.provisioning.tree import PlanTree
from adjust_async.campaign.requests import TrackerRequests
from adjust_async.config import LONGEST_GRACE_TIME
from adjust_async.errors import AdjustError, ClientClosedError, ConfigurationError, replace
from adjust_async.progress import OnProgress, check_on_progress

__all__ = ["provision"]

CLOSED = "the client is closed: it was closed while a plan was provisioned"


async def provision(
    session: Session,
    requests: TrackerRequests,
    plan: object,
    *,
    app_token: str,
    dry_run: bool,
    on_failure: str,
    on_progress: OnProgress | None,
    on_outcome: OnOutcome | None,
    grace_time: float | None,
    verify: bool | None,
    page_size: int | None,
) -> ProvisionResult:
    """Carry out a plan, as `Trackers.provision` documents it."""
    __tracebackhide__ = True
    running_loop()
    grace_time = session.config.grace_time if grace_time is None else grace_time
    _check(dry_run, on_failure, grace_time, verify, page_size)
    check_on_progress(on_progress)
    _check_on_outcome(on_outcome)
    settings = Settings(
        app_token=app_token,
        dry_run=dry_run,
        keep_failures=on_failure == "keep",
        on_progress=on_progress,
        on_outcome=on_outcome,
        grace_time=float(grace_time),
        verify=verify,
        page_size=page_size,
        max_attempts=session.config.max_attempts,
        patience=session.config.api.deadline,
        workers=session.config.max_concurrency,
    )
    entries = await read_plan(plan)
    creates = JournaledCreates(requests, session.member, app_token)
    failure: BaseException | None = None
    try:
        if any(entry.spec.partner is not None for entry in entries):
            entries = await find_partners(entries, await Partners(session).list().collect())
    except (AdjustError, asyncio.CancelledError) as error:
        provisioning = await _provisioning(requests, creates, entries, settings)
        failure = _with_result(error, await _conclude(provisioning, "the partners of the plan were not found"))
        if failure is None:
            raise
    if failure is not None:
        raise failure
    provisioning = await _provisioning(requests, creates, entries, settings)
    try:
        async with contextlib.nullcontext() if dry_run else creates.locked():
            with session.span("trackers.provision", app=app_token, entries=len(entries)):
                await _run(session, provisioning, settings.grace_time)
                return await _result(session, provisioning)
    except (Exception, asyncio.CancelledError) as error:
        if error is provisioning.failure:
            raise
        failure = _with_result(error, await _conclude(provisioning, "the run ended"))
        if failure is None:
            raise
    raise failure


async def _provisioning(
    requests: TrackerRequests, creates: JournaledCreates, entries: Sequence[Entry], settings: Settings
) -> Provisioning:
    return Provisioning(requests, creates, entries, await PlanTree.of(entries), settings)


async def _conclude(provisioning: Provisioning, reason: str) -> ProvisionResult:
    """End a run, and return its result, in which every entry has an outcome.

    Raises:
        asyncio.CancelledError: The caller was cancelled meanwhile. Every entry has an outcome nevertheless.
    """
    provisioning.stop(reason)
    task = asyncio.ensure_future(provisioning.result())
    if await _wait(task, None):
        raise asyncio.CancelledError
    return task.result()


async def _result(session: Session, provisioning: Provisioning) -> ProvisionResult:
    """Return the result of a run that completed, or raise its failure."""
    result = await _conclude(provisioning, "the run ended")
    failure = provisioning.failure
    if isinstance(failure, AdjustError):
        failure.result = result  # the error has not been raised yet
    if failure is not None:
        raise failure
    if session.draining and any(outcome.not_tried for outcome in (*result.outcomes, *result.implied)):
        raise ClientClosedError(CLOSED)
    return result


def _with_result(error: BaseException, result: ProvisionResult) -> AdjustError | None:
    """Return a copy of an error of this package with the result; `None` for any other error."""
    return replace(error, result=result) if isinstance(error, AdjustError) else None


async def _run(session: Session, provisioning: Provisioning, grace_time: float) -> None:
    __tracebackhide__ = True
    # A task of its own, because it has to finish what it began if the caller is cancelled.
    task = session.spawn(provisioning.run())
    try:
        # While the client drains, running requests may end and doubts are looked up, but nothing else starts.
        with session.stopped_by_drain(partial(provisioning.stop, "the client was closed")):
            await asyncio.wait([task])
    except asyncio.CancelledError:
        await _end(task, provisioning, grace_time)
        raise
    if task.cancelled():
        provisioning.stop("the client was closed")
        raise ClientClosedError(CLOSED)
    task.result()


async def _end(task: asyncio.Task[None], provisioning: Provisioning, grace_time: float) -> None:
    """End the run soon, and settle the doubts that can be settled, however often the caller is cancelled meanwhile."""
    provisioning.stop("the provisioning was cancelled")
    if provisioning.acting:
        await _wait(task, grace_time)
        provisioning.cut_short()
        # One look-up after another grace time, plus the time that a listing takes.
        await _wait(task, 2 * grace_time + 1)
    task.cancel()
    await _wait(task, None)
    if not task.cancelled():
        task.exception()


async def _wait(task: asyncio.Future[Any], seconds: float | None) -> bool:
    """Wait for a task. Return whether the caller was cancelled meanwhile, which must end it afterwards."""
    cancelled = False
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    while not task.done() and (end is None or loop.time() < end):
        # A shield keeps anyio's cancellation out, but asyncio's can only be caught.
        with anyio.CancelScope(shield=True):
            try:
                await asyncio.wait([task], timeout=None if end is None else end - loop.time())
            except asyncio.CancelledError:
                cancelled = True
    return cancelled


def _check(dry_run: object, on_failure: object, grace_time: object, verify: object, page_size: object) -> None:
    __tracebackhide__ = True
    check_bool(dry_run, "dry_run")
    if verify is not None:
        check_bool(verify, "verify")
    if page_size is not None:
        check_whole_number(page_size, "page_size")
    if not isinstance(on_failure, str) or on_failure not in {"keep", "raise"}:
        raise ConfigurationError(f"on_failure is {shown(on_failure)}: pass 'keep' or 'raise'")
    check_seconds(grace_time, "grace_time", LONGEST_GRACE_TIME)


def _check_on_outcome(function: object) -> None:
    __tracebackhide__ = True
    if function is None:
        return
    is_async = any(map(asyncio.iscoroutinefunction, (function, getattr(function, "__call__", None))))  # noqa: B004
    if not callable(function) or is_async:
        raise ConfigurationError(f"on_outcome is {shown(function)}: pass a plain function that takes an outcome")
