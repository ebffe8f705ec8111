"""The figures of 500 apps by tracker and day: one request per app, 50 at a time, flattened into rows.

An app has 20 trackers and a week: 140 rows, minus the days without figures, which the service leaves out. Every
contender ends with the same rows: the app with its name and currency, the tracker with its name, the day as a date, and
the figures. The SDK flattens any grouping; the others have a loop for this one. The two published clients can't send
concurrent requests. Contenders that would take too long get fewer apps.
"""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import chain
from types import SimpleNamespace
from typing import Any

import orjson

from benchmarks import clients
from benchmarks.measuring import Contender, Measurement, Options, digest, side_by_side
from benchmarks.server import Answers, response, served

LATENCIES = (0.05,)
APPS, TRACKERS, DAYS = 500, 20, 7
START = date(2026, 11, 2)
END = START + timedelta(DAYS - 1)
KPIS, GROUPING = ["installs", "sessions", "revenue"], ["trackers", "day"]

#: App token, app name, currency, tracker token, tracker name, day, and a figure for each KPI.
Row = tuple[Any, ...]


def document(number: int) -> dict[str, Any]:
    """Make the service's answer for an app."""
    app = token_of(number)
    trackers = [{"token": f"{app}t{index:02}", "name": f"Network {index}"} for index in range(TRACKERS)]
    return {
        "result_parameters": {
            "kpis": KPIS,
            "start_date": START.isoformat(),
            "end_date": END.isoformat(),
            "sandbox": False,
            "trackers": [{**tracker, "has_subtrackers": False} for tracker in trackers],
            "grouping": GROUPING,
            "attribution_type": "click",
            "utc_offset": "00:00",
            "attribution_source": "dynamic",
        },
        "result_set": {
            "token": app,
            "name": f"App {number}",
            "currency": ("EUR", "USD")[number % 2],
            "trackers": [
                {"token": tracker["token"], "dates": list(_dates(number * TRACKERS + index))}
                for index, tracker in enumerate(trackers)
            ],
        },
    }


def _dates(tracker: int) -> Iterator[dict[str, Any]]:
    for day in range(DAYS):
        if (tracker + day) % 11:
            figures = [tracker % 97 + day, tracker % 991 * (day + 1), tracker % 89 * 1.37 + day]
            yield {"date": (START + timedelta(day)).isoformat(), "kpi_values": figures}


def token_of(number: int) -> str:
    """Return the token of an app."""
    return f"app{number:09}"


def answers(apps: int) -> Answers:
    """Make the answers for this many apps."""
    return {f"/kpis/v1/{token_of(number)}".encode(): response(orjson.dumps(document(number))) for number in range(apps)}


@cache
def _expected(apps: int) -> str:
    return digest(row for number in range(apps) for row in flat(document(number)))


def flat(document: dict[str, Any]) -> Iterator[Row]:
    """Flatten an answer with a known grouping, as a script does."""
    return _flat(document["result_parameters"]["trackers"], document["result_set"])


def _flat(trackers: list[dict[str, Any]], app: dict[str, Any]) -> Iterator[Row]:
    names = {tracker["token"]: tracker["name"] for tracker in trackers}
    of_app = (app["token"], app["name"], app["currency"])
    for tracker in app["trackers"]:
        of_tracker = (*of_app, tracker["token"], names[tracker["token"]])
        for day in tracker["dates"]:
            yield (*of_tracker, date.fromisoformat(day["date"]), *day["kpi_values"])


def with_sdk(url: str, apps: int) -> list[Row]:
    """Request with this SDK."""
    return _asked_with_sdk(url, apps, clients.sdk)


def with_sdk_on_aiohttp(url: str, apps: int) -> list[Row]:
    """Request with this SDK and `AiohttpTransport`."""
    return _asked_with_sdk(url, apps, clients.sdk_on_aiohttp)


def _asked_with_sdk(url: str, apps: int, sdk: clients.SDK) -> list[Row]:
    async def ask() -> list[Row]:
        async with sdk(url) as adjust:
            report = await adjust.kpis.deliverables(
                map(token_of, range(apps)), start_date=START, end_date=END, kpis=KPIS, grouping=GROUPING
            )
        return [tuple(row.values()) for row in report.rows()]

    return asyncio.run(ask())


QUERY = {
    "start_date": START.isoformat(),
    "end_date": END.isoformat(),
    "kpis": ",".join(KPIS),
    "grouping": ",".join(GROUPING),
}


def _asked(client: clients.Client, url: str, apps: int) -> list[Row]:
    async def rows_of(ask: clients.Ask, number: int) -> list[Row]:
        return list(flat(await ask(f"/kpis/v1/{token_of(number)}", QUERY)))

    async def ask_all() -> list[Row]:
        async with client(url) as ask:
            return list(chain.from_iterable(await asyncio.gather(*(rows_of(ask, number) for number in range(apps)))))

    return asyncio.run(ask_all())


def with_aiohttp(url: str, apps: int) -> list[Row]:
    """Request with raw aiohttp."""
    return _asked(clients.by_aiohttp, url, apps)


def with_httpx(url: str, apps: int) -> list[Row]:
    """Request with httpx."""
    return _asked(clients.by_httpx, url, apps)


def with_httpx2(url: str, apps: int) -> list[Row]:
    """Request with httpx2."""
    return _asked(clients.by_httpx2, url, apps)


def with_requests(url: str, apps: int) -> list[Row]:
    """Request with requests, in a loop."""
    with clients.by_requests(url) as ask:
        return [row for number in range(apps) for row in flat(ask(f"/kpis/v1/{token_of(number)}", QUERY))]


def with_python_adjust(url: str, apps: int) -> list[Row]:
    """Request with python-adjust, app by app."""
    from adjustapi.api import AdjustApi

    api = AdjustApi("token")
    api._base_url = url  # noqa: SLF001 - it has no argument for it
    rows: list[Row] = []
    for number in range(apps):
        service = api.kpi_service(
            start_date=START, end_date=END, app_tokens=[token_of(number)], kpis=KPIS, groups=GROUPING
        )
        answer = service.fetch_kpi()
        names = [{"token": one.token, "name": one.name} for one in answer.result_parameters.trackers]
        rows += _flat(names, answer.result_set)
    return rows


def with_adjusty(url: str, apps: int) -> list[Row]:
    """Request with adjusty, app by app."""
    import requests
    from adjusty import adjust_api

    def redirected(address: str, params: dict[str, str]) -> Any:
        return requests.get(address.replace("https://api.adjust.com", url), params=params, timeout=60)

    # Its code has a fixed address.
    adjust_api.requests = SimpleNamespace(get=redirected)
    adjust = adjust_api.Adjust(user_token="token")
    adjust.set_params(START.isoformat(), END.isoformat(), countries=[], kpis=KPIS, group=GROUPING)
    rows: list[Row] = []
    for number in range(apps):
        adjust.app_token = token_of(number)
        rows += flat(adjust.fetch_deliverables())
    return rows


CONTENDERS = (
    Contender("adjust_async", with_sdk),
    Contender("adjust_async on aiohttp", with_sdk_on_aiohttp, needs="aiohttp"),
    Contender("aiohttp, orjson", with_aiohttp, needs="aiohttp"),
    Contender("httpx", with_httpx, needs="httpx"),
    Contender("httpx2", with_httpx2, needs="httpx2"),
    Contender("requests, in a loop", with_requests, share=20, needs="requests"),
    Contender("python-adjust, app by app", with_python_adjust, share=20, needs="adjustapi"),
    Contender("adjusty, app by app", with_adjusty, share=20, needs="adjusty"),
)


def measure(options: Options) -> Iterator[Measurement]:
    """Measure all contenders at each latency."""
    apps = 60 if options.quick else APPS
    rows = sum(1 for number in range(apps) for _ in flat(document(number)))
    for latency in options.latencies_or(LATENCIES):
        ideal = apps * latency / clients.AT_ONCE
        with served(answers, apps, latency=latency) as server:
            runs = side_by_side(
                CONTENDERS,
                lambda contender: (server.url, apps // contender.share),
                rounds=options.rounds_of(ideal),
                expected=lambda contender: _expected(apps // contender.share),
                warm_up=(server.url, 1),
                summary=digest,
                server=server.process,
            )
        yield Measurement(
            benchmark="kpis",
            title=f"{apps} apps, {rows:,} rows, {clients.AT_ONCE} at a time",
            unit="app",
            requests=apps,
            latency=latency,
            ideal=ideal or None,
            runs=runs,
        )
