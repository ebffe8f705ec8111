"""2,000 pages of 50 trackers from 50 apps, 50 requests at a time.

Every contender reads the lists of all apps to their ends, and takes the token and the name of every tracker. Contenders
that would take too long get a share: every app with fewer pages or, for serial requests, one complete app.
"""

import asyncio
from collections.abc import Iterator
from functools import cache
from itertools import chain

from benchmarks import clients, trackers
from benchmarks.measuring import Contender, Measurement, Options, digest, side_by_side
from benchmarks.server import Answers, served

APPS = 50
PAGES = 40
LATENCIES = (0.02, 0.05, 0.2)

#: App, token, name.
Row = tuple[str, str, str]


def apps_of(share: int, pages: int) -> list[str]:
    """Return the tokens of the apps in a share; the first part of each token is the number of its pages."""
    if share == APPS:
        return [f"{pages}x00"]
    return [f"{pages // share}x{number:02}" for number in range(APPS)]


def _trackers(app: str) -> list[Row]:
    count = int(app.partition("x")[0]) * trackers.PAGE_SIZE
    return [(app, f"{app}t{number:04}", f"Network {number} of {app}") for number in range(count)]


def answers(apps: list[str]) -> Answers:
    """Make the lists of some apps."""
    return {
        target: answer
        for app in apps
        for target, answer in trackers.pages(
            f"/public/v1/apps/{app}/trackers", [trackers.tracker(token, name) for _, token, name in _trackers(app)]
        )
    }


@cache
def _expected(share: int, pages: int) -> str:
    return digest(row for app in apps_of(share, pages) for row in _trackers(app))


def with_sdk(url: str, apps: list[str]) -> list[Row]:
    """Walk with this SDK."""
    return _walked_with_sdk(url, apps, clients.sdk)


def with_sdk_on_aiohttp(url: str, apps: list[str]) -> list[Row]:
    """Walk with this SDK and `AiohttpTransport`."""
    return _walked_with_sdk(url, apps, clients.sdk_on_aiohttp)


def _walked_with_sdk(url: str, apps: list[str], sdk: clients.SDK) -> list[Row]:
    async def walk_all() -> list[Row]:
        async with sdk(url) as adjust:

            async def walk(app: str) -> list[Row]:
                return [(app, tracker.token, tracker.name) async for tracker in adjust.trackers.list(app)]

            return list(chain.from_iterable(await asyncio.gather(*map(walk, apps))))

    return asyncio.run(walk_all())


def _walked(client: clients.Client, url: str, apps: list[str]) -> list[Row]:
    async def walk(ask: clients.Ask, app: str) -> list[Row]:
        path = f"/public/v1/apps/{app}/trackers"
        return [(app, item["token"], item["name"]) async for items in clients.pages(ask, path) for item in items]

    async def walk_all() -> list[Row]:
        async with client(url) as ask:
            return list(chain.from_iterable(await asyncio.gather(*(walk(ask, app) for app in apps))))

    return asyncio.run(walk_all())


def with_aiohttp(url: str, apps: list[str]) -> list[Row]:
    """Walk with raw aiohttp."""
    return _walked(clients.by_aiohttp, url, apps)


def with_httpx(url: str, apps: list[str]) -> list[Row]:
    """Walk with httpx."""
    return _walked(clients.by_httpx, url, apps)


def with_httpx2(url: str, apps: list[str]) -> list[Row]:
    """Walk with httpx2."""
    return _walked(clients.by_httpx2, url, apps)


def with_httpx_pooled(url: str, apps: list[str]) -> list[Row]:
    """Walk with httpx and `PooledTransport`."""
    return _walked(clients.by_httpx_pooled, url, apps)


def with_httpx_aiohttp(url: str, apps: list[str]) -> list[Row]:
    """Walk with httpx and `AiohttpTransport`."""
    return _walked(clients.by_httpx_aiohttp, url, apps)


def with_requests(url: str, apps: list[str]) -> list[Row]:
    """Walk with requests, in a loop."""
    with clients.by_requests(url) as ask:
        return [
            (app, item["token"], item["name"])
            for app in apps
            for items in clients.pages_in_turn(ask, f"/public/v1/apps/{app}/trackers")
            for item in items
        ]


CONTENDERS = (
    Contender("adjust_async", with_sdk),
    Contender("adjust_async on aiohttp", with_sdk_on_aiohttp, needs="aiohttp"),
    Contender("aiohttp, orjson, no records", with_aiohttp, needs="aiohttp"),
    Contender("httpx on PooledTransport", with_httpx_pooled, needs="httpx"),
    Contender("httpx on AiohttpTransport", with_httpx_aiohttp, needs="aiohttp"),
    Contender("httpx", with_httpx, share=5, needs="httpx"),
    Contender("httpx2", with_httpx2, needs="httpx2"),
    Contender("requests, in a loop", with_requests, share=APPS, needs="requests"),
)


def measure(options: Options) -> Iterator[Measurement]:
    """Measure all contenders at each latency."""
    pages = 5 if options.quick else PAGES
    apps = [app for share in {contender.share for contender in CONTENDERS} for app in apps_of(share, pages)]
    for latency in options.latencies_or(LATENCIES):
        requests = APPS * pages
        ideal = requests * latency / clients.AT_ONCE
        with served(answers, [*apps, "1x99"], latency=latency) as server:
            runs = side_by_side(
                CONTENDERS,
                lambda contender: (server.url, apps_of(contender.share, pages)),
                rounds=options.rounds_of(ideal),
                expected=lambda contender: _expected(contender.share, pages),
                warm_up=(server.url, ["1x99"]),
                summary=digest,
                server=server.process,
            )
        yield Measurement(
            benchmark="pages",
            title=f"{requests:,} pages of {trackers.PAGE_SIZE} trackers from {APPS} apps, {clients.AT_ONCE} at a time",
            unit="page",
            requests=requests,
            latency=latency,
            ideal=ideal or None,
            runs=runs,
        )
