"""The two hosts: what each of them receives, and its own limits."""

import asyncio
import logging
import traceback
from typing import Any

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIStatusError,
    AsyncAdjust,
)
from adjust_async._http.services import hosts, services
from adjust_async._tokens import APIToken
from adjust_async.config import Config
from adjust_async.emulator import Emulator
from tests.clock import JUMPING_CLOCK
from tests.loopback import RawRequest, answer, serve
from tests.script import Script, client
from tests.settings import config_of

pytestmark = pytest.mark.anyio
jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])

TOKEN = "s3cr3t-T0ken"
QUERY: Any = {"dimensions": ["day"], "metrics": ["installs"], "date_period": ("2026-01-26", "2026-02-04")}
KPIS: Any = {"start_date": "2026-01-26", "end_date": "2026-02-04", "kpis": ["installs"]}
CSV = httpx.Response(200, content=b"day,installs\n")


def config(**changed: Any) -> Config:
    """Return a configuration of defaults."""
    urls = {"api_url": "https://api.adjust.com", "reports_url": "https://automate.adjust.com"}
    return config_of(APIToken(TOKEN), **urls | changed)


# What they are.


async def test_the_settings_of_each() -> None:
    """Each host has its own settings, and its own form of the token. Only one of them receives the account."""
    made = services(config(account_id="42", max_rate=3, burst=4), httpx.AsyncClient())
    assert set(made) == {"api", "reports"}
    api, reports = made["api"], made["reports"]
    assert (api.host.url, api.host.authorization, api.host.timeout, api.host.deadline, api.host.max_rate) == (
        "https://api.adjust.com",
        "Token token=",
        30.0,
        120.0,
        3,
    )
    assert (reports.host.url, reports.host.authorization, reports.host.timeout, reports.host.deadline) == (
        "https://automate.adjust.com",
        "Bearer ",
        300.0,
        900.0,
    )
    assert reports.host.max_rate == 50.0
    assert "X-Account-ID" not in api.headers
    assert reports.headers["X-Account-ID"] == "42"
    assert TOKEN not in f"{api}{reports}{vars(api.auth)}"


async def test_whose_limits_they_are() -> None:
    """Limits belong to a host and a token, and those of reports also to the account. The token is not shown."""
    scopes = {host.scope for changed in ({}, {"account_id": "42"}) for host in hosts(config(**changed))}
    assert sorted(scope.rpartition(" ")[0] for scope in scopes) == [
        "api https://api.adjust.com",
        "reports https://automate.adjust.com",
        "reports https://automate.adjust.com",
    ]
    other = config_of(APIToken("another-T0ken"))
    assert not scopes & {host.scope for host in hosts(other)}
    assert TOKEN not in str(scopes)


@pytest.mark.parametrize(
    ("timeout", "connect", "read"), [(30.0, 10.0, 30.0), (300.0, 10.0, 300.0), (4.0, 2.0, 4.0), (None, 10.0, None)]
)
async def test_the_time_to_connect_is_a_part_of_the_attempt(
    timeout: float | None, connect: float, read: float | None
) -> None:
    """Connecting may take 10 s, or half of a shorter attempt, so that it does not end as a request that was sent."""
    for service in services(config(timeout=timeout, reports_timeout=timeout), httpx.AsyncClient()).values():
        assert service.timeout.as_dict() == {"connect": connect, "pool": connect, "read": read, "write": read}


# What goes to each.


@jumping
async def test_each_host_gets_its_own_requests() -> None:
    """Reports, lists and apps use the Report Service with `Bearer`; all else uses the API with `Token token=`."""

    async def respond(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("csv_report"):
            return CSV
        if path.startswith("/reports-service"):
            return httpx.Response(204)
        if path.startswith("/kpis"):
            return httpx.Response(200, json={"result_parameters": {"kpis": []}, "result_set": {"token": "app"}})
        return httpx.Response(200, json={"data": {"items": []}})

    async with client(respond, account_id="42") as (adjust, script):
        await adjust.reports.fetch(**QUERY)
        await adjust.reports.pivot(**QUERY, index=["day"])
        assert [row async for row in adjust.reports.iter_csv(**QUERY)] == []
        await adjust.reports.read_parquet(**QUERY)
        await adjust.reports.filters(["networks"])
        await adjust.reports.events()
        await adjust.apps.list()
        reports = list(script.requests)
        script.requests.clear()
        await adjust.kpis.deliverables("app", **KPIS)
        await adjust.trackers.list("app").collect()
        await adjust.partners.list().collect()
        others = script.requests
    assert [request.url.path for request in reports] == [
        f"/reports-service/{name}"
        for name in ("report", "pivot_report", "csv_report", "parquet_report", "filters_data", "events", "filters_data")
    ]
    for request in reports:
        assert request.url.host == "automate.adjust.com"
        assert request.headers["authorization"] == "Bearer secret-token"
        assert request.headers["x-account-id"] == "42"
    assert len(others) == 3
    for request in others:
        assert request.url.host == "api.adjust.com"
        assert request.headers["authorization"] == "Token token=secret-token"
        assert "x-account-id" not in request.headers
    for request in (*reports, *others):
        assert "secret-token" not in str(request.url)
        assert request.headers["user-agent"].startswith("adjust_async/")
        assert str(request.headers).count("secret-token") <= 1


async def test_requests_of_each_host_on_the_wire() -> None:
    """On the wire too, each of two servers receives its own header, and not the other's."""
    heads: dict[str, str] = {}

    async def of_reports(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        heads["reports"] = request.head
        writer.write(answer(b'{"rows": [], "totals": {}}'))

    async def of_api(request: RawRequest, writer: asyncio.StreamWriter) -> None:
        heads["api"] = request.head
        writer.write(answer(b'{"data": {"items": []}}'))

    async with (
        serve(of_api) as api,
        serve(of_reports) as reports,
        AsyncAdjust(TOKEN, api_url=api.url, reports_url=reports.url, account_id="a-1") as adjust,
    ):
        await adjust.reports.fetch(**QUERY)
        await adjust.trackers.list("app").collect()
    assert f"\r\nAuthorization: Bearer {TOKEN}\r\n" in heads["reports"]
    assert "\r\nX-Account-ID: a-1\r\n" in heads["reports"]
    assert f"\r\nAuthorization: Token token={TOKEN}\r\n" in heads["api"]
    assert "x-account-id" not in heads["api"].lower()
    assert all(head.count(TOKEN) == 1 for head in heads.values())


async def test_the_emulator_takes_both_headers() -> None:
    """One client requests everything from the emulator, with both forms of the token."""
    async with (
        Emulator(apps=1, trackers_per_app=5, facts_per_day=2) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
    ):
        (app,) = emulator.app_tokens
        assert len(list((await adjust.reports.fetch(**QUERY, app_tokens=app)).rows())) == 10
        assert len(list((await adjust.kpis.deliverables(app, grouping=["day"], **KPIS)).rows())) == 10
        assert await adjust.trackers.list(app).collect()


@jumping
@pytest.mark.parametrize("ask", ["fetch", "rows", "table", "lists"])
async def test_a_redirect_is_not_followed(ask: str) -> None:
    """The token is sent to no other host, whatever the request."""
    async with client(httpx.Response(302, headers={"location": f"https://evil.invalid/?{TOKEN}"})) as (adjust, script):
        words = r"https://automate\.adjust\.com redirected to https://evil\.invalid, to which the API token must not"
        with pytest.raises(APIStatusError, match=words):
            await asked(adjust, ask)
        assert len(script.requests) == 1


async def asked(adjust: AsyncAdjust, ask: str) -> object:
    """Request something from the Report Service."""
    match ask:
        case "fetch":
            return await adjust.reports.fetch(**QUERY)
        case "rows":
            return [row async for row in adjust.reports.iter_csv(**QUERY)]
        case "table":
            return await adjust.reports.read_parquet(**QUERY)
        case _:
            return await adjust.reports.filters(["networks"])


ECHOES: dict[str, httpx.Response] = {
    "desc": httpx.Response(400, json={"error_code": "auth_error", "error_desc": f"Invalid token {TOKEN}"}),
    "details": httpx.Response(400, json={"error_desc": "no", "error_desc_details": [{"loc": [TOKEN], "msg": TOKEN}]}),
    "text": httpx.Response(403, text=f"token={TOKEN} is not allowed"),
    "html": httpx.Response(502, html=f"<title>Bad Gateway for {TOKEN}</title>"),
    "page": httpx.Response(200, html=f"<title>{TOKEN}</title>"),
    "no json": httpx.Response(200, text=f"{{token={TOKEN} is not JSON"),
    "rows": httpx.Response(200, json={"rows": TOKEN}),
    "row": httpx.Response(200, json={"rows": [TOKEN]}),
    "list": httpx.Response(200, json={"networks": [{"id": [TOKEN]}]}),
    "columns": httpx.Response(200, text=f"{TOKEN},b\n1\n"),
    "location": httpx.Response(302, headers={"Location": f"https://{TOKEN}.example.com/"}),
    "request id": httpx.Response(400, headers={"X-Request-Id": TOKEN}),
}


@jumping
@pytest.mark.parametrize("ask", ["fetch", "rows", "table", "lists"])
@pytest.mark.parametrize("place", ECHOES)
async def test_a_token_that_comes_back_does_not_show(place: str, ask: str, caplog: pytest.LogCaptureFixture) -> None:
    """A service that echoes the token gets it into no error, no log and no `repr`, even for streamed bodies."""
    retries: list[Any] = []
    error: AdjustError | None = None
    with caplog.at_level(logging.DEBUG):
        transport = Script(ECHOES[place])
        async with AsyncAdjust(
            TOKEN, http_client=httpx.AsyncClient(transport=transport), max_attempts=2, on_retry=retries.append
        ) as adjust:
            try:
                await asked(adjust, ask)
            except AdjustError as raised:
                error = raised
            assert TOKEN not in repr(adjust)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(retries)
    if error is not None:
        shown = f"{error} {error!r} {vars(error)} {error.__cause__!r}" + "".join(traceback.format_exception(error))
        assert TOKEN not in shown
