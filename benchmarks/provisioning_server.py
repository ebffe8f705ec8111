"""The trackers of the Campaign API v1 in memory, so lean that the server never determines the result.

An app exists, without trackers, from its first request on, so each run has its own. `GET /tally/{app}` reports its
trackers.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from urllib.request import urlopen

import httptools
import orjson

from benchmarks import trackers
from benchmarks.processes import run_server
from benchmarks.server import Server, response, serve

SETTINGS = ("partner_id", "cost_data_enabled")


class Tally(NamedTuple):
    """The trackers of an app, and its requests.

    Attributes:
        names: The names of all its trackers, duplicates included.
        requests: The number of requests by method.
    """

    names: list[str]
    requests: dict[str, int]


class _App:
    def __init__(self) -> None:
        self._trackers: dict[str, dict[str, Any]] = {}
        self._below: dict[str | None, list[dict[str, Any]]] = {}
        self._requests: Counter[str] = Counter()

    def answer(self, method: str, token: str | None, query: Mapping[str, str], body: bytes) -> bytes:
        self._requests[method] += 1
        if method == "GET":
            return self._page(token, int(query.get("after", 0)), int(query.get("limit", trackers.PAGE_SIZE)))
        fields = orjson.loads(body)
        if token is None:
            return _document([self._created(**fields)])
        self._trackers[token] |= {name: fields[name] for name in SETTINGS if name in fields}
        return _document([self._trackers[token]])

    def _created(self, name: str, parent_token: str | None = None) -> dict[str, Any]:
        above = None if parent_token is None else self._trackers[parent_token]
        if above is not None:
            above["has_subtrackers"] = True
            name = f"{above['name']}::{name}"
        tracker = trackers.tracker(f"t{len(self._trackers):06}", name)
        self._trackers[tracker["token"]] = tracker
        self._below.setdefault(parent_token, []).append(tracker)
        return tracker

    def _page(self, parent: str | None, first: int, limit: int) -> bytes:
        below = self._below.get(parent, [])
        items = below[first : first + limit]
        after = str(first + limit) if first + limit < len(below) else None
        paging = {
            "page_size": str(limit),
            "collection_size": str(len(items)),
            "total": str(len(below)),
            "next": None if after is None else f"https://api.adjust.com/?after={after}&limit={limit}",
            "previous": None,
            "cursors": {"after": after, "before": str(first) if first else None},
        }
        return _document(items, paging=paging)

    def tally(self) -> bytes:
        return orjson.dumps([[tracker["name"] for tracker in self._trackers.values()], self._requests])


def _document(items: Sequence[dict[str, Any]], **more: Any) -> bytes:
    head = {"api_version": "1", "request_id": "FcK55-tdJUDOWQIAABsB", "timestamp": "2019-09-09T09:07:06Z"}
    return orjson.dumps({"data": {**head, **more, "items": items}})


class _Protocol(asyncio.Protocol):
    def __init__(self, apps: dict[str, _App], latency: float) -> None:
        self._apps = apps
        self._latency = latency
        self._parser = httptools.HttpRequestParser(self)
        self._target = self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, _, query = self._target.decode().partition("?")
        body, self._target, self._body = self._body, b"", b""
        method = self._parser.get_method().decode()
        asyncio.get_running_loop().call_later(self._latency, self._write, self._answer(method, path, query, body))

    def _answer(self, method: str, path: str, query: str, body: bytes) -> bytes:
        if path.startswith("/tally/"):
            return self._apps[path.removeprefix("/tally/")].tally()
        # /public/v1/apps/{app}/trackers[/{tracker}[/children]]
        _, _, _, _, token, _, *tracker = path.split("/")
        app = self._apps.get(token)
        if app is None:
            app = self._apps[token] = _App()
        return app.answer(method, tracker[0] if tracker else None, dict(parse_qsl(query)), body)

    def _write(self, body: bytes) -> None:
        if isinstance(self._transport, asyncio.Transport) and not self._transport.is_closing():
            self._transport.write(response(body))


def _serve(ready: Connection, latency: float) -> None:
    apps: dict[str, _App] = {}
    serve(ready, lambda: _Protocol(apps, latency))


@contextmanager
def provisioning_served(*, latency: float) -> Iterator[Server]:
    """Serve apps without trackers, and answer each request after `latency` seconds."""
    with run_server(_serve, latency) as server:
        yield server


def tally(server: Server, app: str) -> Tally:
    """Request the tally of an app."""
    with urlopen(f"{server.url}/tally/{app}") as answer:
        return Tally(*json.load(answer))
