"""`AsyncAdjust`: the client, with its resources and its connections."""

import copy
import math
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from adjust_async._checks import check_seconds
from adjust_async._concurrency import running_loop
from adjust_async._http.session import Session
from adjust_async._signatures import spelled_out
from adjust_async._tokens import APIToken
from adjust_async.campaign.partners import Partners
from adjust_async.campaign.trackers import Trackers
from adjust_async.config import CallOptions, CampaignVersion, Config, Retry
from adjust_async.coordination.protocol import Coordinator, Holder
from adjust_async.coordination.urls import find_coordinator
from adjust_async.errors import ConfigurationError
from adjust_async.kpis.resource import KPIs
from adjust_async.reports.apps import Apps
from adjust_async.reports.resource import Reports

if TYPE_CHECKING:
    import httpx


__all__ = ["AsyncAdjust"]


class AsyncAdjust:
    """A client of Adjust's server-side APIs.

        async with AsyncAdjust("api-token") as adjust:
            async for tracker in adjust.trackers.list("yxs12pfewq"):
                print(tracker.token, tracker.name)

    One client serves a whole event loop: all tasks may use it at the same time, and share its limits and connections.
    It may be opened in one task and closed in another, as fixtures and lifespans do. Without `async with`, call
    `aclose` at the end.

    Args:
        token: The API token. By default it is taken from `ADJUST_API_TOKEN`, or from `user_token` in `~/.adjustrc`.
        api_url: Scheme and host of the Campaign API and the KPI Service. By default `ADJUST_API_URL`, or
            `https://api.adjust.com`. Plain http is allowed only to this machine, for the emulator, and to
            `insecure_hosts`.
        reports_url: Scheme and host of the Report Service. By default `ADJUST_REPORTS_URL`, or
            `https://automate.adjust.com`. If `api_url` is on this machine or in `insecure_hosts`, the default is
            `api_url`.
        account_id: The account to report on, for users with several. Sent to the Report Service as `X-Account-ID`.
        campaign_version: The version of the Campaign API, `"v1"` or `"v2"`. Both return the same records.
        max_concurrency: The maximum number of concurrent requests to each of the two hosts. Adjust's own limit is 50.
        max_rate: The maximum average number of requests per second to the Campaign API and the KPI Service; `None` for
            no limit.
        burst: With `max_rate`, the number of requests that may be sent at once after a pause; by default as many as in
            one second.
        timeout: Seconds for one attempt of a request, from connecting to the last byte; `None` for no limit.
        deadline: Seconds for a whole call: waiting for a permit, all attempts, and the waits between them; `None` for
            no limit. A listing makes one call for each page, a report one for each app and window.
        reports_max_rate, reports_burst: `max_rate` and `burst` of the Report Service, whose own limits are 50 requests
            per second and bursts of 100. The default burst is lower, since requests may overtake each other on the way.
        reports_timeout, reports_deadline: `timeout` and `deadline` of the Report Service, which can take more than a
            minute before the first byte of a large report. For a streamed report, only the time spent waiting for the
            service counts, and `reports_timeout` starts again with each piece.
        max_attempts: The maximum number of attempts for a request, including the first; 1 for no retries.
        max_body_size: The maximum decompressed size in bytes of an answer that is read into memory; 1 GiB by default.
            `iter_csv`, `download_csv` and `download_parquet` process reports as they arrive, and have no such limit.
        grace_time: Seconds, at most 600, after which a create without an answer has failed if no list shows the
            tracker. Until then the service may still be working on it, and lists may lag behind.
        on_retry: A function that is called with a `Retry` before each wait for another attempt. An exception from it
            ends the call. The logger `adjust_async` reports retries at level DEBUG.
        insecure_hosts: Names of hosts to which plain http is allowed, such as an emulator in a container next to this
            one. The API token is then sent unencrypted. By default `ADJUST_INSECURE_HOSTS`, separated by commas.
        http_client: An httpx client that sends every request instead of the SDK's own. Its event hooks, base headers,
            proxies and certificates apply; authentication, timeouts and redirects are the SDK's. It belongs to the
            caller, and stays open.
        coordinator: A coordinator that shares the limits between clients: a `FileCoordinator` for the processes of one
            machine, a `RedisCoordinator` for several machines, or the URL of one. By default `ADJUST_COORDINATOR`, such
            as `file:///run/adjust.db` or `redis://localhost:6379/0`. Without one, every client has its own limits.

    Attributes:
        trackers: The trackers of the Campaign API: list, walk, find, create, update, provision.
        partners: The partners of the Campaign API.
        kpis: The figures of the KPI Service.
        reports: The figures of the Report Service, and the names that reports can use.
        apps: The apps of the account.

    Raises:
        ConfigurationError: There is no token, or an argument is wrong.
        ClientClosedError: `http_client` is closed.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        reports_url: str | None = None,
        account_id: str | None = None,
        campaign_version: CampaignVersion = "v1",
        max_concurrency: int = 50,
        max_rate: float | None = None,
        burst: int | None = None,
        timeout: float | None = 30.0,
        deadline: float | None = 120.0,
        reports_max_rate: float | None = 50.0,
        reports_burst: int | None = 90,
        reports_timeout: float | None = 300.0,
        reports_deadline: float | None = 900.0,
        max_attempts: int = 10,
        max_body_size: int = 2**30,
        grace_time: float = 5.0,
        on_retry: Callable[[Retry], object] | None = None,
        insecure_hosts: Iterable[str] = (),
        http_client: "httpx.AsyncClient | None" = None,
        coordinator: Coordinator | str | None = None,
    ) -> None:
        __tracebackhide__ = True
        api_token = APIToken.find() if token is None else APIToken(token)
        del token  # so that no frame of an error below has it
        config = Config.read(
            token=api_token,
            api_url=api_url,
            reports_url=reports_url,
            account_id=account_id,
            campaign_version=campaign_version,
            max_concurrency=max_concurrency,
            max_rate=max_rate,
            burst=burst,
            timeout=timeout,
            deadline=deadline,
            reports_max_rate=reports_max_rate,
            reports_burst=reports_burst,
            reports_timeout=reports_timeout,
            reports_deadline=reports_deadline,
            max_attempts=max_attempts,
            max_body_size=max_body_size,
            grace_time=grace_time,
            on_retry=on_retry,
            insecure_hosts=insecure_hosts,
        )
        self._session = Session(config, find_coordinator(coordinator), http_client)
        self._is_view = False
        self.trackers = Trackers(self._session)
        self.partners = Partners(self._session)
        self.kpis = KPIs(self._session)
        self.reports = Reports(self._session)
        self.apps = Apps(self.reports)

    @property
    def http_client(self) -> "httpx.AsyncClient":
        """The httpx client that sends every request: the caller's, or the SDK's own."""
        return self._session.client

    @spelled_out
    def with_options(self, **options: Unpack[CallOptions]) -> "AsyncAdjust":
        """Return a view of this client with other options for its calls.

            quick = adjust.with_options(timeout=2, deadline=5, max_attempts=2)
            report = await quick.reports.fetch(...)

        The view shares everything else: connections, limits, the memory of recent writes, and `aclose`. It is cheap
        enough to create one for each request of a web application.

        Args:
            timeout: Seconds for one attempt of a request to either host. Also replaces `reports_timeout`.
            deadline: Seconds for a whole call to either host. Also replaces `reports_deadline`.
            max_attempts: The maximum number of attempts for a request, including the first; 1 for no retries.
            grace_time: Seconds after which a create without an answer has failed if no list shows the tracker.

        Returns:
            An `AsyncAdjust` that can't be entered or closed.

        Raises:
            ConfigurationError: A value is wrong.
            TypeError: An option does not exist.
        """
        session = self._session.with_config(self._session.config.with_options(options))
        view = copy.copy(self)
        view._is_view = True  # noqa: SLF001 - of this class
        view._session = session  # noqa: SLF001 - of this class
        view.trackers = self.trackers.over(session)
        view.partners = Partners(session)
        view.kpis = KPIs(session)
        view.reports = self.reports.over(session)
        view.apps = Apps(view.reports)
        return view

    async def holders(self) -> list[Holder]:
        """Return the holders of permits for both hosts and of locks of apps, among all clients that share them.

        Raises:
            CoordinationError: The coordinator can't be reached.
        """
        return await self._session.member.holders()

    async def __aenter__(self) -> Self:
        running_loop()
        if self._is_view:
            raise ConfigurationError("a view from with_options can't be entered: enter the client itself")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self, drain: float = 0.0) -> None:
        """Close the client and its connections. Calls after that fail. It may be called repeatedly.

        Args:
            drain: Seconds for which calls in flight may continue; 0 by default. Reports of several requests, walks and
                streamed reports may send their later requests. A provisioning run starts nothing more, awaits its
                requests, and looks up creates in doubt. Calls that have not ended by then fail with
                `ClientClosedError`, and creates that were sent are in doubt.

        Raises:
            ConfigurationError: `drain` is not a number of seconds, or this is a view from `with_options`.
        """
        if self._is_view:
            raise ConfigurationError("a view from with_options can't be closed: close the client itself")
        await self._session.aclose(check_seconds(drain, "drain", math.inf))

    def __repr__(self) -> str:
        session: Session | None = getattr(self, "_session", None)
        if session is None:
            return "<AsyncAdjust with wrong arguments>"
        config = session.config
        calls = f"calls in flight: {session.calls}"
        state = "closed" if session.closed else f"closing, {calls}" if session.draining else calls
        return f"<AsyncAdjust {config.api.url} campaign_version={config.campaign_version!r}, {state}>"
