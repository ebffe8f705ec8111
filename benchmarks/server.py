"""A server of canned pages, lean enough that it is never what a benchmark measures.

Every app has the same collection of trackers. It speaks just enough of the Campaign API v1 to be walked.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import httptools
import orjson

from benchmarks.processes import beside

PAGE_SIZE = 50


def _page(number: int, pages: int) -> bytes:
    after = str(number + 1) if number + 1 < pages else None
    items = [
        {
            "name": f"Network {number}-{index}",
            "token": f"t{number:04}{index:02}",
            "label": f"Network {number}-{index}",
            "level": 1,
            "archived": False,
            "has_subtrackers": False,
            "partner_id": index,
            "cost_data_enabled": False,
            "url": f"https://app.adjust.com/t{number:04}{index:02}",
            "click_url": f"https://app.adjust.com/t{number:04}{index:02}?campaign={{campaign_name}}&idfa={{idfa}}",
            "impression_url": f"https://view.adjust.com/impression/t{number:04}{index:02}?campaign={{campaign_name}}",
        }
        for index in range(PAGE_SIZE)
    ]
    paging = {
        "page_size": str(PAGE_SIZE),
        "collection_size": str(PAGE_SIZE),
        "total": str(pages * PAGE_SIZE),
        "next": f"https://api.adjust.com/public/v1/apps/app/trackers?after={after}&limit={PAGE_SIZE}"
        if after
        else None,
        "previous": None,
        "cursors": {"after": after, "before": None},
    }
    data = {"api_version": "1", "request_id": "FcK55-tdJUDOWQIAABsB", "timestamp": "2019-09-09T09:07:06Z"}
    body = orjson.dumps({"data": {**data, "paging": paging, "items": items}})
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Protocol(asyncio.Protocol):
    def __init__(self, answers: list[bytes], latency: float) -> None:
        self._answers = answers
        self._latency = latency
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._target = url

    def on_message_complete(self) -> None:
        _, _, after = self._target.partition(b"after=")
        body = self._answers[int(after.partition(b"&")[0] or 0)]
        asyncio.get_running_loop().call_later(self._latency, self._answer, body)

    def _answer(self, body: bytes) -> None:
        if isinstance(self._transport, asyncio.Transport) and not self._transport.is_closing():
            self._transport.write(body)


def _serve(ready: Connection, pages: int, latency: float) -> None:
    answers = [_page(number, pages) for number in range(pages)]

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(answers, latency), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def served(*, pages: int, latency: float) -> Iterator[str]:
    """Serve `pages` pages an app, each answered after `latency` seconds; give the URL."""
    with beside(_serve, pages, latency) as port:
        yield f"http://127.0.0.1:{port}"
