"""One call: its attempts, its timeouts, and its result.

Errors are raised outside of the `except` blocks that create them, and errors of httpx and asyncio are dropped: their
chains and frames refer to requests, and so to the API token.
"""

import asyncio
import logging
import time
import warnings
from contextlib import aclosing
from functools import partial
from typing import Any, Generic, TypeVar

import attrs
import httpx

from adjust_async._http.connection_errors import connection_error, is_of_transport, mistake_of
from adjust_async._http.decoding import DecodingThread
from adjust_async._http.documents import LARGE
from adjust_async._http.error_answers import raise_for_status, retry_after
from adjust_async._http.messages import Answer, RequestSpec
from adjust_async._http.retry import may_retry, retrying
from adjust_async._http.services import Service
from adjust_async._http.streaming import ArrivingBody, Clocks, is_end_verified, let_go, start_of_body, whole_body
from adjust_async._telemetry import Telemetry
from adjust_async.config import Config, Retry
from adjust_async.coordination.protocol import Member, PauseOutlastsDeadlineError
from adjust_async.errors import (
    AdjustError,
    APITimeoutError,
    ClientClosedError,
    PoolExhaustedError,
    RateLimitError,
    replace,
)

__all__ = ["Call", "Shared", "closed_error"]

T = TypeVar("T")

logger = logging.getLogger("adjust_async")

#: Seconds for which no request starts after a 429 without `Retry-After`.
UNASKED_PAUSE = 0.25


@attrs.define(eq=False)
class Shared:
    """What all calls of a client share, whatever their options.

    Attributes:
        draining: Whether only calls in flight may continue.
        loop: The client's event loop, once it has made a call.
        is_left_open: Whether there is something to close: the client is the SDK's own and has sent a request.
    """

    config: Config
    client: httpx.AsyncClient
    thread: DecodingThread
    member: Member
    telemetry: Telemetry | None = None
    draining: bool = False
    closed: bool = False
    loop: asyncio.AbstractEventLoop | None = None
    is_left_open: bool = False

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self.is_left_open and not self.closed:
            _warn("an AsyncAdjust was dropped without aclose(): use `async with`", ResourceWarning, source=self)


def closed_error(detail: str = "create a new AsyncAdjust for further calls", **where: Any) -> ClientClosedError:
    """Return the error of a call that was ended by closing the client."""
    return replace(ClientClosedError(f"the client is closed: {detail}"), **where)


class Call(Generic[T]):
    """One call and its attempts."""

    def __init__(self, spec: RequestSpec[T], service: Service, shared: Shared) -> None:
        self._spec = spec
        self._service = service
        self._shared = shared
        self._where = service.where(spec)
        loop, seconds = asyncio.get_running_loop(), service.host.deadline
        self._clocks = Clocks(None if seconds is None else loop.time() + seconds, service.host.timeout)
        self._attempts = 0
        self._waited = 0.0
        self._status: int | None = None
        self._sending = False
        self._kept = False
        #: The failure of the previous attempt, in words.
        self._failed = ""

    def end(self) -> None:
        """End the call now, because the client is closed."""
        self._clocks.end()

    async def run(self) -> T:
        """Make attempts until one succeeds, within a span of the call.

        Raises:
            AdjustError: The last attempt failed, or there was no time for another one.
        """
        __tracebackhide__ = True
        telemetry, spec = self._shared.telemetry, self._spec
        if telemetry is None or not telemetry.traces():
            return await self._run()
        about = {
            "adjust.service": spec.service,
            "adjust.app": spec.app,
            "http.request.method": spec.method,
            "url.path": spec.path,
        }
        with telemetry.span(spec.name, about) as span:
            request_id: str | None = None
            try:
                result = await self._run()
            except AdjustError as error:
                request_id = error.request_id
                raise
            else:
                request_id = getattr(result, "request_id", None)
                return result
            finally:
                span.set_attributes({"adjust.attempts": self._attempts, "adjust.wait": self._waited})
                if self._status is not None:
                    span.set_attribute("http.response.status_code", self._status)
                if request_id is not None:
                    span.set_attribute("adjust.request_id", request_id)

    async def _run(self) -> T:
        """Make attempts until one succeeds.

        Raises:
            AdjustError: The last attempt failed, or there was no time for another one.
        """
        __tracebackhide__ = True
        failure: AdjustError
        again = retrying(
            self._may_retry,
            max_attempts=self._service.max_attempts,
            deadline=lambda: self._clocks.deadline,
            before_sleep=self._report_retry,
        )
        scope = self._clocks.call
        try:
            async with scope:
                answer: T = await again(self._attempt)
                return answer
        except TimeoutError:
            if not scope.expired():
                raise  # raised by a function of the caller
            failure = replace(self._out_of_time(), attempts=self._attempts or None)
        except AdjustError as error:
            failure = replace(error, attempts=self._attempts or None)
            error.__traceback__ = None  # tenacity's frames refer to the error, and its traceback to these frames
        finally:
            again.iter_state.reset()  # its actions refer back to it: a cycle that only the collector would free
        try:
            raise failure
        finally:
            del failure, again  # the caller may keep the error, and with it this frame

    def _may_retry(self, error: BaseException) -> bool:
        return not self._kept and may_retry(self._spec.method, error)

    async def _attempt(self) -> T:
        """Send once and read the answer. The permit is released before the answer is decoded."""
        __tracebackhide__ = True
        failure: AdjustError
        self._sending = False
        try:
            received = await self._with_permit()
            if not isinstance(received, Answer):
                return received
            if len(received.body) < LARGE:
                return self._decoded(received)
            return await self._shared.thread.run(partial(self._decoded, received))
        except AdjustError as error:
            failure = _without_token(error, self._shared.config)
        self._failed = str(failure)
        self._sending = False
        try:
            raise failure
        finally:
            del failure  # its traceback refers to this frame, which has the answer

    async def _with_permit(self) -> Answer | T:
        __tracebackhide__ = True
        left: float
        try:
            while True:
                async with self._shared.member.permit(self._service.name, deadline=self._clocks.deadline) as permit:
                    # A process that was suspended for long may have lost the permit meanwhile.
                    if permit.valid:
                        return await self._exchange()
        except PauseOutlastsDeadlineError as pause:
            left = pause.seconds
        raise RateLimitError(
            "an earlier request was answered 429, and the pause after it outlasts the deadline",
            status=429,
            **self._where,
            retry_after=left,
        )

    def _decoded(self, answer: Answer) -> T:
        __tracebackhide__ = True
        try:
            raise_for_status(answer)
            return self._spec.decode(answer)
        except AdjustError as error:
            failure = error
        # Errors show what the service echoes. Long texts are cut, which must not leave a part of the token.
        clean = self._shared.config.token.without_echo(answer.body, answer.headers)
        if clean is None:
            try:
                raise failure
            finally:
                del failure  # as in `_attempt`
        del failure
        answer = answer._replace(body=clean[0], headers=clean[1])
        raise_for_status(answer)
        return self._spec.decode(answer)

    async def _exchange(self) -> Answer | T:
        """Send the request. Return the answer, or what the receiver of the spec returns for its body."""
        __tracebackhide__ = True
        failure: AdjustError
        if self._client_is_closed():
            raise closed_error("its http_client was closed, which must stay open for as long as AsyncAdjust")
        if self._spec.before_send is not None:
            await self._spec.before_send()
        scope = self._clocks.start_attempt()
        self._attempts += 1
        self._sending = True
        self._status = None
        try:
            async with scope:
                return await self._receive()
        except asyncio.CancelledError as cancelled:
            # It keeps no frame of httpx, which would refer to the request.
            cancelled.__context__ = None
            raise cancelled.with_traceback(None) from None
        except Exception as error:
            timed_out = scope.expired() and isinstance(error, TimeoutError)
            known = self._timed_out() if timed_out else self._failure_of(error)
            if known is None:
                raise
            failure = known
        if self._shared.telemetry is not None and self._status is None:
            self._shared.telemetry.ended(self._spec.service, self._spec.method, type(failure).__name__)
        raise failure

    def _timed_out(self) -> AdjustError:
        host = self._service.host
        return APITimeoutError(f"no complete answer within {host.name_of('timeout')}={host.timeout:g} s", **self._where)

    def _failure_of(self, error: Exception) -> AdjustError | None:
        """Return this package's error for one of a transport; `None` for an exception from the caller's own code."""
        if (mistake := mistake_of(error)) is not None:
            self._attempts -= 1
            return mistake
        closed = "http_client was closed during this request"
        if not is_of_transport(error):  # httpx itself raises a RuntimeError in a closed client
            ended = isinstance(error, RuntimeError) and self._client_is_closed()
            return closed_error(closed, **self._sent()) if ended else None
        hide = self._shared.config.token.redact
        failure = connection_error(self._where, error, self._service.host.url, hide)
        return closed_error(f"{closed}: {failure.message}", **self._sent()) if self._client_is_closed() else failure

    async def _receive(self) -> Answer | T:
        started = time.perf_counter()
        response = await self._service.send(self._shared.client, self._spec)
        try:
            end_verified = is_end_verified(response)
            self._log_answer(response.status_code, started)
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                await self._pause_everybody(response)
            if not response.is_success:
                longest = len(self._shared.config.token)
                return self._answer(response, await start_of_body(response, self._where, longest), end_verified)
            if self._spec.receive is None or response.status_code == httpx.codes.PARTIAL_CONTENT:
                most = self._shared.config.max_body_size
                return self._answer(response, await whole_body(response, self._where, most), end_verified)
            is_last = self._attempts >= self._service.max_attempts
            async with aclosing(ArrivingBody(response, self._where, self._clocks, is_last=is_last)) as body:
                try:
                    return await self._spec.receive(body)
                finally:
                    self._kept = self._kept or body.kept
        finally:
            await response.aclose()
            let_go(response)

    def _answer(self, response: httpx.Response, body: bytes, end_verified: bool) -> Answer:
        return Answer(
            **self._where,
            status=response.status_code,
            headers=response.headers,
            body=body,
            origin=self._service.origin,
            end_verified=end_verified,
        )

    def _client_is_closed(self) -> bool:
        return self._shared.client.is_closed

    def _sent(self) -> dict[str, Any]:
        return {**self._where, "sent": self._sending}

    def _out_of_time(self) -> AdjustError:
        host, spec = self._service.host, self._spec
        if self._shared.closed:
            return closed_error(f"{spec.method} {spec.path} was in flight", **self._sent())
        within = f"within {host.name_of('deadline')}={host.deadline:g} s"
        before = f". The previous attempt failed: {self._failed}" if self._failed else ""
        if self._sending:
            return APITimeoutError(f"no complete answer {within}{before}", **self._where)
        rate = "" if host.max_rate is None else f", and {host.max_rate:g} may be sent per second"
        return PoolExhaustedError(
            f"it got no permit {within}: {self._shared.config.max_concurrency} requests may run at a time{rate}. "
            f"Start fewer calls at once, or raise max_concurrency, {host.prefix}max_rate or {host.name_of('deadline')}"
            f"{before}",
            **self._where,
            sent=False,
        )

    # Log records.

    def _fields(self, *, status: int | None = None, wait: float | None = None) -> dict[str, Any]:
        return {
            "method": self._spec.method,
            "path": self._spec.path,
            "status": status,
            "attempt": self._attempts,
            "wait": wait,
        }

    async def _pause_everybody(self, response: httpx.Response) -> None:
        seconds, member = retry_after(response.headers.get("retry-after")), self._shared.member
        if await member.pause(self._service.name, UNASKED_PAUSE if seconds is None else seconds):
            wait = member.pause_left(self._service.name)
            if self._shared.telemetry is not None:
                self._shared.telemetry.paused(self._spec.service)
            logger.warning(
                "%s answered 429: no request to it starts for %.2f s",
                self._service.host.url,
                wait,
                extra=self._fields(status=429, wait=wait),
            )

    def _log_answer(self, status: int, started: float) -> None:
        self._status = status
        if self._shared.telemetry is not None:
            self._shared.telemetry.ended(self._spec.service, self._spec.method, status)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s %s answered %d in %.3f s",
                self._spec.method,
                self._spec.path,
                status,
                time.perf_counter() - started,
                extra=self._fields(status=status),
            )

    def _report_retry(self, error: AdjustError, failed: int, wait: float) -> None:
        config = self._shared.config
        self._waited += wait
        if self._shared.telemetry is not None:
            about = {"attempt": failed, "wait": wait, "error": type(error).__name__}
            self._shared.telemetry.retried(self._spec.service, **about, status=getattr(error, "status", None))
        logger.debug(
            "attempt %d of %d failed, the next one starts in %.2f s: %s",
            failed,
            self._service.max_attempts,
            wait,
            error,
            extra=self._fields(status=getattr(error, "status", None), wait=wait),
        )
        if config.on_retry is not None:
            config.on_retry(Retry(self._spec.method, self._spec.path, attempt=failed, wait=wait, error=error))


def _without_token(error: AdjustError, config: Config) -> AdjustError:
    """Return the error, or a copy without the token if one of its texts contains it."""
    texts = {name: value for name, value in vars(error).items() if isinstance(value, str)}
    hidden = {name: config.token.redact(text) for name, text in texts.items()}
    changed = {name: text for name, text in hidden.items() if text != texts[name]}
    return replace(error, **changed) if changed else error
