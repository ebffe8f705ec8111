"""A server of canned answers, so lean that it never determines the result of a benchmark.

It speaks just enough HTTP for the contenders: one GET at a time on each kept-alive connection. All answers are made
before the clock starts; the same path and cursor always get the same one.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import httptools

from benchmarks.processes import run_server

#: Complete responses by path, from the second page on with `?` and the cursor; or by the complete target.
Answers = Mapping[bytes, bytes]

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Server(NamedTuple):
    """The server's URL and process."""

    url: str
    process: int


def response(body: bytes) -> bytes:
    """Make a complete response with a JSON document."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Protocol(asyncio.Protocol):
    def __init__(self, answers: Answers, latency: float) -> None:
        self._answers = answers
        self._latency = latency
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_message_complete(self) -> None:
        path, _, query = self._target.partition(b"?")
        _, cursor, rest = query.partition(b"after=")
        answer = self._answers.get(path + b"?" + rest.partition(b"&")[0] if cursor else path)
        if answer is None:
            answer = self._answers.get(self._target, NOT_FOUND)
        self._target = b""
        asyncio.get_running_loop().call_later(self._latency, self._answer, answer)

    def _answer(self, answer: bytes) -> None:
        if isinstance(self._transport, asyncio.Transport) and not self._transport.is_closing():
            self._transport.write(answer)


def serve(ready: Connection, protocol: Callable[[], asyncio.Protocol]) -> None:
    """Serve on a free port until the process ends, and send the address."""

    async def listen() -> None:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        ready.send(Server(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", os.getpid()))
        await server.serve_forever()

    asyncio.run(listen())


def _serve(ready: Connection, latency: float, make: Callable[..., Answers], arguments: tuple[Any, ...]) -> None:
    answers = make(*arguments)
    serve(ready, lambda: _Protocol(answers, latency))


@contextmanager
def served(make: Callable[..., Answers], *arguments: Any, latency: float) -> Iterator[Server]:
    """Serve the answers that `make(*arguments)` returns, each after `latency` seconds."""
    with run_server(_serve, latency, make, arguments) as server:
        yield server
