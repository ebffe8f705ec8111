"""Calls that are cancelled at random moments, with every kind of transport, and calls that fail now and then.

The tests make a few of them. `python -m tests.cancelling 5000` cancels that many with each
transport, and `python -m tests.cancelling faults 100000` makes that many calls under faults, and shows the memory that
they leave behind.
"""

import asyncio
import gc
import json
import random
import ssl
import sys
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import attrs
import httpx
import trustme

from adjust_async import AdjustError, AsyncAdjust
from tests.loopback import RawRequest, answer, serve
from tests.script import DONE
from tests.transports.peers import hello, make, relay, scripted, server_tls, serving_http2, settled, tasks

WAYS = ("plain", "TLS", "proxy", "HTTP/2")

BODY = json.dumps(DONE).encode()

#: Concurrent calls, over half as many connections.
AT_ONCE = 40


@attrs.define
class Outcome:
    """The results of the calls, and what they left behind."""

    ended: Counter[str]
    permits: int = 0
    calls: int = 0
    busy: int = 0
    tasks: int = 0


async def _in_two_pieces(_: RawRequest, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(random.random() * 0.002)
    whole = answer(BODY)
    for piece in (whole[:40], whole[40:]):
        if not writer.is_closing():
            writer.write(piece)
        await asyncio.sleep(0)


async def cancel_calls(kind: str, way: str, count: int, authority: trustme.CA) -> Outcome:
    """Make calls, cancel most of them at a random moment, and count what is left at the end."""
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    outcome = Outcome(Counter())
    closed: Callable[[], Awaitable[object]]
    async with AsyncExitStack() as stack:
        settings: dict[str, object] = {} if way == "plain" else {"verify": trusting}
        if way == "HTTP/2":
            settings["http2"] = True
            url, counts = await stack.enter_async_context(
                serving_http2(server_tls(authority), partial(hello, body=BODY))
            )
            closed = partial(settled, lambda: counts[0], 0)
        else:
            tls = None if way == "plain" else server_tls(authority)
            server = await stack.enter_async_context(serve(_in_two_pieces, tls=tls))
            url, closed = server.url, server.all_closed
            if way == "proxy":
                proxy = await stack.enter_async_context(scripted(lambda peer: relay(url, peer)))
                settings["proxy"] = proxy.url
        before = tasks()
        transport = make(kind, AT_ONCE // 2, **settings)
        async with httpx.AsyncClient(transport=transport) as http:
            adjust = AsyncAdjust("secret-token", api_url=url, max_concurrency=AT_ONCE // 2, http_client=http)
            places = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    await places.acquire()
                    task = group.create_task(_one(adjust, outcome.ended))
                    task.add_done_callback(lambda _: places.release())
            session = adjust._session
            outcome.permits, outcome.calls = session.permits, session.calls
            outcome.busy = getattr(transport, "connections_busy", 0)
            await adjust.aclose()
        await closed()
        outcome.tasks = len({task for task in tasks() - before if "start_server" not in repr(task)})
    return outcome


async def _one(adjust: AsyncAdjust, ended: Counter[str]) -> None:
    call = adjust.trackers.create("app", "Adroll") if random.random() < 0.5 else adjust.trackers.list("app").collect()
    task = asyncio.create_task(call)
    if random.random() < 0.8:
        await asyncio.sleep(random.random() * random.choice([0.0005, 0.004, 0.02]))
        task.cancel()
    try:
        async with asyncio.timeout(60):
            await task
        ended["done"] += 1
    except asyncio.CancelledError:
        ended["cancelled"] += 1
    except Exception as error:  # noqa: BLE001 - which one it was is what is counted
        ended[f"{type(error).__name__}: {error}"] += 1


async def fail_calls(kind: str, count: int, share: float = 0.1) -> tuple[Counter[str], list[float]]:
    """Make calls to a service that fails a share of them. Return their results, and the MiB in use after each tenth."""
    ended: Counter[str] = Counter()
    memory: list[float] = []

    async def faulty(_: RawRequest, writer: asyncio.StreamWriter) -> None:
        if random.random() >= share:
            writer.write(answer(BODY))
            return
        fault = random.randrange(5)
        if fault == 0:
            writer.transport.abort()
        elif fault == 1:
            writer.write(answer(BODY[:20], length=len(BODY)))
            writer.close()
        else:
            status = ("503 Service Unavailable", "404 Not Found", "200 OK")[fault - 2]
            writer.write(answer(b"<html>" + b"x" * 20_000, status=status))

    async with (
        serve(faulty) as server,
        httpx.AsyncClient(transport=make(kind, 20)) as http,
        AsyncAdjust("secret-token", api_url=server.url, max_concurrency=20, max_attempts=2, http_client=http) as adjust,
    ):

        async def some(calls: int) -> None:
            for number in range(calls):
                try:
                    if number % 2:
                        await adjust.trackers.update("app", "abc123", partner_id=5)
                    else:
                        await adjust.trackers.list("app").collect()
                    ended["done"] += 1
                except AdjustError as error:
                    ended[type(error).__name__] += 1

        for _ in range(10):
            await asyncio.gather(*(some(count // 200) for _ in range(20)))
            server.requests.clear()
            server.connection_of.clear()
            gc.collect()
            memory.append(tracemalloc.get_traced_memory()[0] / 2**20)
    return ended, memory


def main(arguments: list[str]) -> None:
    """Run at the size that the command line specifies."""
    import uvloop

    if arguments[0] == "faults":
        tracemalloc.start()
        for kind in ("PooledTransport", "AiohttpTransport"):
            ended, memory = asyncio.run(fail_calls(kind, int(arguments[1])))
            sizes = " ".join(f"{size:.2f}" for size in memory)
            sys.stdout.write(f"{kind} {dict(ended)} MiB: {sizes}\n")
        return
    authority = trustme.CA()
    for loop in (asyncio.new_event_loop, uvloop.new_event_loop):
        for kind in ("PooledTransport", "AiohttpTransport"):
            for way in WAYS:
                if way != "HTTP/2" or kind == "PooledTransport":
                    with asyncio.Runner(loop_factory=loop) as runner:
                        outcome = runner.run(cancel_calls(kind, way, int(arguments[0]), authority))
                    sys.stdout.write(f"{loop.__module__} {kind} {way} {outcome}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
