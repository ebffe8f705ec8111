"""The HTTP request that a spec stands for. What all requests to a service have in common is made once."""

from typing import Any
from urllib.parse import quote, urlencode

import httpx

from adjust_async._http.messages import JSON, RequestSpec
from adjust_async._http.services import Service
from adjust_async._json import dumps

__all__ = ["RequestBuilder"]


class RequestBuilder:
    """Builds the requests to one service."""

    def __init__(self, service: Service, token: str) -> None:
        self._base = httpx.URL(service.url)
        self._extensions = service.extensions
        self._headers = httpx.Headers(
            {
                "Host": self._base.netloc.decode("ascii"),
                "Accept": JSON,
                **service.headers,
                "Authorization": f"{service.authorization}{token}",
            }
        )

    def build(self, spec: RequestSpec[Any]) -> httpx.Request:
        """Build one."""
        url = located(self._base, spec.path, urlencode(spec.query, quote_via=quote))
        headers, content = self._headers, None
        if spec.accept != JSON or spec.body is not None:
            headers = headers.copy()
            headers["Accept"] = spec.accept
        if spec.body is not None:
            headers["Content-Type"] = JSON
            content = dumps(spec.body)
        return httpx.Request(spec.method, url, headers=headers, content=content, extensions=self._extensions)


def located(base: httpx.URL, path: str, query: str) -> httpx.URL:
    """Give the URL of a path and a query, both encoded already, below `base`.

    It equals what httpx makes of the whole text, whose parsing takes half of the time that building a request does.
    """
    url, known = httpx.URL(base), base._uri_reference  # noqa: SLF001 - see above
    url._uri_reference = known._replace(path=known.path.rstrip("/") + path, query=query or None)  # noqa: SLF001
    return url
