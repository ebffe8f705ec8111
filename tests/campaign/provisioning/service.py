"""A model of the Campaign API that is less kind than the emulator, in this process and on a clock that jumps.

It stores names in its own form, lists writes late, moves lists while they are paged, mixes answers up, and answers
creates with every kind of failure before, after and long after they are done.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import attrs
import httpx

from adjust_async import AsyncAdjust, ProvisionResult, TrackerSpec
from tests.provisioning_plans import THERE

APP = "app"

#: Seconds.
GRACE = 5.0

#: The faults of creates: how much of the work is done, and the answer.
CREATE_FAULTS: Mapping[str, tuple[str, Any]] = {
    "500": ("undone", 500),
    "500, done": ("done", 500),
    "503 with Retry-After": ("undone", (503, {"Retry-After": "0"})),
    "503 with Retry-After, done": ("done", (503, {"Retry-After": "0"})),
    "500 with Retry-After, done": ("done", (500, {"Retry-After": "1"})),
    "504 late": ("late", 504),
    "408, done": ("done", 408),
    "400 of a gateway, done": ("done", "<html>400 Bad Request</html>"),
    "400 of a gateway": ("undone", "<html>400 Bad Request</html>"),
    "429": ("undone", 429),
    "429 with Retry-After": ("undone", (429, {"Retry-After": "0.5"})),
    "425": ("undone", 425),
    "not connected": ("undone", httpx.ConnectError("refused")),
    "connection lost": ("undone", httpx.ReadError("reset")),
    "connection lost, done": ("done", httpx.ReadError("reset")),
    "connection lost, late": ("late", httpx.RemoteProtocolError("closed")),
    "half of the answer": ("done", "half"),
    "no JSON": ("done", "empty"),
    "another tracker": ("done", "other"),
    "another tracker, undone": ("undone", "other"),
    "no answer": ("undone", "hang"),
    "no answer, done": ("done", "hang"),
}

LIST_FAULTS = ("500", "429", "connection lost", "half of the answer", "moved", "repeated", "stale")

UPDATE_FAULTS = ("500", "500, done", "429", "connection lost, done", "another tracker", "half of the answer")


@attrs.define
class Row:
    """A tracker of the service."""

    token: str
    label: str
    name: str
    level: int
    parent: str | None
    listed_from: float
    partner_id: int | None = None
    cost_data_enabled: bool = False
    archived: bool = False


@attrs.define
class Service(httpx.AsyncBaseTransport):
    """The service, as a transport of httpx.

    Attributes:
        form: The form in which it stores names.
        taken: The answer to a create with an existing name; `None` creates a second tracker.
        lag: Seconds after which lists show what was written.
        late: Seconds after which late work is done.
        rate: The share of requests that meet a fault.
        page_size: Trackers a page, where no `limit` is sent.
    """

    form: Callable[[str], str] = str
    taken: int | None = None
    lag: float = 0.0
    late: float = 0.0
    rate: float = 0.0
    page_size: int = 50
    seed: int = 1
    rows: dict[str, Row] = attrs.field(factory=dict)
    requests: Counter[str] = attrs.field(factory=Counter)
    faults: Counter[str] = attrs.field(factory=Counter)
    pending: set[asyncio.Task[None]] = attrs.field(factory=set)
    script: list[str | None] = attrs.field(factory=list)
    stale: bool = False
    totals: Callable[[int], Any] = str
    _source: random.Random = attrs.field(init=False)
    _tokens: Iterator[int] = attrs.field(factory=count, init=False)

    def __attrs_post_init__(self) -> None:
        self._source = random.Random(self.seed)

    # What tests inspect.

    def tokens(self) -> dict[str, list[str]]:
        """Return the tokens of each name that the service keeps."""
        tokens: dict[str, list[str]] = {}
        for row in self.rows.values():
            tokens.setdefault(row.name, []).append(row.token)
        return tokens

    def kept(self, path: str) -> str:
        """Return the form in which the service stores a path."""
        return "::".join(map(self.form, path.split("::")))

    def add(self, path: str, **values: Any) -> Row:
        """Add a tracker below an existing parent, as another client would; its name is stored unchanged."""
        above, _, label = path.rpartition("::")
        parent = next((row for row in self.rows.values() if row.name == above), None)
        return self._insert(label, parent, **values)

    def twice(self) -> dict[str, list[str]]:
        """Return the names that more than one tracker has."""
        return {name: found for name, found in self.tokens().items() if len(found) > 1}

    async def settle(self) -> None:
        """Wait until late work is done and lists show everything."""
        while self.pending:
            await asyncio.wait(self.pending)
        await asyncio.sleep(self.lag)

    # The service.

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        await asyncio.sleep(self._source.uniform(0.01, 0.3))
        self.requests[request.method] += 1
        body = json.loads(request.content) if request.content else {}
        parts = request.url.path.split("/")
        if request.method == "POST":
            return await self._create(body, self._fault(list(CREATE_FAULTS)))
        if request.method == "PATCH":
            return self._update(self.rows[parts[-1]], body, self._fault(UPDATE_FAULTS))
        parent = parts[-2] if parts[-1] == "children" else None
        return self._list(parent, parse_qs(request.url.query.decode()), self._fault(LIST_FAULTS))

    def _fault(self, kinds: Iterable[str]) -> str | None:
        kinds = list(kinds)
        if self.script:
            return self.script.pop(0)
        fault = self._source.choice(kinds) if self._source.random() < self.rate else None
        if fault is not None:
            self.faults[fault] += 1
        return fault

    async def _create(self, body: Mapping[str, Any], fault: str | None) -> httpx.Response:
        parent = self.rows[body["parent_token"]] if "parent_token" in body else None
        work, outcome = CREATE_FAULTS[fault] if fault is not None else ("done", None)
        row: Row | None = None
        if work == "late":
            task = asyncio.get_running_loop().create_task(self._work_late(body["name"], parent))
            self.pending.add(task)
            task.add_done_callback(self.pending.discard)
        elif work == "done":
            label = self.form(body["name"])
            there = self._there(label, parent)
            if there is None or self.taken is None:
                row = self._insert(label, parent, listed_from=_now() + self.lag)
            elif self.taken == 200:
                row = there
            else:
                return _refusal(self.taken, f"Name {body['name']} has already been taken")
        # The answer is on its way.
        await asyncio.sleep(self._source.uniform(0.01, 0.3))
        return await self._answer(row, outcome)

    async def _work_late(self, name: str, parent: Row | None) -> None:
        await asyncio.sleep(self.late)
        label = self.form(name)
        if self.taken is None or self._there(label, parent) is None:
            self._insert(label, parent, listed_from=_now() + self.lag)

    def _there(self, label: str, parent: Row | None) -> Row | None:
        above = None if parent is None else parent.token
        return next((row for row in self.rows.values() if (row.parent, row.label) == (above, label)), None)

    def _insert(self, label: str, parent: Row | None, listed_from: float = 0.0, **values: Any) -> Row:
        row = Row(
            token=f"t{next(self._tokens)}",
            label=label,
            name=label if parent is None else f"{parent.name}::{label}",
            level=1 if parent is None else parent.level + 1,
            parent=None if parent is None else parent.token,
            listed_from=listed_from,
            **values,
        )
        self.rows[row.token] = row
        return row

    async def _answer(self, row: Row | None, outcome: Any) -> httpx.Response:
        if outcome == "hang":
            await asyncio.sleep(10**6)
        if outcome == "other":
            others = [other for other in self.rows.values() if other is not row]
            row = self._source.choice(others) if others else row
            outcome = None if row is not None else 502
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, tuple):
            return _refusal(outcome[0], "not now", outcome[1])
        if isinstance(outcome, int):
            return _refusal(outcome, "no")
        if isinstance(outcome, str) and outcome.startswith("<"):
            return httpx.Response(400, text=outcome, headers={"Content-Type": "text/html"})
        content = json.dumps({"data": {"items": [self._item(row)]}}).encode() if row is not None else b""
        if outcome in {"half", "empty"}:
            content = content[: len(content) // 2] if outcome == "half" else b""
        return httpx.Response(200, content=content, headers={"Content-Type": "application/json"})

    def _update(self, row: Row, body: Mapping[str, Any], fault: str | None) -> httpx.Response:
        if fault in {"500", "429"}:
            return _refusal(int(fault), "no")
        for name, value in body.items():
            setattr(row, name, value)
        if fault == "500, done":
            return _refusal(500, "no")
        if fault == "connection lost, done":
            raise httpx.ReadError("reset")
        if fault == "another tracker":
            row = self._source.choice(list(self.rows.values()))
        content = json.dumps({"data": {"items": [self._item(row)]}}).encode()
        return httpx.Response(200, content=content[: len(content) // 2] if fault == "half of the answer" else content)

    def _list(self, parent: str | None, query: Mapping[str, list[str]], fault: str | None) -> httpx.Response:
        if fault in {"500", "429"}:
            return _refusal(int(fault), "no")
        if fault == "connection lost":
            raise httpx.ReadError("reset")
        rows = [row for row in self.rows.values() if row.parent == parent and row.listed_from <= _now()]
        size = int(query["limit"][0]) if "limit" in query else self.page_size
        first = int(query["after"][0]) if "after" in query else 0
        last = first + size
        items = [self._item(row, stale=self.stale or fault == "stale") for row in rows[first:last]]
        following = None if last >= len(rows) else last
        if following is not None and fault in {"moved", "repeated"}:
            following += 1 if fault == "moved" else -1
        paging = {
            "total": self.totals(len(rows)),
            "page_size": str(size),
            "next": None if following is None else f"https://api.adjust.com/x?after={following}",
            "cursors": {"after": None if following is None else str(following), "before": None},
        }
        content = json.dumps({"data": {"paging": paging, "items": items}}).encode()
        return httpx.Response(200, content=content[: len(content) // 2] if fault == "half of the answer" else content)

    def _item(self, row: Row, *, stale: bool = False) -> dict[str, Any]:
        below = not stale and any(other.parent == row.token for other in self.rows.values())
        values = attrs.asdict(row)
        return {name: values[name] for name in ("name", "token", "label", "level", "archived")} | {
            "has_subtrackers": below,
            "partner_id": row.partner_id,
            "cost_data_enabled": row.cost_data_enabled,
        }


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message}}, headers=headers)


def _now() -> float:
    return asyncio.get_running_loop().time()


def client_of(service: Service, **settings: Any) -> AsyncAdjust:
    """Make a client with patience for such a service."""
    settings = {"timeout": 3.0, "deadline": None, "max_attempts": 60, "max_concurrency": 8, **settings}
    return AsyncAdjust("api-token", http_client=httpx.AsyncClient(transport=service), **settings)


async def provision(adjust: AsyncAdjust, plan: Iterable[str | TrackerSpec], **arguments: Any) -> ProvisionResult:
    """Provision with `GRACE`."""
    return await adjust.trackers.provision(APP, plan, grace_time=GRACE, **arguments)


def assert_true(result: ProvisionResult, service: Service) -> None:
    """Compare every outcome with the service."""
    assert service.twice() == {}
    tokens = service.tokens()
    for outcome in (*result.outcomes, *result.implied):
        if outcome.status in THERE:
            assert outcome.tracker is not None
            assert tokens[service.kept(outcome.path)] == [outcome.tracker.token]
        else:
            assert outcome.error is not None
