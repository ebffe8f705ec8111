"""The emulator's face: starts, stops, and shows what happened."""

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
from adjust_async.emulator.facts.figures import Figures
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

    `async with` serves in the event loop that enters it, `with` in a thread of its own, for code that blocks. Every
    property and method may be used from any thread.

    ```python
    with Emulator(apps=[EmulatedApp("yxs12pfewq", "My Game")]) as emulator:
        subprocess.run(["rollout", "--api", emulator.url, "--token", emulator.token], check=True)
        assert len(emulator.requests.to("POST", "/trackers")) == 2
    ```

    **The account.** `database` is a file that keeps it over restarts; ":memory:" (the default) forgets it at the end.
    The other options shape a new account, and a file that has one keeps it. `seed` draws what is not given. `apps` is
    how many apps (default 5), or a list of `EmulatedApp`. `trackers` are the whole names of an app's trackers, by app
    token, as in `{"yxs12pfewq": ["AppLovin::DE::Spring"]}`; those above them are made too. Every other app has exactly
    `trackers_per_app` drawn ones (default 400, and none for given apps). `partners` is their number. `facts_per_day` is
    how many figures are drawn for each app and day (default 40, and none for given apps). `token` sets the API token;
    without it the file's is taken, or a random one.

    **The network.** `port` 0 picks a free one. `host` is the address to bind, 127.0.0.1 by default. Requests whose
    `Host` or `Origin` is foreign are refused with 403, so that no web page can write; `hosts` are names beside loopback
    and the bound address, such as that of a container. `latency` is waited before each answer, in seconds.

    **Pages and names.** `page_size` is the `limit` where a request has none (default 50, at most 1000).
    `duplicate_names="allow"` creates a second tracker of the same name under the same parent; by default it is refused.
    `taken` is the status of that refusal: 400 (the default), 409, 422, or 200, which answers with the tracker that is
    there. `names` is the form in which names of new trackers are kept, answered and listed: "given" (the default),
    "nfc" (composed Unicode), "lower" (lower case), "trimmed" (without spaces around), or a function from the given
    label to the kept one. `list_lag` is how many seconds lists are behind every write.

    **Faults and limits.** `faults` takes `Faults`, a rate from 0 to 1 over all recoverable faults, or a list as a
    script. `app_states` are apps that KPI and report requests find "gone" (410), "forbidden" (403), "broken" (500) or
    "slow" (no answer), by token. What is more than `concurrency` requests at once (default: no limit; Adjust's is 50)
    is refused with 429 by the host of the Campaign API and the KPI Service; `report_concurrency` (50) is that of the
    Report Service, which also takes `report_rate` requests a second (50) and `report_burst` at once (100). None
    switches a limit off.

    **Figures.** `today` is the day on which reports end that name no dates, by default the real one (UTC).
    `csv_byte_order_mark` puts one before every CSV. `reports` takes `ReportOptions`: other forms of the Report
    Service's answers that some callers saw.

    The last `keep_requests` requests (default 1000) are kept in `requests`.

    It may be entered again after it was left. Raises `ValueError` for an option that makes no sense, and on
    entering `OSError` for a port in use, `ValueError` or `sqlite3.Error` for a file that is no database of an
    emulator.
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
            raise ValueError(f"hosts is a list of names: [{hosts!r}].")  # noqa: TRY004 # as all others
        if token is not None and (not token or not token.isascii() or any(character in ' "' for character in token)):
            raise ValueError("token is not empty, and of ASCII characters without spaces and quotes.")
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
            latency, Faults.of(faults), AppStates.of(app_states or {}), today, csv_byte_order_mark
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
        """Go down in the middle of everything as if killed, and come back on the same port after `pause` seconds.

        Every connection is aborted, and new ones are refused meanwhile. What was committed stays, and is read anew
        where it is in a file; what was not is lost: requests under way, and the late work of `drop-late`. Lists have
        caught up with what was unlisted. Blocking code calls `asyncio.run(emulator.restart())`. Raises what entering
        raises, and `RuntimeError` while it is not running.
        """
        check_range("pause", pause, 0)
        if self._thread is None:
            await self._restart(pause)
        else:
            await self._thread.call_async(self._restart(pause))

    def reset(self) -> None:
        """Begin anew: the account as it was seeded, no requests, no statistics, and the conditions of the start.

        The API token and the port stay. Raises `RuntimeError` while it is not running.
        """
        self._live.site.reset()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; the APIs are below `/public`, `/kpis`, `/reports-service`."""
        return f"http://{LOOPBACK if self._host == ALL_ADDRESSES else self._host}:{self._live.port}"

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach it: it is bound to another address than one of loopback."""
        return not self._host.startswith("127.") and self._host != "localhost"

    @property
    def token(self) -> str:
        """The API token that it accepts."""
        return self.store.setting("token")

    @property
    def app_tokens(self) -> list[str]:
        """The tokens of the account's apps, 12 characters each where they were generated."""
        return [app.token for app in self.store.apps()]

    @property
    def store(self) -> Store:
        """The account as it is now. Raises `RuntimeError` while the emulator is not running, as `url` does."""
        return self._live.site.store

    @property
    def facts(self) -> Facts:
        """The figures behind the reports. Raises `RuntimeError` while the emulator is not running."""
        return self._live.site.facts

    @property
    def requests(self) -> ReceivedRequests:
        """The last requests, those under way among them: `emulator.requests.to("POST", "/trackers")`."""
        return self._recorder.requests()

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
        check_range("latency", latency, 0)
        self._conditions.latency = latency

    @property
    def faults(self) -> Faults | None:
        """What goes wrong, set as the option is; a change holds for the requests that arrive after it."""
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
        """Put in figures, which the KPI Service and the Report Service then both report.

        `tracker` is a tracker's whole name, as in "AppLovin::DE", or its token; one that was created meanwhile can have
        figures too. `day` is a day in UTC. `event` is the token or the name of one of the app's events ("0" is revenue
        without an event). `figures` are `impressions`, `clicks`, `installs`, `reattributions`, `sessions`, `daus` and
        `events`, and in units of the currency of the app `revenue`, `cost` and `ad_revenue`. They count as attributed
        by click, and come beside what is there; `waus`, `maus`, rates and cohorts follow from them.

        Raises `ValueError` for what the account does not have and for what is no figure, and `RuntimeError` while it is
        not running.
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

    async def _restart(self, pause: float) -> None:
        down = self._live
        down.site.late_work.lose()
        await down.listener.stop()
        if self._running is not down:
            return
        with contextlib.ExitStack() as stack:
            # Bound but not listening, the port refuses every connection, and nobody else can take it.
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
