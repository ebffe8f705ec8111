"""The SDK's own spans and metrics, if `opentelemetry-api` is installed (extra `otel`).

If httpx is instrumented, its spans become children of these. Without the package, `load` returns `None` and nothing is
recorded.
"""

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from adjust_async._version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation
    from opentelemetry.trace import Span, Tracer

__all__ = ["Telemetry", "load"]

#: Returns the number of permits that a client's requests hold.
Permits = Callable[[], int]


class Telemetry:
    """The instruments of one tracer and one meter.

    Args:
        tracer: Makes the spans.
        meter: Makes the instruments `adjust.requests`, `adjust.retries`, `adjust.pauses` and `adjust.permits`.
        traces: Returns whether the application records spans.
    """

    def __init__(self, tracer: "Tracer", meter: "Meter", traces: Callable[[], bool] = lambda: True) -> None:
        self.traces = traces
        self._tracer = tracer
        self._requests = meter.create_counter(
            "adjust.requests", "{request}", "Requests that were sent, by their status or error."
        )
        self._retries = meter.create_counter("adjust.retries", "{retry}", "Requests that are sent again.")
        self._pauses = meter.create_counter("adjust.pauses", "{pause}", "Pauses of all requests after a 429.")
        meter.create_observable_up_down_counter(
            "adjust.permits", [self._observe], "{permit}", "Requests that are running now."
        )
        self._owners: weakref.WeakKeyDictionary[object, Permits] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()  # exporters observe in a thread of their own

    def watch(self, owner: object, permits: Permits) -> None:
        """Include a client's permits in `adjust.permits` until the client is garbage-collected."""
        with self._lock:
            self._owners[owner] = permits

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Any]) -> "Iterator[Span]":
        """Run a block within a new span. Attributes with the value `None` are left out.

        An error becomes the span's status, with the error's message, which never holds the API token. No traceback is
        recorded.
        """
        from opentelemetry.trace import StatusCode

        __tracebackhide__ = True
        present = {key: value for key, value in attributes.items() if value is not None}
        with self._tracer.start_as_current_span(
            f"adjust.{name}", attributes=present, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                if isinstance(error, Exception):
                    span.set_status(StatusCode.ERROR, str(error))
                raise

    def ended(self, service: str, method: str, outcome: int | str) -> None:
        """Count a request that ended with a status, or with the name of an error."""
        key = "http.response.status_code" if isinstance(outcome, int) else "error.type"
        self._requests.add(1, {"adjust.service": service, "http.request.method": method, key: outcome})

    def retried(self, service: str, **about: Any) -> None:
        """Count a retry, and add it to the current span as an event."""
        from opentelemetry.trace import get_current_span

        self._retries.add(1, {"adjust.service": service})
        get_current_span().add_event(
            "adjust.retry", {f"adjust.{key}": value for key, value in about.items() if value is not None}
        )

    def paused(self, service: str) -> None:
        """Count a pause."""
        self._pauses.add(1, {"adjust.service": service})

    def _observe(self, _: "CallbackOptions") -> "Iterable[Observation]":
        from opentelemetry.metrics import Observation

        with self._lock:
            all_permits = list(self._owners.values())
        return [Observation(sum(permits() for permits in all_permits))]


@cache
def load() -> Telemetry | None:
    """Return the telemetry, or `None` without the package. The application may set its providers later."""
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return None

    def traces() -> bool:
        return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)

    tracer, meter = trace.get_tracer("adjust_async", __version__), metrics.get_meter("adjust_async", __version__)
    return Telemetry(tracer, meter, traces)
