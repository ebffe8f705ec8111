"""`AsyncAdjust`: the client, which opens and closes everything and holds the resources."""

import copy
import math
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from adjust_async._checks import check_seconds
from adjust_async._concurrency import running_loop
from adjust_async._http.session import Session
from adjust_async._signatures import spelled_out
from adjust_async.campaign.partners import Partners
from adjust_async.campaign.trackers import Trackers
from adjust_async.config import APIToken, CallOptions, CampaignVersion, Config, Retry
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

    One client serves a whole event loop: all its tasks may use it at the same time, and share its limits and its
    connections. It may be opened in one task and closed in another, as fixtures and lifespans do, and it can be used
    without `async with` where `aclose` is called at the end.

    Args:
        token: The API token. By default it is taken from `ADJUST_API_TOKEN`, or from `user_token` in `~/.adjustrc`.
        api_url: Scheme and host of the Campaign API and the KPI Service. By default `ADJUST_API_URL`, or
            `https://api.adjust.com`. Plain http is allowed to this machine only, for the emulator, and to
            `insecure_hosts`.
        reports_url: Scheme and host of the Report Service. By default `ADJUST_REPORTS_URL`, or
            `https://automate.adjust.com`; where `api_url` is on this machine or one of `insecure_hosts`, the same as
            `api_url`.
        account_id: The account whose reports to ask for, for users of several; sent to the Report Service as
            `X-Account-ID`.
        campaign_version: `"v1"` or `"v2"` of the Campaign API. Both return the same records.
        max_concurrency: The maximum number of requests at the same time to each of the two hosts; Adjust's own limit is
            50.
        max_rate: Requests a second on average to the Campaign API and the KPI Service; `None` for no limit.
        burst: With `max_rate`: requests that may follow each other at once after a time of rest; by default one
            second's worth.
        timeout: Seconds that one attempt of a request may take, from connecting to the last byte; `None` for no limit.
        deadline: Seconds that a whole call may take: waiting for a permit, all attempts, and the waits between them;
            `None` for no limit. A walk makes one call a page, a report one for each app and window.
        reports_max_rate, reports_burst: The same for the Report Service, whose own limits are 50 requests a second and
            bursts of 100. Ten are kept back, for requests that overtake each other on their way.
        reports_timeout, reports_deadline: The same for the Report Service, where a large report takes a minute and more
            before its first byte. Of a report that is streamed, only the times of waiting for the service count, and
            `reports_timeout` begins anew with each piece of it.
        max_attempts: Attempts at one request, the first one included; 1 for no retries.
        max_body_size: The maximum size in bytes of an answer that is read into memory, once unpacked; by default 1 GiB.
            Reports that are written to a file as they arrive have no such limit.
        grace_time: Seconds after which a create whose answer got lost, and that no list shows, was not done: for so
            long it may still be under way, and lists may lag behind.
        on_retry: Called with a `Retry` before each wait for another attempt; an exception that it raises ends the call.
            The logger `adjust_async` says the same at level DEBUG.
        insecure_hosts: Names of hosts to which plain http is allowed, such as an emulator in a container next to this
            one. The API token crosses the network in the clear. By default `ADJUST_INSECURE_HOSTS`, a comma list.
        http_client: Sends every request in place of a client of the SDK's own. Its event hooks, base headers, proxies
            and certificates are in force; authentication, timeouts and redirects are the SDK's. It belongs to the
            caller and stays open.
        coordinator: With whom the limits are shared: a `FileCoordinator` with the processes of this machine, a
            `RedisCoordinator` with those of several, or the URL of one. By default `ADJUST_COORDINATOR`, such as
            `file:///run/adjust.db` or `redis://localhost:6379/0`; without it every client has limits of its own.

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
        """The httpx client that sends every request: the one that was passed in, or the SDK's own."""
        return self._session.client

    @spelled_out
    def with_options(self, **options: Unpack[CallOptions]) -> "AsyncAdjust":
        """Return a view of this client with other options for its calls.

            quick = adjust.with_options(timeout=2, deadline=5, max_attempts=2)
            report = await quick.reports.fetch(...)

        The view shares everything else: connections, limits, what is remembered of recent writes, and the end. It costs
        next to nothing, so that a request of a web application may make one for itself.

        Args:
            timeout: Seconds that one attempt of a request may take, to either host: it is `reports_timeout` too.
            deadline: Seconds that a whole call may take, to either host: it is `reports_deadline` too.
            max_attempts: Attempts at one request, the first one included; 1 for no retries.
            grace_time: Seconds after which a create whose answer got lost, and that no list shows, was not done.

        Returns:
            An `AsyncAdjust` that can't be entered or closed.

        Raises:
            ConfigurationError: A value is wrong.
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
        """Return who holds permits of the client's two hosts, and locks of apps, as far as the coordinator reaches.

        Raises:
            CoordinationError: The coordinator is out of reach.
        """
        return await self._session.member.holders()

    async def __aenter__(self) -> Self:
        running_loop()
        if self._is_view:
            raise ConfigurationError("a view made by with_options is used as it is: enter the client itself")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self, drain: float = 0.0) -> None:
        """Close the client: no call can be made any more, and the connections are closed. It may be called twice.

        Args:
            drain: Seconds for which calls that are under way may go on, reports of several requests, walks and streams
                of reports included. A provisioning run begins nothing more, awaits what it has sent, and looks up what
                is in doubt. What has not ended by then ends with `ClientClosedError`; a create that is cut then is in
                doubt.

        Raises:
            ConfigurationError: `drain` is no number of seconds, or this is a view made by `with_options`.
        """
        if self._is_view:
            raise ConfigurationError("a view made by with_options has nothing of its own to close: close the client")
        await self._session.aclose(check_seconds(drain, "drain", math.inf))

    def __repr__(self) -> str:
        session: Session | None = getattr(self, "_session", None)
        if session is None:
            return "<AsyncAdjust, whose arguments were refused>"
        config = session.config
        calls = f"{session.calls} calls under way"
        state = "closed" if session.closed else f"closing, {calls}" if session.draining else calls
        return f"<AsyncAdjust {config.api.url} campaign_version={config.campaign_version!r}, {state}>"
