"""An httpx transport on aiohttp's connections and parser, for applications that need the highest throughput.

`httpx-aiohttp` offers the same, but raises `ConnectTimeout` for a connection that broke after a POST was sent. Telling
its errors apart would need most of the code of a transport. Here aiohttp's own tracing shows how far a request got.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import cast

import httpx

from adjust_async._checks import check_bool, check_whole_number
from adjust_async.errors import ConfigurationError
from adjust_async.transports.attempts import Attempt, Attempts, timeout_of
from adjust_async.transports.origins import Origin, origin_of
from adjust_async.transports.proxies import Proxies
from adjust_async.transports.trust import Trust

try:
    import aiohttp
    from yarl import URL

    from adjust_async.transports.aiohttp_connections import Connections
    from adjust_async.transports.aiohttp_failures import broken_answer, cause_of, failure_of
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        f"AiohttpTransport needs {missing.name}, which is not installed: pip install 'adjust_async[aiohttp]'"
    ) from missing

__all__ = ["AiohttpTransport"]

PROXY_SCHEMES = frozenset({"http", "https"})

#: The exceptions of aiohttp and `Trust`.
FAILURES = (aiohttp.ClientError, httpx.TransportError, OSError, RuntimeError, ValueError)

#: The number of bytes of a body to pass on at once. The system accepts them without waiting for the service.
SMALL_BODY = 64 * 1024


class AiohttpTransport(httpx.AsyncBaseTransport):
    """An httpx transport on aiohttp's connections and C parser (extra `aiohttp`).

    Pass it to the client to use it:

        AsyncAdjust(http_client=httpx.AsyncClient(transport=AiohttpTransport()))

    It raises the same httpx errors as `PooledTransport`, with the same meaning. Tools that hook into a client, or patch
    `httpx.AsyncClient`, see its requests: event hooks, Sentry, OpenTelemetry's `instrument_client`, respx with
    `using="httpx"`. So does vcrpy, which patches aiohttp too. Tools that patch the transports of httpx or httpcore do
    not: OpenTelemetry's `instrument`, and respx by default and pytest-httpx, under which requests still go out to the
    network.

    If a connection breaks before the answer, aiohttp itself sends a GET, HEAD, OPTIONS, TRACE, PUT or DELETE a second
    time, but never a POST or a PATCH. It follows no redirects, decompresses no bodies and keeps no cookies.

    Args:
        max_connections: The maximum number of connections to one origin. A further request waits for up to its `pool`
            timeout, and then fails with `httpx.PoolTimeout`.
        verify: The TLS context that verifies certificates. By default httpx's, which uses `SSL_CERT_FILE` and
            `SSL_CERT_DIR`.
        proxy: The URL of an http or https proxy for all requests; none by default.
        trust_env: Whether to take the proxy, if none is passed, from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
            `NO_PROXY`, which are read at the first request to an origin. Requests to this machine never use a proxy
            from the environment. It also decides whether `SSL_CERT_FILE` and `SSL_CERT_DIR` are used.

    Raises:
        ConfigurationError: An argument is wrong, or aiohttp is not installed. A request raises it if the proxy from
            the environment can't be used.
    """

    def __init__(
        self,
        max_connections: int = 50,
        *,
        verify: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
    ) -> None:
        self._attempts = Attempts(check_whole_number(max_connections, "max_connections"))
        self._proxies = Proxies(proxy, PROXY_SCHEMES, trust_env=check_bool(trust_env, "trust_env"))
        self._trust = Trust(verify, trust_env=trust_env)
        self._connections: Connections | None = None
        self._retired: set[Connections] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on an idle connection or a new one.

        Returns:
            The response, once its head has arrived. Closing it frees the connection.

        Raises:
            ConfigurationError: The proxy from the environment can't be used.
            httpx.TransportError: There was no answer. `PooledTransport` describes which errors mean that nothing was
                sent.
        """
        origin = origin_of(request)
        proxy = self._proxies.of(origin)
        await self._attempts.take_slot(origin, request)
        connections: Connections | None = None
        attempt = Attempt(self._attempts, request, origin, proxy)
        upload = _Upload(attempt)
        try:
            async with attempt:
                connections = await self._enter()
                answer = await self._answer(connections, attempt, upload)
        except BaseException as error:  # a cancellation must not keep the slot either
            if connections is not None and attempt.was_dead(error):
                self._retire(connections)
            await self._leave(origin, connections)
            raise
        connections.answers.add(answer)
        version = answer.version or aiohttp.HttpVersion11
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(answer, request, partial(self._leave, origin, connections, answer)),
            extensions={
                "http_version": f"HTTP/{version.major}.{version.minor}".encode(),
                "reason_phrase": (answer.reason or "").encode("ascii", "ignore"),
            },
        )

    async def aclose(self) -> None:
        """Close every connection, even if cancelled. Requests in flight fail with an `httpx` error."""
        self._attempts.end()
        if self._connections is not None:
            self._retire(self._connections)
        closing = [asyncio.create_task(connections.aclose()) for connections in self._retired]
        if closing:
            await asyncio.wait(closing)

    async def _answer(self, connections: Connections, attempt: Attempt, upload: "_Upload") -> aiohttp.ClientResponse:
        """Send a request, and return the answer once its head has arrived."""
        try:
            return await self._send(connections, attempt, upload)
        except FAILURES as raised:
            error = raised
        # Outside of `except`: aiohttp's errors refer to the request's headers, and to the proxy's user and password.
        if upload.failure is not None:
            raise upload.failure
        raise failure_of(attempt, error) from cause_of(error)

    async def _send(self, connections: Connections, attempt: Attempt, upload: "_Upload") -> aiohttp.ClientResponse:
        request, proxy = attempt.request, attempt.proxy
        tls: ssl.SSLContext | bool = True
        if "https" in (attempt.origin.scheme, proxy and proxy.scheme):
            tls = await self._trust.context()
            tls.set_alpn_protocols(["http/1.1"])  # it may be shared with a transport that offers HTTP/2
        url = request.url
        return await connections.session.request(
            request.method,
            URL(f"{url.scheme}://{url.netloc.decode()}{url.raw_path.decode()}", encoded=True),
            headers=upload.headers,
            data=upload.data,
            allow_redirects=False,
            ssl=tls,
            server_hostname=request.extensions.get("sni_hostname"),
            proxy=None if proxy is None else proxy.url,
            timeout=aiohttp.ClientTimeout(total=None, sock_read=timeout_of(request, "read")),
            trace_request_ctx=attempt,
        )

    async def _enter(self) -> Connections:
        """Return the connections to use: new ones if the machine was suspended since, or in another event loop."""
        connections = self._connections
        if connections is not None and connections.loop is not asyncio.get_running_loop():
            self._connections = None  # another loop's connections can't be closed here
        elif connections is not None and connections.slept:
            self._retire(connections)
            await self._close_unused(connections)
        if self._connections is None:
            self._connections = Connections()
        self._connections.requests += 1
        return self._connections

    async def _leave(
        self, origin: Origin, connections: Connections | None, answer: aiohttp.ClientResponse | None = None
    ) -> None:
        try:
            if connections is not None:
                if answer is not None:
                    connections.answers.discard(answer)
                connections.requests -= 1
                await self._close_unused(connections)
        finally:
            self._attempts.free_slot(origin)

    def _retire(self, connections: Connections) -> None:
        """Use these connections for no further request. aiohttp can't close only some connections of a session."""
        self._retired.add(connections)
        if self._connections is connections:
            self._connections = None

    async def _close_unused(self, connections: Connections) -> None:
        """Close retired connections once the last of their requests has ended."""
        if connections in self._retired and not connections.requests:
            self._retired.discard(connections)
            await connections.aclose()


class _Upload:
    """The headers and the body of a request in the form that aiohttp takes.

    Attributes:
        failure: The exception of the caller's own body.
    """

    def __init__(self, attempt: Attempt) -> None:
        self.failure: Exception | None = None
        self._attempt = attempt
        self.headers = [
            (name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
            for name, value in attempt.request.headers.raw
            if name.lower() != b"transfer-encoding"  # aiohttp sets it for a body of unknown length
        ]
        self.data: bytes | AsyncIterator[bytes] | None
        try:
            content = attempt.request.content
        except httpx.RequestNotRead:
            self.data = self._pieces(cast("httpx.AsyncByteStream", attempt.request.stream))
        else:
            self.data = self._pieces(_cut(content)) if len(content) > SMALL_BODY else content or None

    async def _pieces(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Pass on a body piece by piece, each within the `write` timeout. aiohttp has no such timeout."""
        seconds = timeout_of(self._attempt.request, "write")
        loop = asyncio.get_running_loop()
        try:
            async for piece in body:
                timer = None if seconds is None else loop.call_later(seconds, self._time_out, seconds)
                try:
                    yield piece
                finally:
                    if timer is not None:
                        timer.cancel()
        except Exception as error:
            self.failure = error
            raise

    def _time_out(self, seconds: float) -> None:
        words = f"the request could not be written within {seconds:g} s"
        self._attempt.end(httpx.WriteTimeout(words, request=self._attempt.request))


class _Body(httpx.AsyncByteStream):
    """The body of an answer. Closing it returns the connection."""

    def __init__(
        self, answer: aiohttp.ClientResponse, request: httpx.Request, leave: Callable[[], Awaitable[None]]
    ) -> None:
        self._answer = answer
        self._request = request
        self._leave = leave
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await self._answer.content.readany():
                yield piece
        except FAILURES as error:
            await self.aclose()
            raise broken_answer(self._request, error) from cause_of(error)
        except BaseException:  # as httpx does, since the reader may stop there
            await self.aclose()
            raise

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        # This closes the connection, unless the body was read completely.
        self._answer.close()
        await self._leave()


async def _cut(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), SMALL_BODY):
        yield content[start : start + SMALL_BODY]
