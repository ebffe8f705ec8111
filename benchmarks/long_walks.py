"""The memory of a walk over up to 300,000 trackers that keeps none of them; pages are made on request."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from typing import NamedTuple

from adjust_async import AsyncAdjust, Tracker
from benchmarks import trackers
from benchmarks.measuring import Listing, Options, alone
from benchmarks.server import response, served


class _LongLists(Mapping[bytes, bytes]):
    """Lists of any length, made on request; the token of an app is its number of pages."""

    def __init__(self) -> None:
        # Of three pages the first one has a cursor to the next, and the last one has none.
        of_three = [trackers.tracker(f"tPAGE{number:03}", f"Network PAGE {number}") for number in range(150)]
        kinds = [whole.partition(b"\r\n\r\n")[2] for _, whole in trackers.pages("/", of_three)]
        self._followed, self._last = kinds[0].replace(b"p50", b"pNEXT"), kinds[2]

    def __getitem__(self, target: bytes) -> bytes:
        path, _, cursor = target.partition(b"?p")
        first, pages = int(cursor or 0), int(path.split(b"/")[4])
        number = first // trackers.PAGE_SIZE
        body = self._last if number == pages - 1 else self._followed
        following = first + trackers.PAGE_SIZE
        return response(body.replace(b"NEXT", b"%d" % following).replace(b"PAGE", b"%07d" % number))

    def __iter__(self) -> Iterator[bytes]:
        return iter(())  # they are there only when asked for

    def __len__(self) -> int:
        return 0


def listed(url: str, pages: int) -> int:
    """List the trackers of an app without keeping any."""
    return asyncio.run(_counted(url, lambda adjust: adjust.trackers.list(str(pages))))


def walked(url: str, pages: int) -> int:
    """Walk the tree of an app without keeping any of it."""
    return asyncio.run(_counted(url, lambda adjust: adjust.trackers.walk(str(pages))))


async def _counted(url: str, walk: Callable[[AsyncAdjust], AsyncIterable[Tracker]]) -> int:
    found = 0
    async with AsyncAdjust("token", api_url=url) as adjust:
        async for _ in walk(adjust):
            found += 1
    return found


def traced(work: Callable[[str, int], int], url: str, pages: int) -> int:
    """Run it under `tracemalloc`. Return the peak, minus what a first walk leaves in memory."""
    work(url, 4)
    tracemalloc.start()
    try:
        work(url, pages)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class Walk(NamedTuple):
    """A walk whose memory is measured, and whether it is short enough to trace."""

    name: str
    work: Callable[[str, int], int]
    items: int
    is_traced: bool = True


WALKS = (
    Walk("trackers.list", listed, 10_000),
    Walk("trackers.list", listed, 100_000),
    Walk("trackers.list", listed, 300_000, is_traced=False),
    Walk("trackers.walk", walked, 10_000),
    Walk("trackers.walk", walked, 100_000),
)
QUICK_WALKS = (Walk("trackers.list", listed, 1_000),)


def long_walks(options: Options) -> Listing:
    """Measure each walk in a process of its own."""
    rows = []
    with served(_LongLists, latency=0.0) as server:
        for walk in QUICK_WALKS if options.quick else WALKS:
            pages = walk.items // trackers.PAGE_SIZE
            found, run = alone(walk.work, server.url, pages, warm_up=(server.url, 4))
            if found != walk.items:
                raise SystemExit(f"{walk.name} found {found} of {walk.items} trackers")
            peak, _ = alone(traced, walk.work, server.url, pages) if walk.is_traced else (None, None)
            grown = "" if peak is None else f"{peak / 1e6:.2f}"
            rows.append([walk.name, f"{walk.items:,}", f"{run.wall:.2f}", f"{run.memory / 1e6:.2f}", grown])
    return Listing(
        "small",
        "Memory of a walk that keeps nothing, over one app without latency",
        ["", "Trackers", "Wall time, s", "Growth of the process, MB", "Peak of Python's memory, MB"],
        rows,
    )
