"""`AsyncAdjust`: opening, closing and sharing one client, over real sockets against the emulator."""

import asyncio
import copy
import pickle
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from adjust_async import AsyncAdjust, ClientClosedError, ConfigurationError, PooledTransport
from adjust_async.emulator import Emulator

pytestmark = pytest.mark.anyio


async def test_a_closed_client_leaves_no_task_permit_or_connection() -> None:
    """After walks, an early break, a cancelled task and a failed page, closing resets all counts."""
    tasks = len(asyncio.all_tasks())
    async with Emulator(apps=2, trackers_per_app=300, latency=0.005) as emulator:
        transport = PooledTransport(16)
        http_client = httpx.AsyncClient(transport=transport)
        adjust = AsyncAdjust(emulator.token, api_url=emulator.url, max_concurrency=8, http_client=http_client)
        async with adjust:
            app = emulator.app_tokens[0]
            async for _ in adjust.trackers.list(app, page_size=10):
                break
            async with aclosing(adjust.trackers.walk(emulator.app_tokens)) as trackers:
                await anext(trackers)
            cancelled = asyncio.create_task(adjust.partners.list(page_size=1).collect())
            while emulator.stats.requests["GET /public/v1/partners"] < 3:
                await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.gather(cancelled, adjust.trackers.list("nosuchapp").collect(), return_exceptions=True)
            left_open = adjust.trackers.walk(emulator.app_tokens)
            await anext(left_open)
        session = adjust._session
        assert (session.permits, session.calls, len(session._tasks)) == (0, 0, 0)
        assert transport.connections_busy == 0
        await http_client.aclose()
        assert (transport.connections_busy, transport.connections_idle) == (0, 0)
        async with asyncio.timeout(60):
            while emulator.stats.connections_open or emulator.stats.in_flight:
                await asyncio.sleep(0)
        with pytest.raises(ClientClosedError):
            async for _ in left_open:
                pass
        assert emulator.stats.max_in_flight <= 8
    async with asyncio.timeout(60):
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0)


@pytest.mark.slow
async def test_many_tasks_share_one_client() -> None:
    """A hundred tasks walk concurrently over one client's eight connections, and all see the same."""
    async with Emulator(apps=1, trackers_per_app=200, latency=0.002) as emulator:
        async with AsyncAdjust(emulator.token, api_url=emulator.url, max_concurrency=8) as adjust:
            app = emulator.app_tokens[0]
            walks = [adjust.trackers.list(app, page_size=20).collect() for _ in range(100)]
            first, *others = await asyncio.gather(*walks)
        assert all(other == first for other in others)
        assert emulator.stats.max_in_flight == 8
        assert emulator.stats.connections_opened == 8


async def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments, token and URL come from `ADJUST_API_TOKEN` and `ADJUST_API_URL`."""
    async with Emulator() as emulator:
        monkeypatch.setenv("ADJUST_API_TOKEN", emulator.token)
        monkeypatch.setenv("ADJUST_API_URL", emulator.url)
        async with AsyncAdjust() as adjust:
            assert await adjust.partners.list(max_items=3).collect()


async def test_a_client_of_ones_own_is_used_and_stays_open() -> None:
    """`http_client=` sends all requests, is returned by `http_client`, and is not closed with `AsyncAdjust`."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"data": {"items": []}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
        async with AsyncAdjust("token", http_client=http_client) as adjust:
            assert adjust.http_client is http_client
            assert await adjust.partners.list().collect() == []
        assert not http_client.is_closed
        assert (await http_client.get("https://example.com/")).status_code == 200
    assert [request.url.path for request in sent] == ["/public/v1/partners", "/"]


async def test_the_client_of_the_sdk_is_closed_with_it() -> None:
    """Without `http_client=`, the client's own one is closed at the end, and can't be replaced."""
    async with AsyncAdjust("token") as adjust:
        http_client = adjust.http_client
        assert not http_client.is_closed
        with pytest.raises(AttributeError):
            adjust.http_client = httpx.AsyncClient()  # type: ignore[misc]  # what is tested is that it fails
    assert http_client.is_closed


@pytest.mark.parametrize("http_client", [0, "x", httpx.Client(), httpx.AsyncHTTPTransport(), object, httpx.AsyncClient])
def test_anything_but_an_httpx_client_is_refused(http_client: Any) -> None:
    """Only an `httpx.AsyncClient` can be passed: no transport, no class, and no synchronous client."""
    with pytest.raises(ConfigurationError, match=r"http_client is .*: pass an httpx\.AsyncClient"):
        AsyncAdjust("token", http_client=http_client)


def test_a_client_with_params_is_refused() -> None:
    """Parameters of a client would be added to every query: they are refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="http_client has params"):
        AsyncAdjust("token", http_client=httpx.AsyncClient(params={"user_token": "x"}))


async def test_a_client_that_is_closed() -> None:
    """A client that is already closed is refused; one that its owner closes later ends every further call."""
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    adjust = AsyncAdjust("token", http_client=http_client, max_attempts=1)
    await http_client.aclose()
    with pytest.raises(ClientClosedError, match="its http_client was closed"):
        await adjust.trackers.create("app", "Adroll")
    with pytest.raises(ClientClosedError, match="http_client is closed"):
        AsyncAdjust("token", http_client=http_client)


async def test_a_transport_with_fewer_connections_than_permits_loses_nothing() -> None:
    """Requests wait for a connection of the user's transport, instead of failing."""
    async with Emulator(apps=1, trackers_per_app=300, latency=0.001) as emulator:
        transport = PooledTransport(max_connections=2)
        http_client = httpx.AsyncClient(transport=transport)
        async with http_client, AsyncAdjust(emulator.token, api_url=emulator.url, http_client=http_client) as adjust:
            assert len([tracker async for tracker in adjust.trackers.walk(emulator.app_tokens)]) == 300
        assert emulator.stats.connections_opened == 2


def test_a_client_can_be_made_outside_of_a_loop_and_used_in_several() -> None:
    """Making a client needs no running loop; a new client works in any loop."""
    for _ in range(2):
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": {"items": []}}))
        adjust = AsyncAdjust("token", http_client=httpx.AsyncClient(transport=transport))

        async def use(client: AsyncAdjust = adjust) -> list[object]:
            async with client:
                return list(await client.partners.list().collect())

        assert asyncio.run(use()) == []


def test_a_client_shows_no_token() -> None:
    """Neither the representation of a client nor a pickle or copy of it has the token."""
    adjust = AsyncAdjust("secret-token")
    assert "secret" not in repr(adjust)
    assert "secret" not in repr(adjust._session.config)
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(adjust._session.config)
    with pytest.raises(TypeError):
        pickle.dumps(adjust)
    with pytest.raises(TypeError):
        copy.deepcopy(adjust)


def test_plain_http_is_for_this_machine_only() -> None:
    """A token that would cross the network in the clear is refused."""
    with pytest.raises(ConfigurationError, match="in the clear"):
        AsyncAdjust("token", api_url="http://api.adjust.com")
    AsyncAdjust("token", api_url="http://127.0.0.1:8080")
