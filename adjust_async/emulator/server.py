"""`Emulator`, the public class: starts and stops the server, and gives access to its state."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, Unpack

from adjust_async.emulator.account.options import AccountOptions, EmulatedApp, check_range
from adjust_async.emulator.account.store import IN_MEMORY, Store
from adjust_async.emulator.campaign.paging import MAX_LIMIT
from adjust_async.emulator.campaign.rules import CampaignRules, Names
from adjust_async.emulator.facts import Facts
from adjust_async.emulator.facts.figures import Figures, read_day
from adjust_async.emulator.faults.app_states import AppState, AppStates
from adjust_async.emulator.faults.conditions import Conditions
from adjust_async.emulator.faults.faults import Faults
from adjust_async.emulator.faults.kinds import Fault
from adjust_async.emulator.http.listener import ALL_ADDRESSES, LOOPBACK, Listener, bind
from adjust_async.emulator.http.received import ReceivedRequests, Recorder
from adjust_async.emulator.http.stats import Stats
from adjust_async.emulator.reports.options import ReportOptions
from adjust_async.emulator.site import Limits, Site, SiteOptions
from adjust_async.emulator.thread import LoopThread

_HIGHEST_PORT = 65535


class Emulator:
    """Adjust's Campaign API, KPI Service and Report Service on a loopback port.

    `async with` serves in the current event loop; `with` serves in a thread, for blocking code. Every property and
    method may be used from any thread.

    ```python
    with Emulator(apps=[EmulatedApp("yxs12pfewq", "My Game")]) as emulator:
        subprocess.run(["rollout", "--api", emulator.url, "--token", emulator.token], check=True)
        assert len(emulator.requests.to("POST", "/trackers")) == 2
    ```

    **The account.** `database` is a file that keeps the account over restarts; ":memory:" (the default) discards it at
    the end. The other options apply only to a new account. `seed` determines everything that is generated. `apps` is a
    number of apps (default 5), or a list of `EmulatedApp`. `trackers` maps app tokens to full tracker names, as in
    `{"yxs12pfewq": ["AppLovin::DE::Spring"]}`; their parents are created too. Every other app has `trackers_per_app`
    generated trackers (default 400, or 0 if `apps` is a list). `partners` is the number of partners. `facts_per_day` is
    the number of facts generated for each app and day (default 40, or 0 if `apps` is a list); all figures are made of
    them. `token` is the API token; by default the file's, or a random one.

    **The network.** `port` 0 picks a free port. `host` is the address to bind, by default 127.0.0.1. Requests with a
    foreign `Host` or `Origin` get 403, so that no web page can write; `hosts` adds names to loopback and the bound
    address, such as a container's. `latency` is the wait before each answer, in seconds.

    **Pages and names.** `page_size` is the default `limit` (default 50, at most 1000). `duplicate_names="allow"` lets
    two trackers of the same parent have the same name; by default the second is refused. `taken` is the status of that
    refusal: 400 (the default), 409, 422, or 200, which answers with the existing tracker. `names` is the form in which
    names of new trackers are stored and returned: "given" (the default, unchanged), "nfc" (composed Unicode), "lower"
    (lower case), "trimmed" (without surrounding spaces), or a function from the requested label to the stored one.
    `list_lag` is the number of seconds by which lists lag behind writes.

    **Faults and limits.** `faults` is a `Faults`, a rate from 0 to 1 over all recoverable faults, or a list as a
    script. `app_states` maps app tokens to states in which requests for figures fail: "gone" (410), "forbidden" (403),
    "broken" (500) or "slow" (no answer). The host of the Campaign API and the KPI Service answers 429 to more than
    `concurrency` requests at once (default: no limit; Adjust's is 50). The Report Service's host does so for more than
    `report_concurrency` (50) at once, `report_rate` requests a second (50), and `report_burst` at once (100). None
    switches a limit off.

    **Figures.** `today` is the day on which reports without dates end, by default the real day in UTC.
    `csv_byte_order_mark` puts a byte order mark before every CSV. `reports` takes `ReportOptions`, for variants of the
    Report Service's answers that some callers have seen.

    The last `keep_requests` requests (default 1000) are kept in `requests`.

    An emulator can be entered again after it was left. Raises `ValueError` for an invalid option. Entering raises
    `OSError` for a port in use, and `ValueError` or `sqlite3.Error` for a file that is not an emulator's database.
    """

    def __init__(
        self,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        hosts: Sequence[str] = (),
        database: str | Path = IN_MEMORY,
        seed: int = 1,
        token: str | None = None,
        apps: int | Sequence[EmulatedApp] = 5,
        trackers: Mapping[str, Sequence[str]] | None = None,
        trackers_per_app: int | None = None,
        partners: int = 120,
        latency: float = 0.0,
        page_size: int = 50,
        faults: Faults | float | Sequence[Fault | str | None] | None = None,
        duplicate_names: Literal["refuse", "allow"] = "refuse",
        taken: Literal[400, 409, 422, 200] = 400,
        names: Names = "given",
        list_lag: float = 0.0,
        facts_per_day: int | None = None,
        today: date | None = None,
        app_states: Mapping[str, AppState | str] | None = None,
        csv_byte_order_mark: bool = False,
        reports: ReportOptions | None = None,
        concurrency: int | None = None,
        report_concurrency: int | None = 50,
        report_rate: float | None = 50.0,
        report_burst: int | None = 100,
        keep_requests: int = 1000,
    ) -> None:
        check_range("port", port, 0, _HIGHEST_PORT)
        check_range("page_size", page_size, 1, MAX_LIMIT)
        check_range("latency", latency, 0)
        check_range("keep_requests", keep_requests, 0)
        if isinstance(hosts, str):
            raise ValueError(f"hosts is a list of names: [{hosts!r}].")  # noqa: TRY004 # ValueError, as for all options
        if token is not None and (not token or not token.isascii() or any(character in ' "' for character in token)):
            raise ValueError("token must be ASCII characters without spaces and quotes, at least one.")
        self.stats = Stats()
        self._host = host
        self._port = port
        self._database = database
        self._site_options = SiteOptions(
            AccountOptions(seed, apps, trackers or {}, trackers_per_app, partners, facts_per_day),
            CampaignRules(page_size, duplicate_names, taken, names, list_lag),
            reports or ReportOptions(),
            Limits(concurrency, report_concurrency, report_rate, report_burst),
            (host, *hosts),
            token,
        )
        self._conditions = Conditions(
            latency, Faults.of(faults), AppStates.of(app_states or {}), _day_of(today), csv_byte_order_mark
        )
        self._recorder = Recorder(keep_requests)
        self._running: _Running | None = None
        self._thread: LoopThread | None = None

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise RuntimeError("The emulator is running already; make another one for a second port.")
        with contextlib.ExitStack() as stack:
            store = stack.enter_context(contextlib.closing(Store(self._database)))
            bound = stack.enter_context(bind(self._host, self._port))
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
            running.site.store.close()

    def __enter__(self) -> Self:
        thread = LoopThread()
        thread.start()
        try:
            thread.call(self.__aenter__())
        except BaseException:
            thread.stop()
            raise
        self._thread = thread
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            raise RuntimeError("The emulator was not entered by `with`.")
        try:
            thread.call(self.__aexit__(exc_type, exc, traceback))
        finally:
            thread.stop()

    async def restart(self, pause: float = 0.1) -> None:
        """Abort everything as if killed, and listen on the same port again after `pause` seconds.

        Every connection is aborted, and new ones are refused meanwhile. Committed writes stay, and a file is read
        again. Everything else is lost: running requests, and the late work of `drop-late`. Lists no longer lag.
        Blocking code can call `asyncio.run(emulator.restart())`. Raises what entering raises, and `RuntimeError` if it
        is not running.
        """
        check_range("pause", pause, 0)
        if self._thread is None:
            await self._restart(pause)
        else:
            await self._thread.call_async(self._restart(pause))

    def reset(self) -> None:
        """Start over: the account as generated, no requests, no statistics, and the initial conditions.

        The API token and the port stay. Raises `RuntimeError` if it is not running.
        """
        self._live.site.reset()

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end; the APIs are below `/public`, `/kpis` and `/reports-service`."""
        return f"http://{LOOPBACK if self._host == ALL_ADDRESSES else self._host}:{self._live.port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach it, because it is bound to an address other than loopback."""
        return not self._host.startswith("127.") and self._host != "localhost"

    @property
    def token(self) -> str:
        """The API token that it accepts."""
        return self.store.setting("token")

    @property
    def app_tokens(self) -> list[str]:
        """The tokens of the account's apps; generated ones have 12 characters."""
        return [app.token for app in self.store.apps()]

    @property
    def store(self) -> Store:
        """The account as it is now. Raises `RuntimeError` if the emulator is not running, as `url` does."""
        return self._live.site.store

    @property
    def facts(self) -> Facts:
        """The figures behind the reports. Raises `RuntimeError` if the emulator is not running."""
        return self._live.site.facts

    @property
    def requests(self) -> ReceivedRequests:
        """The last requests, including running ones: `emulator.requests.to("POST", "/trackers")`."""
        return self._recorder.requests()

    @property
    def app_states(self) -> AppStates:
        """The states of apps, by token; `emulator.app_states[token] = "gone"` applies to later requests."""
        return self._conditions.app_states

    @property
    def today(self) -> date:
        """The emulator's current day; set it to None for the real one."""
        return self._conditions.today

    @today.setter
    def today(self, today: date | None) -> None:
        self._conditions.fixed_today = _day_of(today)

    @property
    def latency(self) -> float:
        """Seconds before each answer; a change applies to later requests."""
        return self._conditions.latency

    @latency.setter
    def latency(self, latency: float) -> None:
        check_range("latency", latency, 0)
        self._conditions.latency = latency

    @property
    def faults(self) -> Faults | None:
        """The injected faults, set as the option is; a change applies to later requests."""
        return self._conditions.faults

    @faults.setter
    def faults(self, faults: Faults | float | Sequence[Fault | str | None] | None) -> None:
        self._conditions.faults = Faults.of(faults)

    def add_figures(
        self,
        app_token: str,
        *,
        tracker: str,
        day: date | str,
        country: str = "us",
        os_name: str = "android",
        device_type: str = "phone",
        event: str = "0",
        **figures: Unpack[Figures],
    ) -> None:
        """Add figures that both the KPI Service and the Report Service report.

        `tracker` is a tracker's full name, such as "AppLovin::DE", or its token; newly created trackers can have
        figures too. `day` is a day in UTC. `event` is the token or the name of one of the app's events ("0" is revenue
        without an event). `figures` are `impressions`, `clicks`, `installs`, `reattributions`, `sessions`, `daus` and
        `events`, and, in units of the app's currency, `revenue`, `cost` and `ad_revenue`. They count as attributed by
        click, and add to existing figures. `waus`, `maus`, rates and cohorts are derived from them.

        Raises `ValueError` for anything that the account does not have and for an invalid figure, and `RuntimeError` if
        it is not running.
        """
        self.facts.add(
            app_token,
            tracker,
            day,
            figures,
            today=self.today,
            country=country,
            os_name=os_name,
            device_type=device_type,
            event=event,
        )

    def run(self, started: Callable[["Emulator"], None] | None = None) -> None:
        """Serve until SIGINT or SIGTERM, for programs that do nothing else. `started` is called once it listens.

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

    async def _restart(self, pause: float) -> None:
        down = self._live
        down.site.late_work.lose()
        await down.listener.stop()
        if self._running is not down:
            return
        with contextlib.ExitStack() as stack:
            # Bound but not listening, the port refuses every connection, and no other process can take it.
            bound = stack.enter_context(bind(self._host, down.port))
            down.site.store.reopen()
            running = self._running = self._assemble(down.site.store, down.port)
            await asyncio.sleep(pause)
            if self._running is running:
                stack.pop_all()
                await running.listener.start(bound)

    def _assemble(self, store: Store, port: int) -> "_Running":
        site = Site(store, self._site_options, self._conditions, self.stats, self._recorder)
        return _Running(site, Listener(site, self.stats, site.late_work.finish), port)

    @property
    def _live(self) -> "_Running":
        if self._running is None:
            raise RuntimeError("The emulator is not running; use it as `async with Emulator()` or `with Emulator()`.")
        return self._running


@dataclass(frozen=True, slots=True)
class _Running:
    site: Site
    listener: Listener
    port: int


def _day_of(today: date | None) -> date | None:
    return None if today is None else read_day(today, "today")
