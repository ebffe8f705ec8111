"""Answers that are sent while they are made."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.types import Scope, Send

from adjust_async.emulator.http.connections import Connection


async def send_stream(scope: Scope, send: Send, content_type: str, pieces: AsyncGenerator[bytes, None]) -> None:
    """Send the pieces as they come, as long as the client is there; 204 where there is none."""
    connection, started = Connection.of(scope), False
    async with aclosing(pieces):
        async for piece in pieces:
            if not started:
                headers = [(b"content-type", content_type.encode())]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                started = True
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if not await connection.sleep(0):
                return
    if not started:
        await send_nothing(send)
    else:
        await send({"type": "http.response.body", "body": b""})


async def send_nothing(send: Send) -> None:
    """Answer that there is nothing: 204, which has no body."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
