"""Any sequence of plans, creates, faults, cancellations and restarts, against a model of the service."""

import asyncio
import contextlib
import html
import unicodedata
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adjust_async import AdjustError, ProvisionOutcome, ProvisionResult, Tracker, TrackerSpec
from tests.campaign.provisioning.service import APP, Service, client_of
from tests.clock import JumpingClockLoop
from tests.provisioning_plans import THERE, with_parents

T = TypeVar("T")

#: Late work and the lag of lists together end within it.
GRACE = 5.0

FORMS: dict[str, Callable[[str], str]] = {
    "given": str,
    "nfd": lambda name: unicodedata.normalize("NFD", name),
    "upper": str.upper,
    "single spaces": lambda name: " ".join(name.split()),
    "html, lower": lambda name: html.escape(name).lower(),
}
LABELS = st.sampled_from(["Été & Co", "x  y", "Z", "1", "11"])
PATHS = st.lists(LABELS, min_size=1, max_size=2).map("::".join)
PLANS = st.lists(PATHS, min_size=1, max_size=8)


class Provisioning(RuleBasedStateMachine):
    """One service, successive clients, and the trackers that they were asked for."""

    @initialize(
        form=st.sampled_from(sorted(FORMS)),
        taken=st.sampled_from([None, None, None, None, None, None, 200, 400, 409, 422]),
        lag=st.sampled_from([0.0, 1.5]),
        late=st.sampled_from([0.5, 3.0]),
        page_size=st.sampled_from([2, 50]),
        seed=st.integers(0, 10_000),
        stale=st.booleans(),
    )
    def begin(
        self, form: str, taken: int | None, lag: float, late: float, page_size: int, seed: int, stale: bool
    ) -> None:
        """Start the service and the first client."""
        self.loop = JumpingClockLoop()
        asyncio.set_event_loop(self.loop)
        self.service = Service(
            form=FORMS[form], taken=taken, lag=lag, late=late, page_size=page_size, seed=seed, stale=stale
        )
        self.wanted: set[str] = set()
        self.open_client()

    def open_client(self) -> None:
        """Open a client."""
        self.adjust = client_of(self.service)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end within the time, and leave no permit, call or task behind."""
        result = self.loop.run_until_complete(asyncio.wait_for(work, 100_000))
        session = self.adjust._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
        return result

    @rule(rate=st.sampled_from([0.0, 0.2, 0.6]))
    def change_faults(self, rate: float) -> None:
        """Let more or fewer requests fail."""
        self.service.rate = rate

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 700.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.run(asyncio.sleep(seconds))

    @rule(plan=PLANS, partner=st.sampled_from([None, 5, 7]), verify=st.sampled_from([None, True]))
    def provision(self, plan: list[str], partner: int | None, verify: bool | None) -> None:
        """Provision to the end: every entry exists once, and was created if it did not exist before."""
        before = self.names()
        specs = [TrackerSpec(path, partner_id=partner) for path in plan]
        self.wanted |= with_parents(plan)
        result = self.run(self.adjust.trackers.provision(APP, specs, grace_time=GRACE, verify=verify))
        self.check_result(result, before)
        assert result.counts["failed"] == 0, result.failed
        assert result.duplicates == ()
        tokens = self.service.tokens()
        for path in with_parents(plan):
            assert len(tokens[self.service.kept(path)]) == 1
        if partner is not None:
            set_up = {row.token for row in self.service.rows.values() if row.partner_id == partner}
            assert {outcome.tracker.token for outcome in result.outcomes if outcome.tracker is not None} <= set_up

    @rule(plan=PLANS, after=st.floats(0.01, 8.0))
    def provision_cancelled(self, plan: list[str], after: float) -> None:
        """Cancel a run at any time: every entry is reported once, and correctly."""
        before = self.names()
        self.wanted |= with_parents(plan)
        told: list[ProvisionOutcome] = []

        async def cancelled() -> None:
            call = self.adjust.trackers.provision(APP, plan, grace_time=GRACE, on_outcome=told.append)
            task = asyncio.ensure_future(call)
            await asyncio.sleep(after)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

        self.run(cancelled())
        assert sorted(outcome.path for outcome in told) == sorted(plan)
        self.check_outcomes(told, before)

    @rule(path=PATHS, others=PLANS, together=st.booleans())
    def create(self, path: str, others: list[str], together: bool) -> None:
        """Create a missing tracker with `create`, perhaps while a plan needs it at the same moment."""
        if self.service.kept(path) in self.names() or self.service.pending:
            return
        above, _, label = path.rpartition("::")
        parent = self.tracker_of(above)
        if above and parent is None:
            return
        self.wanted.add(path)
        create = self.adjust.trackers.create(APP, label, parent_token=parent)
        plan = [path, f"{path}::Z"] if path.count("::") < 3 else [path]
        if together:
            self.wanted |= with_parents([*plan, *others])

        async def both() -> None:
            work: list[Any] = [create]
            if together:
                task = asyncio.ensure_future(create)
                await asyncio.sleep(0)
                work = [task, self.adjust.trackers.provision(APP, [*plan, *others], grace_time=GRACE)]
            for outcome in await asyncio.gather(*work, return_exceptions=True):
                if isinstance(outcome, Tracker):
                    assert self.service.tokens()[self.service.kept(path)] == [outcome.token]
                elif isinstance(outcome, ProvisionResult):
                    assert outcome.counts["failed"] == 0
                else:
                    assert isinstance(outcome, AdjustError), outcome

        self.run(both())

    @rule(path=PATHS, after=st.floats(0.0, 0.6))
    def create_cancelled(self, path: str, after: float) -> None:
        """Cancel a create at any time."""
        above, _, label = path.rpartition("::")
        parent = self.tracker_of(above)
        if self.service.kept(path) in self.names() or self.service.pending or (above and parent is None):
            return
        self.wanted.add(path)

        async def cancelled() -> None:
            task = asyncio.ensure_future(self.adjust.trackers.create(APP, label, parent_token=parent))
            await asyncio.sleep(after)
            task.cancel()
            await asyncio.wait([task])

        self.run(cancelled())

    @rule(path=PATHS)
    def find(self, path: str) -> None:
        """Find exactly the existing trackers, and the outcome of a create in doubt."""

        async def find() -> Tracker | None:
            for _ in range(100):  # the patience that a list of its own has not
                with contextlib.suppress(AdjustError):
                    return await self.adjust.trackers.find(APP, path)
            raise AssertionError("it is never found")

        before = self.names()
        found = self.run(find())
        tokens = self.service.tokens().get(self.service.kept(path))
        if found is not None:
            assert tokens == [found.token]
        else:
            # What another client left in doubt may have appeared meanwhile.
            assert self.service.kept(path) not in before or self.lists_lag

    @rule(empty=st.booleans())
    def restart(self, empty: bool) -> None:
        """Close the client, and open another one once the service is at rest, perhaps with an account of its own."""
        self.run(self.adjust.aclose())
        self.run(self.service.settle())
        if empty:
            self.service.rows.clear()
            self.wanted.clear()
        self.open_client()

    @invariant()
    def nothing_is_there_twice(self) -> None:
        """No name exists twice, and every tracker was asked for."""
        if hasattr(self, "service"):
            assert self.service.twice() == {}
            assert self.names() <= {self.service.kept(path) for path in self.wanted}

    def teardown(self) -> None:
        """Close the client, and let late work end."""
        if hasattr(self, "service"):
            self.run(self.adjust.aclose())
            self.run(self.service.settle())
            self.nothing_is_there_twice()
            self.loop.close()
            asyncio.set_event_loop(None)

    @property
    def lists_lag(self) -> bool:
        """Whether lists do not show everything yet."""
        return any(row.listed_from > self.loop.time() - 1 for row in self.service.rows.values())

    def names(self) -> set[str]:
        """Return the existing names."""
        return set(self.service.tokens())

    def tracker_of(self, path: str) -> str | None:
        """Return the token of an existing path."""
        return next(iter(self.service.tokens().get(self.service.kept(path), ())), None) if path else None

    def check_result(self, result: ProvisionResult, before: set[str]) -> None:
        """Compare a result with the service."""
        self.check_outcomes([*result.outcomes, *result.implied], before)

    def check_outcomes(self, outcomes: list[ProvisionOutcome], before: set[str]) -> None:
        """Compare outcomes with the service, and with the trackers that existed before the run."""
        tokens, seen = self.service.tokens(), set()
        for outcome in outcomes:
            kept = self.service.kept(outcome.path)
            if outcome.status in THERE:
                assert outcome.tracker is not None
                assert tokens[kept] == [outcome.tracker.token]
                if outcome.status == "created":
                    assert kept not in before
                    assert kept not in seen
                seen.add(kept)
            elif not outcome.in_doubt and outcome.tracker is None:
                assert kept not in tokens or kept in before, outcome


TestProvisioning = Provisioning.TestCase
TestProvisioning.settings = settings(
    max_examples=60, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
