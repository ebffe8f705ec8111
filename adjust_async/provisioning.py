"""`adjust.trackers.provision`: one plan made true, and everything accounted for, also where it ends early."""

import asyncio
import math

import anyio

from adjust_async._arguments import boolean, shown
from adjust_async._provisioning import Calls, Provisioning, Settings
from adjust_async._session import Session
from adjust_async.errors import AdjustError, ClientClosedError, ConfigurationError
from adjust_async.partners import Partners
from adjust_async.plans import Entry, find_partners, read_plan
from adjust_async.provision_result import OnProgress, ProvisionResult

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
    entries = await _with_partners(session, await read_plan(plan))
    settings = Settings(
        app_token=app_token,
        dry_run=dry_run,
        keep_failures=on_failure == "keep",
        on_progress=on_progress,
        grace_time=float(grace_time),
        max_attempts=session.config.max_attempts,
        patience=session.config.deadline,
        workers=session.config.max_concurrency,
    )
    async with lock:
        return await _run(session, Provisioning(calls, entries, settings))


async def _with_partners(session: Session, entries: list[Entry]) -> list[Entry]:
    if all(entry.spec.partner is None for entry in entries):
        return entries
    return find_partners(entries, await Partners(session).list().collect())


async def _run(session: Session, provisioning: Provisioning) -> ProvisionResult:
    # A task of its own, which a cancellation of the caller does not reach: it has to end what it has begun.
    task = session.spawn(provisioning.run())
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError as cancelled:
        await _end(task, provisioning)
        cancelled.result = provisioning.result()  # type: ignore[attr-defined] # where the caller finds it
        raise
    if task.cancelled():
        closed = ClientClosedError("the client is closed: it was closed while a plan was provisioned")
        closed.result = provisioning.result()
        raise closed
    error = task.exception()
    if error is None:
        return provisioning.result()
    if isinstance(error, AdjustError):
        error.result = provisioning.result()
    raise error


async def _end(task: asyncio.Task[None], provisioning: Provisioning) -> None:
    """End soon, and leave nothing in doubt that can be found out."""
    if not provisioning.acting:
        task.cancel()
    provisioning.stop("the provisioning was cancelled")
    grace_time = provisioning.grace_time
    try:
        with anyio.CancelScope(shield=True):
            _, under_way = await asyncio.wait([task], timeout=grace_time)
            if under_way:
                provisioning.cut_short()
                # One look after another time of grace, and the time that a list takes.
                await asyncio.wait([task], timeout=2 * grace_time + 1)
    finally:
        task.cancel()
    if task.done() and not task.cancelled():
        task.exception()


def _check(dry_run: object, on_failure: object, on_progress: object, grace_time: object) -> None:
    boolean(dry_run, "dry_run")
    if not isinstance(on_failure, str) or on_failure not in {"keep", "raise"}:
        raise ConfigurationError(f"on_failure is {shown(on_failure)}: give 'keep' or 'raise'")
    if on_progress is not None and (not callable(on_progress) or asyncio.iscoroutinefunction(on_progress)):
        raise ConfigurationError(
            f"on_progress is {shown(on_progress)}: give a plain function of done, total and outcome"
        )
    number = grace_time if isinstance(grace_time, (int, float)) and not isinstance(grace_time, bool) else math.nan
    if not 0 <= number <= LONGEST_GRACE_TIME:
        raise ConfigurationError(f"grace_time is {shown(grace_time)}: give seconds from 0 to {LONGEST_GRACE_TIME:g}")
