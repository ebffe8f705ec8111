"""The cost of sharing an account: one permit, and four processes compared with one that does all the work.

The server counts concurrent requests, and refuses those beyond 50. Redis runs on the same machine; if it is not
installed, its rows are left out.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson

from adjust_async import AsyncAdjust
from adjust_async.coordination import Host
from adjust_async.coordination.urls import find_coordinator
from benchmarks import rollouts
from benchmarks.measuring import Listing, Options, amount
from benchmarks.processes import run_server
from benchmarks.redis_server import RedisServer
from benchmarks.server import serve

LIMIT = 50

#: Seconds that the server takes for an answer, like Adjust at its fastest.
LATENCY = 0.2

#: Seconds after which the permits of a killed process are free.
LEASE = 2.0

_context = multiprocessing.get_context("spawn")


class _Size(NamedTuple):
    """The amount of work: permits in a row, seconds of taking permits, requests per process."""

    permits: int
    seconds: float
    processes: Sequence[int]
    requests: int


WHOLE = _Size(permits=2000, seconds=1.0, processes=(1, 2, 4), requests=200)
QUICK = _Size(permits=20, seconds=0.1, processes=(2,), requests=10)


def measure(options: Options) -> Iterator[Listing]:
    """Measure a permit, then processes that share an account."""
    size = QUICK if options.quick else WHOLE
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        places: dict[str, str | None] = {"in the process": None, "file": f"file://{folder}/coordination.db"}
        try:
            server = RedisServer(Path(folder))
        except (OSError, RuntimeError) as error:
            print(f"Redis takes no part: {error}", file=sys.stderr)
        else:
            stack.callback(server.stop)
            places["Redis"] = server.url
        yield _permits(places, size)
        yield _processes(places, size)
        shared = {name: place for name, place in places.items() if place is not None}
        yield rollouts.rollouts(shared, rollouts.QUICK if options.quick else rollouts.WHOLE)


# One permit.


def _permits(places: dict[str, str | None], size: _Size) -> Listing:
    rows = []
    for name, place in places.items():
        times = asyncio.run(_taken(place, size.permits))
        cuts = statistics.quantiles(times, n=100)
        rates = [_rate(place, count, size.seconds) if place or count == 1 else None for count in size.processes]
        shown = ["" if rate is None else f"{rate:,.0f}" for rate in rates]
        rows.append([f"adjust_async, {name}", amount(cuts[49] * 1000), amount(cuts[98] * 1000), *shown])
    columns = ["", "p50, ms", "p99, ms", *(f"a second, {count} processes" for count in size.processes)]
    note = (
        "The first two columns are permits one after the other. The others are what processes get together that want "
    )
    return Listing("coordination", "Taking a permit", columns, rows, f"{note}nothing else, each by 50 tasks.")


async def _taken(place: str | None, permits: int) -> list[float]:
    member = find_coordinator(place).join([_host()])
    times = []
    for _ in range(permits):
        began = time.perf_counter()
        async with member.permit("api"):
            times.append(time.perf_counter() - began)
    await member.aclose()
    return times


def _rate(place: str | None, processes: int, seconds: float) -> float:
    """Return the number of permits a second that some processes get together."""
    return sum(found for found, _ in _together(_take, [(place, seconds)] * processes)) / seconds


def _take(begin: Connection, place: str | None, seconds: float) -> int:
    async def take() -> int:
        member, taken = find_coordinator(place).join([_host()]), 0

        async def work(end: float) -> None:
            nonlocal taken
            while time.monotonic() < end:
                async with member.permit("api"):
                    taken += 1
                    await asyncio.sleep(0)

        async with member.permit("api"):
            _wait_for_start(begin)
        end = time.monotonic() + seconds
        await asyncio.gather(*(work(end) for _ in range(LIMIT)))
        await member.aclose()
        return taken

    return asyncio.run(take())


def _host() -> Host:
    return Host("api", "https://api.adjust.com", Host.account_of("benchmark"), LIMIT)


# Processes that share an account.


class _Served(NamedTuple):
    """The server's counts: concurrent requests at most, answers, and refusals."""

    most: int
    answered: int
    refused: int


def _processes(places: dict[str, str | None], size: _Size) -> Listing:
    count = 4 if size is WHOLE else 2
    shared = {name: place for name, place in places.items() if place is not None}
    each = size.requests
    runs: list[tuple[str, list[tuple[str | None, int]], bool]] = [
        ("adjust_async, one process", [(None, count * each)], False),
        (f"{count} processes, none of which knows of the others", [(None, each)] * count, False),
    ]
    for name, place in shared.items():
        runs.append((f"adjust_async, {count} processes, {name}", [(place, each)] * count, False))
    for name, place in shared.items() if size is WHOLE else ():
        killed = f"adjust_async, {count} processes, {name}, one killed every 2 s"
        runs.append((killed, [(place, each)] * count, True))
    rows, alone = [], 0.0
    for name, work, is_killed in runs:
        with run_server(_serve, LATENCY) as server:
            arguments = [(server.url, place, requests) for place, requests in work]
            wall = _killed(arguments) if is_killed else max(took for _, took in _together(_fetch, arguments))
            served = _Served(*httpx.get(f"{server.url}/seen").json())
        alone = alone or wall
        expected = count * size.requests
        if name.startswith("adjust_async") and not (served.most <= LIMIT and served.answered >= expected):
            raise SystemExit(f"{name}: {served}")
        rows.append([name, f"{wall:.2f}", f"{wall / alone:.2f}", *map(str, served)])
    columns = ["", "Wall time, s", "Of one process", "Requests at a time at most", "Answered", "Refused"]
    best = count * size.requests / LIMIT * LATENCY
    title = (
        f"{count * size.requests:,} requests of {LATENCY * 1000:.0f} ms, {best:.0f} s at best with {LIMIT} at a time"
    )
    note = (
        f"A killed process is replaced at once by one that does the rest of its work; the lease is {LEASE:g} s. What "
        "was answered to a dead process is asked for again."
    )
    return Listing("coordination", title, columns, rows, note)


def _fetch(begin: Connection, url: str, place: str | None, requests: int) -> int:
    logging.getLogger("adjust_async").setLevel(logging.ERROR)  # of each 429

    async def fetch() -> int:
        coordinator = None if place is None else rollouts.coordinator_of(place, LEASE)
        async with AsyncAdjust("benchmark-token", api_url=url, coordinator=coordinator) as adjust:
            left = iter(range(requests))

            async def work() -> None:
                for _ in left:
                    await adjust.partners.list().collect()
                    begin.send(None)

            _wait_for_start(begin)
            async with asyncio.TaskGroup() as group:
                for _ in range(LIMIT):
                    group.create_task(work())
        return requests

    return asyncio.run(fetch())


def _killed(arguments: Sequence[tuple[str, str | None, int]]) -> float:
    """Kill and replace one of the processes every two seconds, until all is done. Return the seconds that this took."""
    url, place, _ = arguments[0]
    left = [requests for _, _, requests in arguments]
    began, next_kill, victim = 0.0, 0.0, 0
    processes = [_start(_fetch, argument) for argument in arguments]
    for _, connection in processes:
        connection.recv()
    for _, connection in processes:
        connection.send(None)
    began = time.monotonic()
    next_kill = began + 2
    while any(left):
        for number, (_, connection) in enumerate(processes):
            left[number] -= _drained(connection)
        if time.monotonic() > next_kill:
            next_kill += 2
            victim = (victim + 1) % len(processes)
            if left[victim]:
                process, connection = processes[victim]
                process.kill()
                process.join()
                left[victim] -= _drained(connection)
                processes[victim] = _start(_fetch, (url, place, left[victim]))
                processes[victim][1].send(None)
        time.sleep(0.01)
    wall = time.monotonic() - began
    for process, _ in processes:
        process.join()
    return wall


def _drained(connection: Connection) -> int:
    """Return the number of answers that a process has reported."""
    answers = 0
    with contextlib.suppress(EOFError):
        while connection.poll():
            answers += connection.recv() is None
    return answers


# Starting them together.


def _start(work: Any, arguments: tuple[Any, ...]) -> tuple[SpawnProcess, Connection]:
    ours, theirs = _context.Pipe()
    process = _context.Process(target=_run, args=(theirs, work, arguments), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _run(begin: Connection, work: Any, arguments: tuple[Any, ...]) -> None:
    found = work(begin, *arguments)
    begin.send(("found", found))


def _wait_for_start(begin: Connection) -> None:
    begin.send("ready")
    begin.recv()


def _together(work: Any, arguments: Sequence[tuple[Any, ...]]) -> list[tuple[int, float]]:
    """Run `work` in processes that begin at the same moment. Return the result of each, and its duration in seconds."""
    processes = [_start(work, argument) for argument in arguments]
    for _, connection in processes:
        connection.recv()
    began = time.monotonic()
    for _, connection in processes:
        connection.send(None)
    found: dict[Connection, tuple[int, float]] = {}
    # All are read continuously: a full pipe would stop the event loop of its process.
    while waiting := [connection for _, connection in processes if connection not in found]:
        ready = wait(waiting)
        for connection in waiting:
            if connection in ready and (answer := connection.recv()) is not None:
                found[connection] = (answer[1], time.monotonic() - began)
    for process, _ in processes:
        process.join()
    return [found[connection] for _, connection in processes]


# The server.


class _Counted(asyncio.Protocol):
    """Answers every GET with a page of partners, and counts."""

    at_a_time = most = answered = refused = 0

    def __init__(self, latency: float) -> None:
        self._latency = latency
        item = {"id": 1, "name": "applovin", "display_name": "AppLovin"}
        body = orjson.dumps({"data": {"items": [item], "paging": {"cursors": {"after": None}}}})
        self._page = _response("200 OK", body)
        self._refusal = _response("429 Too Many Requests", b"{}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /seen"):
            seen = [_Counted.most, _Counted.answered, _Counted.refused]
            self._send(_response("200 OK", orjson.dumps(seen)))
        elif _Counted.at_a_time >= LIMIT:
            _Counted.refused += 1
            self._send(self._refusal)
        else:
            _Counted.at_a_time += 1
            _Counted.most = max(_Counted.most, _Counted.at_a_time)
            asyncio.get_running_loop().call_later(self._latency, self._answer)

    def _answer(self) -> None:
        _Counted.at_a_time -= 1
        _Counted.answered += 1
        self._send(self._page)

    def _send(self, answer: bytes) -> None:
        if isinstance(self._transport, asyncio.Transport) and not self._transport.is_closing():
            self._transport.write(answer)


def _response(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _serve(ready: Connection, latency: float) -> None:
    serve(ready, lambda: _Counted(latency))
