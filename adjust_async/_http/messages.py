"""A request to be sent, and the answer to it: what the APIs and the session exchange."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar

T = TypeVar("T")

__all__ = ["BODY_LIMIT", "JSON", "Answer", "Body", "RequestSpec", "ServiceName", "Where"]


#: The media type of what most requests send and ask for.
JSON = "application/json"


#: How much of an answer's text an error keeps.
BODY_LIMIT = 64 * 1024

#: The Campaign API and the KPI Service are one service as to host and limits, the Report Service is the other.
ServiceName = Literal["api", "reports"]


class Where(TypedDict):
    """Which request it was, as every error says it. The path is without query."""

    method: str
    path: str
    service: ServiceName


class Answer(NamedTuple):
    """One HTTP answer, its body unpacked.

    Attributes:
        method, path, service: The request.
        status: The HTTP status.
        headers: Looked into by names in lower case.
        body: Whole where the status was a success; the beginning of it otherwise.
        origin: Scheme, host and port that answered.
        end_verified: Whether the answer said where its body ends. Where only the end of the connection told it, a body
            that was cut looks like a whole one.
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
        """The body as text, cut to what an error keeps."""
        return self.body[:BODY_LIMIT].decode("utf-8-sig", "replace")


class Body(Protocol):
    """The body of an answer whose status was a success, as it arrives, unpacked.

    Attributes:
        status: The HTTP status.
        length: How many bytes it has; `None` where that is not known before its end.
        end_verified: As of `Answer`.
        media_type: The header `Content-Type`; empty where there is none.
        is_last: Whether no further attempt will be made.
    """

    status: int
    length: int | None
    end_verified: bool
    media_type: str
    is_last: bool

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body piece by piece. The clocks of the call run only while it waits for the service."""

    async def __anext__(self) -> bytes:
        """Wait for the next piece."""

    def keep(self) -> None:
        """Say that something of this body was handed out, so that no further attempt may be made."""


class RequestSpec(NamedTuple, Generic[T]):
    """One request, and how its answer is read.

    `path` holds nothing that would have to be encoded: its tokens were checked. `decode` gets an answer whose status
    was a success; `receive`, where it is set, gets the arriving body instead, anew for each attempt. `before_send` is
    called before each attempt, and where the transport is httpcore's again when its connection is open; an error keeps
    the request back. `name` and `app` are for spans: what of which API is asked for, and which app it is about.
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
