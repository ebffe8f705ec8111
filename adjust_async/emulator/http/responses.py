"""Sends complete responses, and streamed ones."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.types import Scope, Send

from adjust_async.emulator.http.connections import Connection

JSON = "application/json; charset=utf-8"


async def send_response(
    send: Send,
    status: int,
    body: bytes,
    *,
    content_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send a complete response in two plain ASGI messages."""
    raw_headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw_headers})
    await send({"type": "http.response.body", "body": body})


async def send_stream(scope: Scope, send: Send, content_type: str, pieces: AsyncGenerator[bytes, None]) -> None:
    """Send the pieces as they are made, while the client is connected; 204 if there are none."""
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
    """Send 204, which has no body."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
