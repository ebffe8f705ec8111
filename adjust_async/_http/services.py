"""The two hosts, how requests are sent to them, and the limits that their requests share."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import attrs
import httpx

from adjust_async._http.messages import JSON, RequestSpec, ServiceName, Where
from adjust_async._http.redirects import MOST_REDIRECTS, origin_of, redirect_target
from adjust_async._http.streaming import start_of_body
from adjust_async._json import dumps
from adjust_async._tokens import APIToken
from adjust_async._version import __version__
from adjust_async.config import Config, HostConfig
from adjust_async.coordination.protocol import Host

__all__ = ["Service", "TokenAuth", "hosts", "services"]

#: The maximum number of seconds to wait for a connection, within the time of the attempt.
CONNECT_TIMEOUT = 10.0

#: httpx would also accept Brotli and Zstandard if their packages are installed.
_HEADERS = {"Accept-Encoding": "gzip, deflate"}


class TokenAuth(httpx.Auth):
    """Adds the API token to a request. Each request brings its own, so that no table of headers contains the token."""

    def __init__(self, token: APIToken, scheme: str) -> None:
        self._token = token
        self._scheme = scheme

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]  # nothing is sent into it
        """Send the request once, with the token."""
        request.headers["Authorization"] = f"{self._scheme}{self._token.reveal()}"
        yield request


@attrs.frozen
class Service:
    """One host, and what all requests to it share."""

    name: ServiceName
    host: HostConfig
    origin: str
    auth: TokenAuth
    headers: dict[str, str]
    timeout: httpx.Timeout
    max_attempts: int

    def with_options(self, config: Config) -> "Service":
        """Return the same host and limits with other timeouts and attempts."""
        host = config.api if self.name == "api" else config.reports
        timeout = _timeouts(host.timeout)
        return attrs.evolve(self, host=host, timeout=timeout, max_attempts=config.max_attempts)

    def where(self, spec: RequestSpec[Any]) -> Where:
        """Return the description of a request for its errors."""
        return Where(method=spec.method, path=spec.path, service=self.name)

    def url_of(self, spec: RequestSpec[Any]) -> str:
        """Return the URL of a request."""
        query = urlencode(spec.query, quote_via=quote)
        return f"{self.host.url}{spec.path}?{query}" if query else f"{self.host.url}{spec.path}"

    async def send(self, client: httpx.AsyncClient, spec: RequestSpec[Any]) -> httpx.Response:
        """Send a request, follow redirects within the host, and return the answer before its body.

        Raises:
            httpx.HTTPError: There was no answer.
        """
        headers = self.headers | {"Accept": spec.accept}
        if spec.receive is not None and client.event_hooks["response"]:
            # A hook may read the answer. httpx then silently drops what follows the first gzip member.
            headers["Accept-Encoding"] = "identity"
        content = None
        if spec.body is not None:
            headers["Content-Type"] = JSON
            content = dumps(spec.body)
        url = httpx.URL(self.url_of(spec))
        extensions = None if spec.before_send is None else {"trace": _before_headers(spec.before_send)}
        redirects = 0
        while True:
            try:
                # Settings that are not passed here would be taken from the client. The request has no
                # variable, so that no frame shows its headers.
                response = await client.send(
                    client.build_request(
                        spec.method, url, headers=headers, content=content, timeout=self.timeout, extensions=extensions
                    ),
                    stream=True,
                    auth=self.auth,
                    follow_redirects=False,
                )
            except httpx.HTTPStatusError as error:
                # Hooks often call `raise_for_status`, and may call it for a request of their own.
                if error.request.method != spec.method or error.request.url != url:
                    raise
                response = error.response
            except httpx.InvalidURL as error:
                words = f"Invalid URL in location header: {error}"  # as httpx itself reports most of them
                raise httpx.RemoteProtocolError(words) from None
            target = redirect_target(spec.method, url, response.status_code, response.headers.get("location"))
            if target is None or redirects == MOST_REDIRECTS:
                return response
            await start_of_body(response, self.where(spec))  # only then can its connection be used again
            await response.aclose()
            redirects += 1
            url = target


def _before_headers(check: Callable[[], Awaitable[None]]) -> Callable[[str, object], Awaitable[None]]:
    """Return a trace function for httpcore that checks again when the connection is open."""

    async def trace(event: str, _: object) -> None:
        # A missing body keeps a service from acting, as missing headers do.
        if event.endswith((".send_request_headers.started", ".send_request_body.started")):
            await check()

    return trace


def hosts(config: Config) -> list[Host]:
    """Return the limits of both services, in the form that a coordinator takes."""
    # Only the Report Service has an account: the other service derives it from the token.
    return [
        _shared_host("api", config, config.api, None),
        _shared_host("reports", config, config.reports, config.account_id),
    ]


def services(config: Config, client: httpx.AsyncClient) -> dict[ServiceName, Service]:
    """Return both services."""
    headers = _HEADERS
    if client.headers.get("User-Agent", "").startswith("python-httpx/"):  # its owner has set no other one
        headers = headers | {"User-Agent": f"adjust_async/{__version__}"}
    account = {} if config.account_id is None else {"X-Account-ID": config.account_id}
    return {
        "api": _service("api", config, config.api, headers),
        "reports": _service("reports", config, config.reports, headers | account),
    }


def _service(name: ServiceName, config: Config, host: HostConfig, headers: dict[str, str]) -> Service:
    return Service(
        name=name,
        host=host,
        origin=origin_of(host.url),
        auth=TokenAuth(config.token, host.authorization),
        headers=headers,
        timeout=_timeouts(host.timeout),
        max_attempts=config.max_attempts,
    )


def _shared_host(name: ServiceName, config: Config, host: HostConfig, account_id: str | None) -> Host:
    return Host(
        name=name,
        url=host.url,
        account=Host.account_of(config.token.reveal(), account_id),
        max_concurrency=config.max_concurrency,
        max_rate=host.max_rate,
        burst=host.burst,
    )


def _timeouts(attempt: float | None) -> httpx.Timeout:
    """Split the time of an attempt, so that a failure to connect is not reported as a request that was sent."""
    connection = CONNECT_TIMEOUT if attempt is None else min(attempt / 2, CONNECT_TIMEOUT)
    return httpx.Timeout(attempt, connect=connection, pool=connection)
