"""The check right before a create is sent, over real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from adjust_async import AsyncAdjust, CoordinationError, LockLostError
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.retry import may_retry
from tests.loopback import answer

pytestmark = pytest.mark.anyio


@attrs.define
class Listener:
    """A server that answers every request, and keeps everything that it receives."""

    url: str = ""
    received: bytes = b""
    connections: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read until the body is complete, or the connection ends."""
        self.connections += 1
        while piece := await reader.read(65536):
            self.received += piece
            if self.received.endswith(b"}"):
                writer.write(answer())
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Listen on loopback."""
    listener = Listener()
    async with await asyncio.start_server(listener.handle, "127.0.0.1", 0) as server:
        listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield listener


def create(fail_at: int) -> tuple[RequestSpec[int], list[int]]:
    """Return a create whose check fails at that call, and the statuses that were answered."""
    asked = 0
    answered: list[int] = []

    async def check() -> None:
        nonlocal asked
        asked += 1
        if asked == fail_at:
            raise LockLostError("the lock is gone")

    def decode(received: Answer) -> int:
        answered.append(received.status)
        return asked

    return RequestSpec("POST", "/public/v1/trackers", decode, body={"name": "A"}, before_send=check), answered


async def test_it_is_checked_before_the_call_and_on_the_open_connection() -> None:
    """The check comes before the call, before the headers and before the body."""
    async with listening() as listener, AsyncAdjust("secret-token", api_url=listener.url) as adjust:
        spec, answered = create(fail_at=0)
        assert await adjust._session.request(spec) == 3
        assert answered == [200]


@pytest.mark.parametrize(("fail_at", "sent"), [(1, b""), (2, b""), (3, b"POST /public/v1/trackers")])
async def test_no_complete_request_leaves(fail_at: int, sent: bytes) -> None:
    """Wherever the check fails, no complete request arrives, and the error is raised unchanged."""
    async with listening() as listener, AsyncAdjust("secret-token", api_url=listener.url) as adjust:
        spec, answered = create(fail_at)
        with pytest.raises(LockLostError, match="the lock is gone") as caught:
            await adjust._session.request(spec)
        assert not caught.value.in_doubt
        assert adjust._session.permits == 0
        assert not answered
        async with asyncio.timeout(60):
            while listener.connections < (fail_at > 1) or not listener.received.startswith(sent):
                await asyncio.sleep(0.001)
        assert b"{" not in listener.received


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_failed_checks_that_are_retried(method: str) -> None:
    """A coordinator that can't be reached is tried again, whatever is to be sent; a lost lock is not."""
    assert may_retry(method, CoordinationError("out of reach"))
    assert not may_retry(method, LockLostError("gone"))
