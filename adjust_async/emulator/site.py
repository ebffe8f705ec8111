"""All services of one account, from the outermost layer down to the database."""

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from adjust_async.emulator.account.options import AccountOptions, check_range
from adjust_async.emulator.account.seeding import seed_store
from adjust_async.emulator.account.store import Store
from adjust_async.emulator.application import Application
from adjust_async.emulator.campaign.api import CampaignAPI
from adjust_async.emulator.campaign.rules import CampaignRules
from adjust_async.emulator.control.api import ControlAPI
from adjust_async.emulator.dashboard import Dashboard
from adjust_async.emulator.facts import Facts
from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.faults.misbehaviour import LateWork
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.front import Front
from adjust_async.emulator.http.gate import Gate, LeakyBucket
from adjust_async.emulator.http.origins import Origins
from adjust_async.emulator.http.received import Recorder
from adjust_async.emulator.http.routing import RouteTable
from adjust_async.emulator.http.stats import Stats
from adjust_async.emulator.kpis import KPIService
from adjust_async.emulator.reports import ReportService
from adjust_async.emulator.reports.options import ReportOptions


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the two hosts; None switches one off. Raises `ValueError` for a value that is too low."""

    concurrency: int | None = None
    report_concurrency: int | None = 50
    report_rate: float | None = 50.0
    report_burst: int | None = 100

    def __post_init__(self) -> None:
        check_range("concurrency", 1 if self.concurrency is None else self.concurrency, 1)
        check_range("report_concurrency", 1 if self.report_concurrency is None else self.report_concurrency, 1)
        check_range("report_rate", 1 if self.report_rate is None else self.report_rate, 0)
        check_range("report_burst", 1 if self.report_burst is None else self.report_burst, 1)


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """The options of a site."""

    account: AccountOptions
    rules: CampaignRules
    reports: ReportOptions
    limits: Limits
    hosts: tuple[str, ...]
    token: str | None


class Site:
    """The ASGI application of the whole emulator. It seeds the account if the store is empty."""

    def __init__(
        self, store: Store, options: SiteOptions, conditions: Conditions, stats: Stats, recorder: Recorder
    ) -> None:
        self.store = store
        self.conditions = conditions
        self.stats = stats
        self.recorder = recorder
        self.late_work = LateWork()
        self._options = options
        self._app, self.facts = self._assemble()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    def reset(self) -> None:
        """Start over: the account as generated, no requests, no statistics, and the initial conditions.

        The API token stays. Running requests are answered from the new account.
        """
        self.late_work.drop()
        with self.store.lock:
            self.store.clear()
            self._app, self.facts = self._assemble()
        self.conditions.reset()
        self.stats.reset()
        self.recorder.clear()

    def _assemble(self) -> tuple[ASGIApp, Facts]:
        store, options, stats, conditions = self.store, self._options, self.stats, self.conditions
        if not store.is_seeded:
            seed_store(store, options.account)
        if options.token is not None:
            store.save_setting("token", options.token)
        authenticator = Authenticator(store.setting("token"))
        facts = Facts(store, options.account.facts_of_each_day)
        routes = RouteTable(
            [
                *CampaignAPI(store, authenticator, options.rules).routes(),
                *KPIService(facts, authenticator, conditions).routes(),
                *ReportService(facts, authenticator, conditions, options.reports).routes(),
                *Dashboard(facts, authenticator).routes(),
            ]
        )
        application = Application(routes, conditions, stats, self.late_work)
        limits = options.limits
        front = Front(
            Origins(options.hosts),
            self.recorder,
            stats,
            control=ControlAPI(self, authenticator),
            campaign=Gate(application, routes, stats, stats.campaign, concurrency=limits.concurrency, bucket=None),
            reports=Gate(
                application,
                routes,
                stats,
                stats.reports,
                concurrency=limits.report_concurrency,
                bucket=LeakyBucket.of(limits.report_rate, limits.report_burst),
            ),
        )
        return front, facts
