"""The outermost layer: refuses foreign hosts, records requests, and separates the control API from Adjust's APIs."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adjust_async.emulator.http.error_bodies import is_report, send_refusal
from adjust_async.emulator.http.origins import Origins
from adjust_async.emulator.http.received import Recorder, Recording
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.stats import Stats

CONTROL = "/_emulator"


class Front:
    """Passes requests to the control API, to the Report Service's host, or to the host of all other APIs.

    Requests to the control API are neither recorded nor counted, and have no faults.
    """

    def __init__(
        self,
        origins: Origins,
        recorder: Recorder,
        stats: Stats,
        *,
        control: ASGIApp,
        reports: ASGIApp,
        campaign: ASGIApp,
    ) -> None:
        self._origins = origins
        self._recorder = recorder
        self._stats = stats
        self._control = control
        self._reports = reports
        self._campaign = campaign

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        try:
            self._origins.check(scope)
        except RefusalError as refusal:
            await self._refuse(refusal, scope, send)
            return
        if path == CONTROL or path.startswith(f"{CONTROL}/"):
            await self._control(scope, receive, send)
            return
        recording = self._recorder.begin(scope)
        app = self._reports if is_report(path) else self._campaign
        try:
            await app(scope, await _recorded(scope, receive, recording), _record_answer(send, recording))
        finally:
            recording.ended()

    async def _refuse(self, refusal: RefusalError, scope: Scope, send: Send) -> None:
        self._stats.request_arrived(f"{scope['method']} (foreign host)")
        try:
            await send_refusal(send, scope["path"], refusal)
        finally:
            self._stats.request_ended()


async def _recorded(scope: Scope, receive: Receive, recording: Recording) -> Receive:
    """Record what is received. A body that arrived with its head is recorded even if the request is refused."""
    held: list[Message] = []
    if any(name == b"content-length" and value.strip(b"0") for name, value in scope["headers"]):
        held.append(await receive())
        recording.received(held[0])

    async def recorded() -> Message:
        if held:
            return held.pop()
        message = await receive()
        recording.received(message)
        return message

    return recorded


def _record_answer(send: Send, recording: Recording) -> Send:
    async def recorded(message: Message) -> None:
        recording.sent(message)
        await send(message)

    return recorded
