"""`adjust.trackers.provision`: one plan made true, and everything accounted for, also where it ends early."""

import asyncio
import contextlib
import math

import anyio

from adjust_async._checks import check_bool, shown
from adjust_async._http.session import Session
from adjust_async.campaign.partners import Partners
from adjust_async.campaign.provisioning.plan import find_partners, read_plan
from adjust_async.campaign.provisioning.result import OnProgress, ProvisionResult
from adjust_async.campaign.provisioning.run import Calls, Provisioning, Settings
from adjust_async.errors import ClientClosedError, ConfigurationError

__all__ = ["Calls", "provision"]

LONGEST_GRACE_TIME = 600.0


async def provision(
    session: Session,
    calls: Calls,
    plan: object,
    *,
    app_token: str,
    dry_run: bool,
    on_failure: str,
    on_progress: OnProgress | None,
    grace_time: float,
    lock: asyncio.Lock,
) -> ProvisionResult:
    """Make a plan true, as `Trackers.provision` documents it."""
    _check(dry_run, on_failure, on_progress, grace_time)
    settings = Settings(
        app_token=app_token,
        dry_run=dry_run,
        keep_failures=on_failure == "keep",
        on_progress=on_progress,
        grace_time=float(grace_time),
        max_attempts=session.config.max_attempts,
        patience=session.config.api.deadline,
        workers=session.config.max_concurrency,
    )
    entries = await read_plan(plan)
    provisioning = Provisioning(calls, entries, settings)
    try:
        if any(entry.spec.partner is not None for entry in entries):
            found = find_partners(entries, await Partners(session).list().collect())
            provisioning = Provisioning(calls, found, settings)
        async with lock:
            await _run(session, provisioning)
    except (Exception, asyncio.CancelledError) as error:
        error.result = provisioning.result()  # type: ignore[union-attr] # where the caller finds it, on any exception
        raise
    return provisioning.result()


async def _run(session: Session, provisioning: Provisioning) -> None:
    # A task of its own, which a cancellation of the caller does not reach: it has to end what it has begun.
    task = session.spawn(provisioning.run())
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await _end(task, provisioning)
        raise
    if task.cancelled():
        provisioning.stop("the client was closed")
        raise ClientClosedError("the client is closed: it was closed while a plan was provisioned")
    task.result()


async def _end(task: asyncio.Task[None], provisioning: Provisioning) -> None:
    """End soon, and leave nothing in doubt that can be found out, however often the caller is cancelled meanwhile."""
    provisioning.stop("the provisioning was cancelled")
    if provisioning.acting:
        await _wait(task, provisioning.grace_time)
        provisioning.cut_short()
        # One look after another time of grace, and the time that a list takes.
        await _wait(task, 2 * provisioning.grace_time + 1)
    task.cancel()
    await _wait(task, None)
    if not task.cancelled():
        task.exception()


async def _wait(task: asyncio.Task[None], seconds: float | None) -> None:
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    while not task.done() and (end is None or loop.time() < end):
        # anyio's scopes are shielded from by one of their own; another `cancel()` of asyncio can only be caught, and is
        # answered by the one that is under way already.
        with anyio.CancelScope(shield=True), contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=None if end is None else end - loop.time())


def _check(dry_run: object, on_failure: object, on_progress: object, grace_time: object) -> None:
    check_bool(dry_run, "dry_run")
    if not isinstance(on_failure, str) or on_failure not in {"keep", "raise"}:
        raise ConfigurationError(f"on_failure is {shown(on_failure)}: give 'keep' or 'raise'")
    is_async = any(map(asyncio.iscoroutinefunction, (on_progress, getattr(on_progress, "__call__", None))))  # noqa: B004
    if on_progress is not None and (not callable(on_progress) or is_async):
        raise ConfigurationError(
            f"on_progress is {shown(on_progress)}: give a plain function of done, total and outcome"
        )
    number = grace_time if isinstance(grace_time, (int, float)) and not isinstance(grace_time, bool) else math.nan
    if not 0 <= number <= LONGEST_GRACE_TIME:
        raise ConfigurationError(f"grace_time is {shown(grace_time)}: give seconds from 0 to {LONGEST_GRACE_TIME:g}")
