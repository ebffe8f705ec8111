"""A web application for Adjust: it streams figures as they arrive, and runs roll-outs in the background.

    uvicorn app:app --app-dir examples/fastapi_app --timeout-graceful-shutdown 20

It reads ADJUST_API_TOKEN like every client. Without an account, run `adjust-async emulator` and set ADJUST_API_URL too.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Body, Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, StreamingResponse

from adjust_async import AdjustError, AsyncAdjust, ProvisionResult, TrackerSpec
from adjust_async.integrations.fastapi import Adjust, install_error_handlers, lifespan

#: Seconds after which a stream of events ends and the browser reconnects. A server can't stop before its streams end.
EVENTS = 2.0


class RollOut:
    """A roll-out and its progress."""

    def __init__(self, app_token: str, total: int) -> None:
        self.app_token = app_token
        self.done, self.total, self.last = 0, total, ""
        self.state = "running"
        self.result: ProvisionResult | None = None
        self._changed = asyncio.Event()

    def tell(self, done: int, total: int | None, what: str) -> None:
        """Receive the arguments of `on_progress`."""
        self.done, self.total, self.last = done, total or self.total, what
        self._changed.set()

    async def run(self, adjust: AsyncAdjust, specs: list[TrackerSpec]) -> None:
        """Roll the plan out, and keep the result however it ends."""
        try:
            self.result = await adjust.trackers.provision(self.app_token, specs, on_progress=self.tell)
            self.state = "failed" if self.result.failed else "finished"
        except AdjustError as error:
            self.result, self.state = error.result, f"stopped: {type(error).__name__}"
        finally:
            self._changed.set()

    def to_dict(self) -> dict[str, Any]:
        """Return the progress as JSON can carry it."""
        counts = None if self.result is None else self.result.counts
        return {"state": self.state, "done": self.done, "total": self.total, "last": self.last, "counts": counts}

    async def events(self) -> AsyncGenerator[str, None]:
        """Yield the progress as server-sent events, ten per second at most, until the end or for `EVENTS` seconds."""
        end = asyncio.get_running_loop().time() + EVENTS
        while True:
            self._changed.clear()
            yield f"data: {json.dumps(self.to_dict())}\n\n"
            if self.state != "running" or asyncio.get_running_loop().time() >= end:
                return
            await asyncio.sleep(0.1)
            try:
                async with asyncio.timeout_at(end):
                    await self._changed.wait()
            except TimeoutError:
                pass


class RollOuts:
    """The roll-outs of this process. A real application would keep them in a database."""

    def __init__(self) -> None:
        self._roll_outs: dict[str, RollOut] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, adjust: AsyncAdjust, app_token: str, specs: list[TrackerSpec]) -> str:
        """Start a roll-out in the background and return its id."""
        roll_out, name = RollOut(app_token, len(specs)), uuid4().hex
        self._roll_outs[name] = roll_out
        task = asyncio.create_task(roll_out.run(adjust, specs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return name

    def find(self, name: str) -> RollOut:
        """Return a roll-out, or raise a 404."""
        if name not in self._roll_outs:
            raise HTTPException(404, "no such roll-out")
        return self._roll_outs[name]

    async def end(self) -> None:
        """Wait for the running roll-outs, and print what they did, so that somebody can continue them."""
        await asyncio.gather(*self._tasks)
        for name, roll_out in self._roll_outs.items():
            doubts = sum(outcome.in_doubt for outcome in roll_out.result.outcomes) if roll_out.result else None
            print(json.dumps({"roll_out": name, "in_doubt": doubts, **roll_out.to_dict()}), flush=True)


open_client = lifespan(drain=10)


@asynccontextmanager
async def around(app: FastAPI) -> AsyncGenerator[None, None]:
    """Open the client. At the end it drains, which stops the roll-outs cleanly, and then they are awaited."""
    app.state.roll_outs = RollOuts()
    async with open_client(app):
        yield
    await app.state.roll_outs.end()


app = FastAPI(title="Adjust", lifespan=around)
install_error_handlers(app)


def get_roll_outs(request: Request) -> RollOuts:
    """Return the roll-outs of the application."""
    roll_outs: RollOuts = request.app.state.roll_outs
    return roll_outs


Running = Annotated[RollOuts, Depends(get_roll_outs)]


@app.get("/")
async def page() -> FileResponse:
    """Show the page."""
    return FileResponse(Path(__file__).with_name("page.html"))


@app.get("/kpis/{app_tokens}")
async def kpis(app_tokens: str, start: date, end: date, adjust: Adjust) -> StreamingResponse:
    """Stream the figures of many apps as JSON Lines, each app when it arrives."""
    reports = adjust.kpis.stream(app_tokens.split(","), start_date=start, end_date=end, on_failure="keep")

    async def lines() -> AsyncGenerator[str, None]:
        try:
            async with aclosing(reports):
                async for app_token, report in reports:
                    for row in report.rows():
                        yield json.dumps(row) + "\n"
                    if app_token in report.failures:
                        yield json.dumps({"app_token": app_token, "error": str(report.failures[app_token])}) + "\n"
        except AdjustError as error:  # all apps failed, and the status line was already sent
            yield json.dumps({"error": str(error)}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.post("/roll-outs/{app_token}", status_code=202)
async def start(app_token: str, specs: Annotated[list[TrackerSpec], Body()], adjust: Adjust, running: Running) -> Any:
    """Start a roll-out in the background if Adjust knows the app; answer 404 otherwise."""
    await adjust.with_options(deadline=5).trackers.list(app_token, max_items=1).collect()
    return {"id": running.start(adjust, app_token, specs)}


@app.get("/roll-outs/{name}")
async def show(name: str, running: Running) -> dict[str, Any]:
    """Return the progress of a roll-out."""
    return running.find(name).to_dict()


@app.get("/roll-outs/{name}/events")
async def events(name: str, running: Running) -> StreamingResponse:
    """Stream the progress of a roll-out."""
    return StreamingResponse(running.find(name).events(), media_type="text/event-stream")
