"""A request to be sent, and the answer to it: what the APIs and the session exchange."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

__all__ = ["JSON", "Answer", "Body", "RequestSpec", "ServiceName"]


#: The media type of what most requests send and ask for.
JSON = "application/json"


#: How much of an answer's text an error keeps.
BODY_LIMIT = 64 * 1024


class Answer(NamedTuple):
    """One HTTP answer, read to its end. `headers` is looked into by names in lower case."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, cut to what an error keeps."""
        return self.body[:BODY_LIMIT].decode("utf-8-sig", "replace")


class Body(Protocol):
    """The body of an answer whose status was a success, as it arrives."""

    status: int
    length: int | None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece. The clocks of the call run only while it waits for the service."""

    async def __anext__(self) -> bytes:
        """Wait for the next piece."""

    def keep(self) -> None:
        """Say that something of this answer is out of the call's hands, so that no further attempt may be made."""


#: The Campaign API and the KPI Service are one service as to host and limits, the Report Service is the other.
ServiceName = Literal["api", "reports"]


class RequestSpec(NamedTuple, Generic[T]):
    """One request, and how its answer is read.

    `path` holds nothing that would have to be encoded: its tokens were checked. `decode` gets an answer whose status
    was a success; where there is `receive`, that gets the body in its place, anew for each attempt.
    """

    method: str
    path: str
    decode: Callable[[Answer], T]
    query: Mapping[str, str] = MappingProxyType({})
    body: Mapping[str, Any] | None = None
    service: ServiceName = "api"
    accept: str = JSON
    receive: Callable[[Body], Awaitable[T]] | None = None
