"""A tree of 20,000 trackers, walked down to the creatives: 2,001 requests, 50 at a time.

50 networks have 6 campaigns each, and these have 6 adgroups each; the last adgroup has no children. One adgroup of each
network has 154 creatives, which take four pages, and the others have 7: most requests are for a short list, as in a
real account. Handwritten walks go level by level, and request nothing below a tracker without subtrackers. A level
can't be requested before the one above it has arrived, so every contender takes a little longer than the ideal.
Contenders that would take too long get the same tree with fewer networks.
"""

import asyncio
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from benchmarks import clients, trackers
from benchmarks.measuring import Contender, Measurement, Options, digest, side_by_side
from benchmarks.server import Answers, served

LATENCIES = (0.05,)
NETWORKS, CAMPAIGNS, ADGROUPS, CREATIVES, MANY_CREATIVES = 50, 6, 6, 7, 154

#: Token, name, and the token of the parent.
Row = tuple[str, str, str | None]


class Branch(NamedTuple):
    """A tracker and its children."""

    token: str
    name: str
    below: "list[Branch]"


def tree_of(networks: int) -> list[Branch]:
    """Make the trees of some networks."""
    return [_branch(f"n{number}", f"Network {number}") for number in range(networks)]


def _branch(token: str, name: str) -> Branch:
    level = name.count("::") + 1
    number = int(token.rpartition("-")[2]) if level > 1 else 0
    count = (CAMPAIGNS, ADGROUPS, CREATIVES, 0)[level - 1]
    if level == 3 and number == ADGROUPS - 1:
        count = 0
    elif level == 3 and token.endswith("-0-0"):
        count = MANY_CREATIVES
    kind = ("Campaign", "Adgroup", "Creative", "")[level - 1]
    return Branch(token, name, [_branch(f"{token}-{index}", f"{name}::{kind} {index}") for index in range(count)])


def _rows(branches: list[Branch], parent: str | None = None) -> Iterator[Row]:
    for branch in branches:
        yield (branch.token, branch.name, parent)
        yield from _rows(branch.below, branch.token)


def _lists(path: str, branches: list[Branch], app: str) -> Iterator[tuple[bytes, bytes]]:
    yield from trackers.pages(
        path, [trackers.tracker(branch.token, branch.name, has_subtrackers=bool(branch.below)) for branch in branches]
    )
    for branch in branches:
        if branch.below:
            yield from _lists(f"{app}/{branch.token}/children", branch.below, app)


def _path(app: str) -> str:
    return f"/public/v1/apps/{app}/trackers"


def answers(sizes: list[int]) -> Answers:
    """Make an app for each size: the number of its networks, which is also in its token."""
    return {
        target: answer
        for size in sizes
        for target, answer in _lists(_path(f"app{size}"), tree_of(size), _path(f"app{size}"))
    }


@cache
def _expected(networks: int) -> str:
    return digest(_rows(tree_of(networks)))


def with_sdk(url: str, app: str) -> list[Row]:
    """Walk with this SDK."""
    from adjust_async import AsyncAdjust

    async def walk() -> list[Row]:
        async with AsyncAdjust("token", api_url=url) as adjust:
            return [(one.token, one.name, one.parent_token) async for one in adjust.trackers.walk(app)]

    return asyncio.run(walk())


def _walked(client: clients.Client, url: str, app: str) -> list[Row]:
    async def children(ask: clients.Ask, parent: str | None, found: list[Row]) -> list[str]:
        path = _path(app) if parent is None else f"{_path(app)}/{parent}/children"
        below = []
        async for items in clients.pages(ask, path):
            found += [(item["token"], item["name"], parent) for item in items]
            below += [item["token"] for item in items if item["has_subtrackers"]]
        return below

    async def walk() -> list[Row]:
        found: list[Row] = []
        async with client(url) as ask:
            level: list[str] = await children(ask, None, found)
            while level:
                below = await asyncio.gather(*(children(ask, parent, found) for parent in level))
                level = [token for tokens in below for token in tokens]
        return found

    return asyncio.run(walk())


def with_aiohttp(url: str, app: str) -> list[Row]:
    """Walk with raw aiohttp."""
    return _walked(clients.by_aiohttp, url, app)


def with_httpx(url: str, app: str) -> list[Row]:
    """Walk with httpx."""
    return _walked(clients.by_httpx, url, app)


def with_httpx2(url: str, app: str) -> list[Row]:
    """Walk with httpx2."""
    return _walked(clients.by_httpx2, url, app)


def with_requests(url: str, app: str) -> list[Row]:
    """Walk with requests, in a loop."""
    found: list[Row] = []
    with clients.by_requests(url) as ask:
        parents: list[str | None] = [None]
        for parent in parents:
            path = _path(app) if parent is None else f"{_path(app)}/{parent}/children"
            for items in clients.pages_in_turn(ask, path):
                found += [(item["token"], item["name"], parent) for item in items]
                parents += [item["token"] for item in items if item["has_subtrackers"]]
    return found


CONTENDERS = (
    Contender("adjust_async", with_sdk),
    Contender("aiohttp, orjson, no records", with_aiohttp, needs="aiohttp"),
    Contender("httpx", with_httpx, share=5, needs="httpx"),
    Contender("httpx2", with_httpx2, needs="httpx2"),
    Contender("requests, in a loop", with_requests, share=50, needs="requests"),
)


def measure(options: Options) -> Iterator[Measurement]:
    """Measure all contenders at each latency."""
    contenders = [one._replace(share=1) for one in CONTENDERS] if options.quick else CONTENDERS
    networks = 2 if options.quick else NETWORKS
    sizes = {1, *(networks // contender.share for contender in contenders)}
    requests = len(answers([networks]))
    title = f"{len(list(_rows(tree_of(networks)))):,} trackers, {requests:,} requests, {clients.AT_ONCE} at a time"
    for latency in options.latencies_or(LATENCIES):
        ideal = requests * latency / clients.AT_ONCE
        with served(answers, sorted(sizes), latency=latency) as server:
            runs = side_by_side(
                contenders,
                lambda contender: (server.url, f"app{networks // contender.share}"),
                rounds=options.rounds_of(ideal),
                expected=lambda contender: _expected(networks // contender.share),
                warm_up=(server.url, "app1"),
                summary=digest,
                server=server.process,
            )
        yield Measurement(
            benchmark="tree",
            title=title,
            unit="request",
            requests=requests,
            latency=latency,
            ideal=ideal or None,
            runs=runs,
        )
