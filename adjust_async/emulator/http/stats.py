"""The emulator's statistics: requests by route, concurrency, connections and faults."""

from collections import Counter
from threading import Lock


class HostStats:
    """The statistics of one of Adjust's hosts. A request leaves `in_flight` before its client can see the answer's end.

    `max_in_flight` and `fullest_bucket` include refused requests, so they exceed their limit if a client did. `refused`
    counts by limit: "concurrency" and "rate". Without a rate limit the bucket stays empty.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.max_in_flight = 0
        self.fullest_bucket = 0.0
        self.refused: Counter[str] = Counter()

    def reset(self) -> None:
        """Start counting from zero; requests in flight stay counted."""
        self.max_in_flight = self.in_flight
        self.fullest_bucket = 0.0
        self.refused = Counter()

    def arrived(self) -> None:
        """Count a request that is now in flight."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def left(self) -> None:
        """Count a request that is no longer in flight."""
        self.in_flight -= 1


class Stats:
    """Counters that are exact at any moment, and may be read from any thread.

    A request is in flight from its arrival until its answer was passed to the socket, or its client has disconnected.
    `campaign` is the host of the Campaign API and the KPI Service, `reports` that of the Report Service.
    """

    def __init__(self) -> None:
        self.reports = HostStats()
        self.campaign = HostStats()
        self.in_flight = 0
        self.max_in_flight = 0
        self.connections_opened = 0
        self.connections_open = 0
        self._requests: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._lock = Lock()

    @property
    def total(self) -> int:
        """The number of requests that arrived, whatever their result."""
        return self.requests.total()

    @property
    def requests(self) -> Counter[str]:
        """The requests by method and route, as in `"GET /public/v1/apps/{app_token}/trackers"`.

        An unknown path is counted as `"GET (unknown path)"`, and a request for another host or from a page of another
        site as `"GET (foreign host)"`.
        """
        with self._lock:
            return self._requests.copy()

    @property
    def faults(self) -> Counter[str]:
        """The faults by `Fault`, or its string value: `stats.faults["500"]`."""
        with self._lock:
            return self._faults.copy()

    def reset(self) -> None:
        """Start counting from zero; open connections and requests in flight stay counted."""
        with self._lock:
            self._requests.clear()
            self._faults.clear()
        self.reports.reset()
        self.campaign.reset()
        self.max_in_flight = self.in_flight
        self.connections_opened = self.connections_open

    def request_arrived(self, route: str) -> None:
        """Count a request of that route, which is now in flight."""
        with self._lock:
            self._requests[route] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def request_ended(self) -> None:
        """Count a request that is no longer in flight."""
        self.in_flight -= 1

    def fault_met(self, fault: str) -> None:
        """Count a fault that was injected."""
        with self._lock:
            self._faults[str(fault)] += 1

    def connection_opened(self) -> None:
        """Count a connection that is now open."""
        self.connections_opened += 1
        self.connections_open += 1

    def connection_closed(self) -> None:
        """Count a connection that is no longer open."""
        self.connections_open -= 1

    def __repr__(self) -> str:
        return (
            f"Stats(total={self.total}, in_flight={self.in_flight}, max_in_flight={self.max_in_flight}, "
            f"connections_opened={self.connections_opened}, connections_open={self.connections_open}, "
            f"faults={self.faults.total()})"
        )
