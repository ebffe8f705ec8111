"""Requests to the endpoints of the Report Service."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from adjust_async._http.messages import Answer, Body, RequestSpec

__all__ = ["NO_CONTENT", "path_of", "receiving", "spec_of"]

T = TypeVar("T")

#: The status of an empty report.
NO_CONTENT = 204


def path_of(endpoint: str) -> str:
    """Return the path of an endpoint."""
    return f"/reports-service/{endpoint}"


def spec_of(endpoint: str, query: Mapping[str, str], decode: Callable[[Answer], T]) -> RequestSpec[T]:
    """Return the request for an endpoint whose body is read completely before it is decoded."""
    return RequestSpec(
        method="GET",
        path=path_of(endpoint),
        query=query,
        decode=decode,
        service="reports",
        name=f"reports.{endpoint}",
        app=query.get("app_token__in"),
    )


def receiving(
    endpoint: str, query: Mapping[str, str], accept: str, receive: Callable[[Body], Awaitable[T]]
) -> RequestSpec[T]:
    """Return the request for an endpoint whose body is read as it arrives."""
    return spec_of(endpoint, query, _not_decoded)._replace(accept=accept, receive=receive)


def _not_decoded(_: Answer) -> Any:
    raise AssertionError("the body was received")
