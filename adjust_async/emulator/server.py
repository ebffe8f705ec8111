"""The emulator's face: starts, stops, and shows what happened."""

import asyncio
import contextlib
import math
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from adjust_async.emulator.account.catalog import PARTNERS
from adjust_async.emulator.account.dashboard import Dashboard
from adjust_async.emulator.account.seeding import seed_store
from adjust_async.emulator.account.store import IN_MEMORY, Store
from adjust_async.emulator.campaign.api import CampaignAPI
from adjust_async.emulator.campaign.paging import MAX_LIMIT
from adjust_async.emulator.campaign.rules import CampaignRules, Names
from adjust_async.emulator.facts import Facts
from adjust_async.emulator.faults.app_states import AppState, AppStates
from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.faults.faults import Faults
from adjust_async.emulator.faults.kinds import Fault
from adjust_async.emulator.faults.misbehaviour import LateWork
from adjust_async.emulator.http.application import Application
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.gate import LeakyBucket, ReportGate
from adjust_async.emulator.http.listener import LOOPBACK, Listener, bind
from adjust_async.emulator.http.routing import RouteTable
from adjust_async.emulator.http.stats import Stats
from adjust_async.emulator.kpis import KPIService
from adjust_async.emulator.reports import ReportService

_HIGHEST_PORT = 65535


class Emulator:
    """Adjust's Campaign API, KPI Service and Report Service on 127.0.0.1, in the event loop that enters it.

    ```python
    async with Emulator(faults=0.2) as emulator, httpx.AsyncClient(base_url=emulator.url) as client:
        await client.get("/public/v1/partners", headers={"Authorization": f"Bearer {emulator.token}"})
        assert emulator.stats.requests["GET /public/v1/partners"] == 1
    ```

    `port` 0 picks a free one. `database` is a file that keeps the account over restarts, ":memory:" (the
    default) forgets it at the end. `seed`, `apps` (at least 1), `trackers_per_app` (exactly so many in each)
    and `partners` shape a new account; a file that has one keeps it. `token` sets the API token, else it
    comes from the file or the seed. `latency` is waited before each answer, in seconds. `page_size` is the
    `limit` where a request has none (default 50, at most 1000). `faults` takes `Faults`, a rate from 0 to 1
    over all recoverable faults, or a list as a script.

    `duplicate_names="allow"` creates a second tracker of the same name under the same parent; by default it is refused.
    `taken` is the status of that refusal: 400 (the default), 409, 422, or 200, which answers with the tracker that is
    there. `names` is the form in which names of new trackers are kept, answered and listed: "given" (the default),
    "nfc" (composed Unicode), "lower" (lower case), "trimmed" (without spaces around), or a function from the given
    label to the kept one. `list_lag` is how many seconds lists are behind every write.

    `facts_per_day` is how many facts each app has on a day; like the options of the account it shapes a new one.
    `today` is the day on which reports end that name no dates, by default the real one (UTC). `app_states` are
    apps that KPI and report requests find "gone" (410), "forbidden" (403), "broken" (500) or "slow" (no answer), by
    token. `csv_byte_order_mark` puts one before every CSV.

    `report_concurrency` is how many requests the Report Service takes at once, `report_rate` how many a second and
    `report_burst` how many of them may come together; what is more is refused with 429. None switches a limit off.

    It may be entered again after it was left. Raises `ValueError` for an option that makes no sense, and on
    entering `OSError` for a port in use, `ValueError` or `sqlite3.Error` for a file that is no database of an
    emulator.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        database: str | Path = IN_MEMORY,
        seed: int = 1,
        token: str | None = None,
        apps: int = 5,
        trackers_per_app: int = 400,
        partners: int = 120,
        latency: float = 0.0,
        page_size: int = 50,
        faults: Faults | float | Sequence[Fault | str | None] | None = None,
        duplicate_names: Literal["refuse", "allow"] = "refuse",
        taken: Literal[400, 409, 422, 200] = 400,
        names: Names = "given",
        list_lag: float = 0.0,
        facts_per_day: int = 40,
        today: date | None = None,
        app_states: Mapping[str, AppState | str] | None = None,
        csv_byte_order_mark: bool = False,
        report_concurrency: int | None = 50,
        report_rate: float | None = 50.0,
        report_burst: int | None = 100,
    ) -> None:
        _check_range("port", port, 0, _HIGHEST_PORT)
        _check_range("apps", apps, 1)
        _check_range("trackers_per_app", trackers_per_app, 0)
        _check_range("partners", partners, 1, len(PARTNERS))
        _check_range("page_size", page_size, 1, MAX_LIMIT)
        _check_range("latency", latency, 0)
        _check_range("facts_per_day", facts_per_day, 0)
        _check_range("report_concurrency", 1 if report_concurrency is None else report_concurrency, 1)
        _check_range("report_rate", 1 if report_rate is None else report_rate, 0)
        _check_range("report_burst", 1 if report_burst is None else report_burst, 1)
        if token is not None and (not token or not token.isascii() or any(character in ' "' for character in token)):
            raise ValueError("token is not empty, and of ASCII characters without spaces and quotes.")
        self.stats = Stats()
        self._port = port
        self._database = database
        self._account = {
            "seed": seed,
            "apps": apps,
            "trackers_per_app": trackers_per_app,
            "partners": partners,
        }
        self._token = token
        self._rules = CampaignRules(page_size, duplicate_names, taken, names, list_lag)
        self._facts_per_day = facts_per_day
        self._report_concurrency = report_concurrency
        self._report_rate = report_rate
        self._report_burst = report_burst
        self._conditions = Conditions(
            latency, Faults.of(faults), AppStates.of(app_states or {}), today, csv_byte_order_mark
        )
        self._running: _Running | None = None

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise RuntimeError("The emulator is running already; make another one for a second port.")
        with contextlib.ExitStack() as stack:
            store = stack.enter_context(contextlib.closing(Store(self._database)))
            bound = stack.enter_context(bind(self._port))
            running = self._assemble(store, bound.getsockname()[1])
            await running.listener.start(bound)
            stack.pop_all()
        self._running = running
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        running, self._running = self._live, None
        try:
            await running.listener.stop()
        finally:
            running.store.close()

    async def restart(self, pause: float = 0.1) -> None:
        """Go down in the middle of everything as if killed, and come back on the same port after `pause` seconds.

        Every connection is aborted, and new ones are refused meanwhile. What was committed stays, and is read anew
        where it is in a file; what was not is lost: requests under way, and the late work of `drop-late`. Lists have
        caught up with what was unlisted. Raises what entering raises, and `RuntimeError` while it is not running.
        """
        _check_range("pause", pause, 0)
        down = self._live
        down.late_work.lose()
        await down.listener.stop()
        if self._running is not down:
            return
        with contextlib.ExitStack() as stack:
            # Bound but not listening, the port refuses every connection, and nobody else can take it.
            bound = stack.enter_context(bind(down.port))
            down.store.reopen()
            running = self._running = self._assemble(down.store, down.port)
            await asyncio.sleep(pause)
            if self._running is running:
                stack.pop_all()
                await running.listener.start(bound)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; the APIs are below `/public`, `/kpis`, `/reports-service`."""
        return f"http://{LOOPBACK}:{self._live.port}"

    @property
    def token(self) -> str:
        """The API token that it accepts."""
        return self.store.setting("token")

    @property
    def app_tokens(self) -> list[str]:
        """The tokens of the account's apps, 12 characters each."""
        return [app.token for app in self.store.apps()]

    @property
    def store(self) -> Store:
        """The account as it is now. Raises `RuntimeError` while the emulator is not running, as `url` does."""
        return self._live.store

    @property
    def facts(self) -> Facts:
        """The figures behind the reports. Raises `RuntimeError` while the emulator is not running."""
        return self._live.facts

    @property
    def app_states(self) -> AppStates:
        """The apps that are not well, by token; `emulator.app_states[token] = "gone"` holds from the next request."""
        return self._conditions.app_states

    @property
    def today(self) -> date:
        """The day on which it believes to be; set None for the real one."""
        return self._conditions.today

    @today.setter
    def today(self, today: date | None) -> None:
        self._conditions.fixed_today = today

    @property
    def latency(self) -> float:
        """Seconds before each answer; a change holds for the requests that arrive after it."""
        return self._conditions.latency

    @latency.setter
    def latency(self, latency: float) -> None:
        _check_range("latency", latency, 0)
        self._conditions.latency = latency

    @property
    def faults(self) -> Faults | None:
        """What goes wrong, set as the option is; a change holds for the requests that arrive after it."""
        return self._conditions.faults

    @faults.setter
    def faults(self, faults: Faults | float | Sequence[Fault | str | None] | None) -> None:
        self._conditions.faults = Faults.of(faults)

    def run(self, started: Callable[["Emulator"], None] | None = None) -> None:
        """Serve until SIGINT or SIGTERM, calling `started` once it listens; for programs that do nothing else.

        Raises what entering raises.
        """
        asyncio.run(self._run(started))

    async def _run(self, started: Callable[["Emulator"], None] | None) -> None:
        interrupted = asyncio.Event()
        loop = asyncio.get_running_loop()

        def interrupt(*_: object) -> None:
            loop.call_soon_threadsafe(interrupted.set)

        # Not loop.add_signal_handler, which Windows does not have.
        handlers = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            async with self:
                if started is not None:
                    started(self)
                await interrupted.wait()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _assemble(self, store: Store, port: int) -> "_Running":
        if store.is_new:
            seed_store(store, **self._account)
        if self._token is not None:
            store.save_setting("token", self._token)
        authenticator = Authenticator(store.setting("token"))
        campaign = CampaignAPI(store, authenticator, self._rules)
        facts = Facts(store, self._facts_per_day)
        kpis = KPIService(facts, authenticator, self._conditions)
        reports = ReportService(facts, authenticator, self._conditions)
        routes = RouteTable([
            *campaign.routes(), *kpis.routes(), *reports.routes(), *Dashboard(facts, authenticator).routes()
        ])  # fmt: skip
        application = Application(routes, self._conditions, self.stats)
        bucket = LeakyBucket.of(self._report_rate, self._report_burst)
        gate = ReportGate(application, routes, self.stats, concurrency=self._report_concurrency, bucket=bucket)
        listener = Listener(gate, self.stats, application.late_work.finish)
        return _Running(store, facts, application.late_work, listener, port)

    @property
    def _live(self) -> "_Running":
        if self._running is None:
            raise RuntimeError("The emulator is not running; use it as `async with Emulator() as emulator`.")
        return self._running


@dataclass(frozen=True, slots=True)
class _Running:
    store: Store
    facts: Facts
    late_work: LateWork
    listener: Listener
    port: int


def _check_range(name: str, value: float, lowest: float, highest: float = math.inf) -> None:
    if not lowest <= value <= highest:
        bounds = f"at least {lowest}" if highest == math.inf else f"from {lowest} to {highest}"
        raise ValueError(f"{name} must be {bounds}, not {value!r}.")
