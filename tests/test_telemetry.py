"""Spans and metrics, if `opentelemetry-api` is installed."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adjust_async import AsyncAdjust, NotFoundError
from adjust_async._http import session
from adjust_async._telemetry import Telemetry, load
from adjust_async.emulator import Emulator, Faults
from tests.conftest import ScriptedClient
from tests.script import done

pytestmark = pytest.mark.anyio

DAYS: dict[str, Any] = {"start_date": "2026-01-01", "end_date": "2026-01-02"}


class Recorded:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended."""
        return self.exporter.get_finished_spans()

    def tree(self) -> list[str]:
        """Return the spans as text, each indented below its parent, siblings sorted by their start."""
        below: dict[int | None, list[ReadableSpan]] = {}
        for span in sorted(self.spans, key=lambda span: span.start_time or 0):
            below.setdefault(span.parent.span_id if span.parent else None, []).append(span)

        def lines(parent: int | None, depth: int) -> Iterator[str]:
            for span in below.get(parent, []):
                status = (span.attributes or {}).get("http.response.status_code")
                yield "  " * depth + span.name + (f" {status}" if status else "")
                yield from lines(span.context.span_id if span.context else None, depth + 1)

        return list(lines(None, 0))

    def metrics(self) -> dict[str, dict[tuple[Any, ...], Any]]:
        """Return the values of all instruments, by their attributes."""
        document = self.reader.get_metrics_data()
        assert document is not None
        return {
            metric.name: {tuple((point.attributes or {}).values()): point.value for point in metric.data.data_points}  # type: ignore[union-attr]  # sums have values
            for resource in document.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """Record the exports of clients that are opened later."""
    recorded = Recorded()
    telemetry = Telemetry(recorded.tracers.get_tracer("adjust_async"), recorded.meters.get_meter("adjust_async"))
    monkeypatch.setattr(session, "load", lambda: telemetry)
    yield recorded
    recorded.tracers.shutdown()
    recorded.meters.shutdown()


@pytest.mark.usefixtures("quick_retries")
async def test_the_spans_of_a_fan_out_with_a_retry(recorded: Recorded) -> None:
    """A fan-out is the parent of its calls, and these of httpx's attempts; a retry is an event of its call."""
    async with (
        Emulator(apps=2, faults=Faults.script(["503"])) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url, max_concurrency=1) as adjust,
    ):
        first = emulator.app_tokens[0]
        HTTPXClientInstrumentor.instrument_client(adjust.http_client, tracer_provider=recorded.tracers)
        token = emulator.token
        await adjust.kpis.deliverables(emulator.app_tokens, **DAYS)
    assert recorded.tree() == [
        "adjust.kpis.deliverables.fan_out",
        "  adjust.kpis.deliverables 200",
        "    GET",
        "    GET",
        "  adjust.kpis.deliverables 200",
        "    GET",
    ]
    call = next(span for span in recorded.spans if span.name == "adjust.kpis.deliverables" and span.events)
    attributes = dict(call.attributes or {})
    assert attributes.pop("adjust.wait") == 0
    assert attributes == {
        "adjust.service": "api",
        "adjust.app": first,
        "http.request.method": "GET",
        "url.path": f"/kpis/v1/{first}",
        "adjust.attempts": 2,
        "http.response.status_code": 200,
    }
    (event,) = call.events
    assert event.name == "adjust.retry"
    assert dict(event.attributes or {}) == {
        "adjust.attempt": 1,
        "adjust.wait": 0.0,
        "adjust.error": "ServerError",
        "adjust.status": 503,
    }
    assert token not in "".join(span.to_json() for span in recorded.spans)


async def test_walks_and_runs_are_parents(recorded: Recorded) -> None:
    """A walk, a list and a provisioning run each have one span above those of their calls."""
    async with (
        Emulator(apps=1, trackers_per_app=3) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url) as adjust,
    ):
        app = emulator.app_tokens[0]
        _ = [tracker async for tracker in adjust.trackers.walk(app, max_level=1)]
        _ = await adjust.partners.list(max_items=1).collect()
        _ = await adjust.trackers.provision(app, ["Brand new"])
    assert recorded.tree() == [
        "adjust.trackers.walk",
        "  adjust.trackers.list 200",
        "adjust.partners.list.collect",
        "  adjust.partners.list 200",
        "adjust.trackers.provision",
        "  adjust.trackers.list 200",
        "  adjust.trackers.create 200",
    ]
    assert all((span.attributes or {}).get("adjust.request_id") for span in recorded.spans if span.name[-4:] == "list")


async def test_a_failed_call_is_an_error(recorded: Recorded) -> None:
    """The span has the error's message, its class and the request id, and no traceback."""
    async with Emulator() as emulator, AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
        with pytest.raises(NotFoundError) as caught:
            await adjust.trackers.create("nosuchapp", "A")
    (span,) = recorded.spans
    attributes = span.attributes or {}
    assert span.status.description == str(caught.value)
    assert (attributes["error.type"], attributes["http.response.status_code"]) == ("NotFoundError", 404)
    assert attributes["adjust.request_id"] == caught.value.request_id
    assert not span.events


@pytest.mark.usefixtures("quick_retries")
async def test_metrics(recorded: Recorded) -> None:
    """Requests are counted by their result, and so are retries, pauses, and permits in use."""
    faults = Faults.script(["429-retry-after", "503", "drop-before"], retry_after=0.01)
    async with Emulator(faults=faults) as emulator, AsyncAdjust(emulator.token, api_url=emulator.url) as adjust:
        await adjust.partners.list(max_items=1).collect()
        metrics = recorded.metrics()
        del adjust
    assert metrics["adjust.requests"] == {
        ("api", "GET", 429): 1,
        ("api", "GET", 503): 1,
        ("api", "GET", "APIConnectionError"): 1,
        ("api", "GET", 200): 1,
    }
    assert metrics["adjust.retries"] == {("api",): 3}
    assert metrics["adjust.pauses"] == {("api",): 1}
    assert metrics["adjust.permits"] == {(): 0}


async def test_permits_that_are_out_are_seen(recorded: Recorded, client: ScriptedClient) -> None:
    """The instrument shows the permits that requests hold, of all clients together."""
    seen: list[dict[tuple[Any, ...], int]] = []

    async def answer(_: Any) -> Any:
        seen.append(recorded.metrics()["adjust.permits"])
        return done()

    async with client(answer) as (adjust, _), client(answer):
        await adjust.trackers.update("app", "abc123", partner_id=1)
    assert seen == [{(): 1}]


async def test_without_the_package_nothing_is_done(monkeypatch: pytest.MonkeyPatch, client: ScriptedClient) -> None:
    """If the import fails there is no telemetry, and calls work as before."""
    load.cache_clear()
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    try:
        async with client(done()) as (adjust, _):
            assert adjust._session._shared.telemetry is None
            await adjust.trackers.update("app", "abc123", partner_id=1)
    finally:
        load.cache_clear()
