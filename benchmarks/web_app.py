"""The effect of a background task on a FastAPI app, pinged while it walks 2,000 pages or fetches large documents.

The app runs under uvicorn in its own process, with the client opened in its lifespan. Another process sends it a ping
every 5 ms, whether or not earlier ones were answered, and measures the time of each from the moment at which it was
due. A task in the app sleeps for 2 ms at a time, and records how late it wakes. Their results while the app does
nothing else are the noise of the machine, including their own CPU time.

The walk covers 50 apps concurrently, at 50 ms of latency; the one with httpx covers a fifth of the pages. The documents
are an answer of the KPI Service with 200,000 figures, followed by one of the Report Service with 40,000 rows. For them,
the longest time is measured for which nothing else was served.
"""

import asyncio
import json
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from benchmarks.app_jobs import JOBS, QUICK, WHOLE, Job, Size, answers
from benchmarks.measuring import Listing, Options, spread
from benchmarks.processes import run_server
from benchmarks.server import served

LATENCY = 0.05
PING_EVERY, WATCH_EVERY = 0.005, 0.002


class Seen(NamedTuple):
    """The measurements of a job: its duration, the time of each ping, and the delays of the loop, all in seconds."""

    seconds: float
    pings: Sequence[float]
    lags: Sequence[float]


def _serve(ready: Connection, job: int, url: str, size: Size) -> None:
    import uvicorn
    from fastapi import BackgroundTasks, FastAPI

    # asyncio disables Nagle's algorithm only if the protocol is named. Otherwise each answer takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    lags: list[float] = []
    result: dict[str, Any] = {}
    at_work = False

    async def watch() -> None:
        while True:
            due = time.perf_counter() + WATCH_EVERY
            await asyncio.sleep(WATCH_EVERY)
            if at_work:
                lags.append(time.perf_counter() - due)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with JOBS[job].open(url, size) as app.state.work:
            watching = asyncio.create_task(watch())
            ready.send(listener.getsockname()[1])
            yield
            watching.cancel()

    async def work() -> None:
        nonlocal at_work
        began = time.perf_counter()
        try:
            result["found"] = await app.state.work()
            result["seconds"] = time.perf_counter() - began
        finally:
            at_work = False

    async def start(background: BackgroundTasks) -> None:
        nonlocal at_work
        at_work = True
        background.add_task(work)

    async def ping() -> dict[str, bool]:
        return {"at_work": at_work}

    async def seen() -> dict[str, Any]:
        return {**result, "lags": lags}

    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/start", start, methods=["POST"])
    app.add_api_route("/ping", ping)
    app.add_api_route("/seen", seen)
    config = uvicorn.Config(
        app, loop="asyncio", http="httptools", log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run([listener])


class _Pinger:
    """Pings at a steady pace, over as many connections as there are open answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._over = False
        self.seconds: list[float] = []

    async def run(self) -> None:
        """Ping until the job has ended."""
        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while not self._over:
                due += PING_EVERY
                await asyncio.sleep(due - time.perf_counter())
                group.create_task(self._ping(due))
        for _, writer in self._free:
            writer.close()

    async def _ping(self, due: float) -> None:
        connection = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = connection
        writer.write(b"GET /ping HTTP/1.1\r\nHost: app\r\n\r\n")
        answer = await reader.readuntil(b"}")
        self.seconds.append(time.perf_counter() - due)
        self._free.append(connection)
        self._over |= b"false" in answer


def _watched(job: Job, url: str, size: Size) -> Seen:
    size = size._replace(pages=size.pages // job.share)
    with run_server(_serve, JOBS.index(job), url, size) as port:
        app = f"http://127.0.0.1:{port}"
        pinger = _Pinger(port)
        with urlopen(Request(f"{app}/start", method="POST")):
            asyncio.run(pinger.run())
        with urlopen(f"{app}/seen") as answer:
            seen = json.load(answer)
    if (found := seen.get("found")) != (right := job.found(size)):
        raise SystemExit(f"{job.name} found {found!r}, where {right!r} is right")
    return Seen(seen["seconds"], pinger.seconds, seen["lags"])


def _cells(of_rounds: Sequence[Seen]) -> Iterator[str]:
    yield spread([seen.seconds for seen in of_rounds])
    for values in ([seen.pings for seen in of_rounds], [seen.lags for seen in of_rounds]):
        for percent in (50, 99):
            yield spread(
                [statistics.quantiles(of_round, n=100, method="inclusive")[percent - 1] * 1000 for of_round in values]
            )
        yield spread([max(of_round) * 1000 for of_round in values])


def measure(options: Options) -> Iterator[Listing]:
    """Let the app do each job, one after the other in each round."""
    if find_spec("fastapi") is None:
        print("there is no web app: the module fastapi is not installed", file=sys.stderr)
        return
    size = QUICK if options.quick else WHOLE
    jobs = [job for job in JOBS if find_spec(job.needs)]
    of_jobs: dict[str, list[Seen]] = {job.name: [] for job in jobs}
    with served(answers, size, latency=options.latencies_or((LATENCY,))[0]) as server:
        for _ in range(options.rounds):
            for job in jobs:
                of_jobs[job.name].append(_watched(job, server.url, size))
    yield Listing(
        "web_app",
        f"A FastAPI app pinged every {PING_EVERY * 1000:g} ms, while in the background it does",
        [
            "",
            "Seconds of work",
            "Ping p50, ms",
            "Ping p99, ms",
            "Ping max, ms",
            "Loop late p50, ms",
            "Loop late p99, ms",
            "Loop late max, ms",
        ],
        [[name, *_cells(of_rounds)] for name, of_rounds in of_jobs.items()],
    )
