"""The requests that the emulator received, for tests to inspect."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any, overload
from urllib.parse import parse_qsl

import orjson
from starlette.types import Message, Scope

_MOST_BYTES = 65_536
"""The number of bytes of each body that are kept."""
_SECRETS = frozenset({"user_token"})
"""Parameters that may hold the API token, and are not kept."""
_KEY = "received"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request and its answer.

    `route` is the path with the names of its parameters, as in `stats.requests`. `status` is None until an answer is
    sent, and stays None if a fault closed the connection. `body` and `answer` are cut after 64 KiB.
    """

    method: str
    path: str
    query: Mapping[str, str]
    at: datetime
    """The time of its arrival, in UTC."""
    route: str = ""
    body: bytes = b""
    status: int | None = None
    answer: bytes = b""
    seconds: float | None = None
    """The duration of the answer; None while it is running."""
    fault: str | None = None
    """The fault that was drawn for it."""

    @property
    def json(self) -> Any:
        """The body as JSON. Raises `ValueError` if it is not JSON."""
        return orjson.loads(self.body)

    @property
    def answered_json(self) -> Any:
        """The answer as JSON. Raises `ValueError` if it is not JSON."""
        return orjson.loads(self.answer)


class ReceivedRequests(Sequence[ReceivedRequest]):
    """Requests in order of arrival: `len(emulator.requests.to("POST", "/trackers")) == 2`."""

    def __init__(self, requests: Sequence[ReceivedRequest]) -> None:
        self._requests = tuple(requests)

    def to(self, method: str, path: str = "") -> "ReceivedRequests":
        """Return the requests with a method and a path or route that ends with `path`.

        `"/trackers"` selects the lists and the creates of every app and version, `"/trackers/{tracker_token}"` the
        updates of any tracker, and `""` all paths.
        """
        return ReceivedRequests(
            [
                request
                for request in self._requests
                if request.method == method.upper() and (request.path.endswith(path) or request.route.endswith(path))
            ]
        )

    @overload
    def __getitem__(self, index: int) -> ReceivedRequest: ...

    @overload
    def __getitem__(self, index: slice) -> "ReceivedRequests": ...

    def __getitem__(self, index: int | slice) -> "ReceivedRequest | ReceivedRequests":
        """Return one request, or several as `ReceivedRequests`."""
        if isinstance(index, slice):
            return ReceivedRequests(self._requests[index])
        return self._requests[index]

    def __len__(self) -> int:
        return len(self._requests)

    def __repr__(self) -> str:
        lines = (f"{request.method} {request.path} -> {request.status}" for request in self._requests)
        return f"ReceivedRequests({', '.join(lines)})"


@dataclass(slots=True)
class Recording:
    """A running request."""

    request: ReceivedRequest
    started: float = field(default_factory=time.monotonic)
    body: bytearray = field(default_factory=bytearray)
    answer: bytearray = field(default_factory=bytearray)
    status: int | None = None
    seconds: float | None = None
    route: str = ""
    fault: str | None = None

    @classmethod
    def of(cls, scope: Scope) -> "Recording":
        """Return the recording of a request, from its ASGI scope."""
        recording: Recording = scope["state"][_KEY]
        return recording

    def received(self, message: Message) -> None:
        """Record what the client sent."""
        _keep(self.body, message)

    def sent(self, message: Message) -> None:
        """Record what was answered."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            _keep(self.answer, message)

    def ended(self) -> None:
        """Record the end of the request."""
        self.seconds = time.monotonic() - self.started

    def snapshot(self) -> ReceivedRequest:
        """Return the request as it is now."""
        return replace(
            self.request,
            route=self.route,
            body=bytes(self.body),
            status=self.status,
            answer=bytes(self.answer),
            seconds=self.seconds,
            fault=self.fault,
        )


class Recorder:
    """Keeps the last `keep` requests; any thread may read them."""

    def __init__(self, keep: int) -> None:
        self._recordings: deque[Recording] = deque(maxlen=keep)
        self._lock = Lock()

    def begin(self, scope: Scope) -> Recording:
        """Record a request that has just arrived, and put the recording into its scope."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query = {name: value for name, value in pairs if name not in _SECRETS}
        request = ReceivedRequest(scope["method"], scope["path"], query, datetime.now(UTC))
        recording = scope["state"][_KEY] = Recording(request)
        with self._lock:
            self._recordings.append(recording)
        return recording

    def clear(self) -> None:
        """Delete all recordings."""
        with self._lock:
            self._recordings.clear()

    def requests(self) -> ReceivedRequests:
        """Return the requests as they are now."""
        with self._lock:
            recordings = list(self._recordings)
        return ReceivedRequests([recording.snapshot() for recording in recordings])


def _keep(kept: bytearray, message: Message) -> None:
    room = _MOST_BYTES - len(kept)
    if room > 0:
        kept += message.get("body", b"")[:room]
