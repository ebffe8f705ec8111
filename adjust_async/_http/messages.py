"""A request and its answer, as the APIs and the session exchange them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar

T = TypeVar("T")

__all__ = ["BODY_LIMIT", "JSON", "Answer", "Body", "RequestSpec", "ServiceName", "Where"]


#: The media type that most requests send and accept.
JSON = "application/json"


#: How much of an answer's text an error keeps.
BODY_LIMIT = 64 * 1024

#: The Campaign API and the KPI Service share a host and limits, and count as one service. The other one is the Report
#: Service.
ServiceName = Literal["api", "reports"]


class Where(TypedDict):
    """Which request it was, as in every error. The path has no query."""

    method: str
    path: str
    service: ServiceName


class Answer(NamedTuple):
    """One HTTP answer with its decompressed body.

    Attributes:
        method, path, service: The request.
        status: The HTTP status.
        headers: The headers, by names in lower case.
        body: The complete body after a success; otherwise its start.
        origin: Scheme, host and port that answered.
        end_verified: Whether the answer marks the end of its body. If only the end of the connection does, a cut body
            looks like a complete one.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    service: ServiceName = "api"
    origin: str = ""
    end_verified: bool = True

    @property
    def where(self) -> Where:
        """Which request it was."""
        return Where(method=self.method, path=self.path, service=self.service)

    @property
    def text(self) -> str:
        """The body as text, cut to the length that an error keeps."""
        return self.body[:BODY_LIMIT].decode("utf-8-sig", "replace")


class Body(Protocol):
    """The body of a successful answer while it arrives, decompressed.

    Attributes:
        status: The HTTP status.
        length: The number of bytes; `None` if it is unknown until the end.
        end_verified: As in `Answer`.
        media_type: The header `Content-Type`; empty without one.
        is_last: Whether this is the last attempt.
    """

    status: int
    length: int | None
    end_verified: bool
    media_type: str
    is_last: bool

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body piece by piece. The timeouts run only while waiting for the service."""

    async def __anext__(self) -> bytes:
        """Wait for the next piece."""

    def keep(self) -> None:
        """Note that a part of this body was handed out, so that no further attempt may follow."""


class RequestSpec(NamedTuple, Generic[T]):
    """One request, and how to read its answer.

    `path` needs no encoding, since its tokens were checked. `decode` is called with a successful answer. `receive`, if
    set, is called with the arriving body instead, again for each attempt. `before_send` is called before each attempt,
    and with httpcore's transport again when the connection is open; an exception from it prevents the request. `name`
    and `app` are for spans: the resource of the API, and the app.
    """

    method: str
    path: str
    decode: Callable[[Answer], T]
    query: Mapping[str, str] = MappingProxyType({})
    body: Mapping[str, Any] | None = None
    service: ServiceName = "api"
    accept: str = JSON
    receive: Callable[[Body], Awaitable[T]] | None = None
    before_send: Callable[[], Awaitable[None]] | None = None
    name: str = "request"
    app: str | None = None
