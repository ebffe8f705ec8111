"""The command `doctor`: checks the hosts, the token, the API versions, the proxy, and who shares the account."""

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import attrs
import typer

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    AsyncAdjust,
    AuthenticationError,
    GoneError,
    NotFoundError,
    PermissionDeniedError,
)
from adjust_async._hosts import check_hosts, is_trusted
from adjust_async.cli.command import command
from adjust_async.cli.defaults import token_source
from adjust_async.cli.errors import Status, one_line
from adjust_async.cli.flags import Flag
from adjust_async.cli.output import Format, FormatOption, Output, OutputOption, Sheet
from adjust_async.cli.progress import progress
from adjust_async.cli.run import Run

__all__ = ["register"]

API_URL = "https://api.adjust.com"
REPORTS_URL = "https://automate.adjust.com"

#: Checks report a failure at once instead of retrying.
PATIENCE = {"max_attempts": 1, "timeout": 10.0, "deadline": 15.0, "reports_timeout": 30.0, "reports_deadline": 30.0}

_COLUMNS = ("check", "answer", "first_ms", "again_ms", "url", "remark")

_Ask = Callable[[AsyncAdjust], Awaitable[object]]


@attrs.frozen
class _Check:
    """The result of one check.

    Attributes:
        check: The subject: an API, the token, a proxy.
        answer: The result in a few words.
        status: The exit status that it leads to.
        url: The URL that was checked.
        first_ms, again_ms: Milliseconds of the first request, which also connects, and of the second.
        remark: The error message.
    """

    check: str
    answer: str
    status: Status = Status.OK
    url: str | None = None
    first_ms: int | None = None
    again_ms: int | None = None
    remark: str | None = None


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(
        app,
        flags=[Flag("app_tokens", "names", help="App for the KPI Service check; default the first.")],
        examples="""
            adjust-async doctor
            adjust-async doctor --api-url http://127.0.0.1:8080
        """,
    )
    def doctor(run: Run, arguments: dict[str, Any], format: FormatOption = None, output: OutputOption = None) -> None:
        """Check hosts, token, API versions, latency and proxy."""
        out = Output(format, output)
        checks = _Checks(run, arguments.get("app_tokens", []))
        checks.make()
        found = [*_surroundings(run), *checks.made]
        rows = [{name: getattr(check, name) for name in _COLUMNS} for check in found]
        out.write(Sheet(_COLUMNS, rows, shown=_COLUMNS[:-1]))
        if out.format is Format.TABLE:
            run.tell(*(f"{check.check}: {check.remark}" for check in found if check.remark))
        if worst := max((check.status for check in checks.made), key=_SEVERITY.index):
            raise typer.Exit(worst)


_SEVERITY = [Status.OK, Status.PARTLY_FAILED, Status.FAILED, Status.NOT_AUTHENTICATED]


class _Checks:
    """Makes a small request to each API twice."""

    def __init__(self, run: Run, app_tokens: list[str]) -> None:
        self.made: list[_Check] = []
        self._run = run
        self._token = run.token()
        self._app_tokens = app_tokens
        self._api_url, self._reports_url = _urls(run.settings)

    def make(self) -> None:
        """Make all checks, one after the other."""
        with progress(self._run, "Asking", 4) as told:
            for number, version in enumerate(("v1", "v2")):
                api = f"Campaign API {version}"
                self._check(api, self._api_url, _ask_for_a_partner, campaign_version=version)
                told(number + 1, None)
            self._check("Report Service", self._reports_url, self._ask_for_apps)
            told(3, None)
            if self._app_tokens:
                self._check("KPI Service", self._api_url, self._ask_for_installs)
            else:
                self.made.append(_Check("KPI Service", "skipped: no app known", url=self._api_url))
        if self._run.settings.get("coordinator") or os.environ.get("ADJUST_COORDINATOR"):
            self._look_at_coordinator()

    def _check(self, api: str, url: str, ask: _Ask, **settings: str) -> None:
        all_settings = {**PATIENCE, **self._run.settings, **settings}

        async def work(adjust: AsyncAdjust) -> tuple[int, int]:
            return await _milliseconds(ask, adjust), await _milliseconds(ask, adjust)

        try:
            first, again = attrs.evolve(self._run, settings=all_settings, given_token=self._token)(work)
        except AdjustError as error:
            self.made.append(_failed(api, url, error))
        else:
            self.made.append(_Check(api, "ok", url=url, first_ms=first, again_ms=again))

    def _look_at_coordinator(self) -> None:
        """Add the holders of permits and locks."""

        async def work(adjust: AsyncAdjust) -> list[str]:
            return [str(holder) for holder in await adjust.holders()]

        settings = {**PATIENCE, **self._run.settings}
        try:
            holders = attrs.evolve(self._run, settings=settings, given_token=self._token)(work)
        except AdjustError as error:
            self.made.append(_Check("coordinator", "not reached", Status.FAILED, remark=one_line(str(error))))
            return
        self.made += [_Check("coordinator", one_line(holder)) for holder in holders or ["nobody holds anything"]]

    async def _ask_for_apps(self, adjust: AsyncAdjust) -> None:
        found = await adjust.apps.list()
        self._app_tokens = self._app_tokens or [app.token for app in found[:1]]

    async def _ask_for_installs(self, adjust: AsyncAdjust) -> None:
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        token = self._app_tokens[0]
        await adjust.kpis.deliverables(token, start_date=yesterday, end_date=yesterday, kpis=["installs"])


async def _ask_for_a_partner(adjust: AsyncAdjust) -> None:
    await adjust.partners.list(max_items=1).collect()


async def _milliseconds(ask: _Ask, adjust: AsyncAdjust) -> int:
    started = time.perf_counter()
    await ask(adjust)
    return round((time.perf_counter() - started) * 1000)


def _failed(api: str, url: str, error: AdjustError) -> _Check:
    remark = one_line(str(error))
    match error:
        case AuthenticationError():
            return _Check(api, "the token is refused", Status.NOT_AUTHENTICATED, url=url, remark=remark)
        case PermissionDeniedError():
            return _Check(api, "no permission", Status.PARTLY_FAILED, url=url, remark=remark)
        case GoneError():
            return _Check(api, "switched off by Adjust", url=url, remark=remark)
        case NotFoundError():
            return _Check(api, "not available", url=url, remark=remark)
        case APIStatusError():
            return _Check(api, f"failed with {error.status}", Status.FAILED, url=url, remark=remark)
        case APIConnectionError():
            return _Check(api, "not reached", Status.FAILED, url=url, remark=remark)
        case _:
            return _Check(api, "unexpected answer", Status.FAILED, url=url, remark=remark)


def _urls(settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return the URLs of the services, by the client's own rules: an emulator serves all of them at one URL."""
    api_url = settings.get("api_url") or API_URL
    is_emulator = is_trusted(api_url, check_hosts(settings.get("insecure_hosts", ())))
    return api_url, settings.get("reports_url") or (api_url if is_emulator else REPORTS_URL)


def _surroundings(run: Run) -> list[_Check]:
    """Return the settings that requests depend on, without secrets."""
    return [
        _Check("token", f"from {token_source() or 'the prompt'}"),
        _Check("account", run.settings.get("account_id") or "the user's first"),
        *(_Check("proxy", _proxy_of(url), url=url) for url in dict.fromkeys(_urls(run.settings))),
        _Check("certificates", _certificates()),
    ]


def _proxy_of(url: str) -> str:
    """Return the proxy for a URL, without its user and password."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return "none"
    found = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return f"{found.scheme}://{found.hostname}{f':{found.port}' if found.port else ''}"


def _certificates() -> str:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if value := os.environ.get(name):
            return f"{value} ({name})"
    return "certifi's"
