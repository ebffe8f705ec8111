"""What the emulator saw: requests by route, how many at once, connections and faults."""

from collections import Counter
from threading import Lock


class HostStats:
    """What the limits of one of Adjust's hosts saw; `in_flight` ends before a client can see an answer's end.

    `max_in_flight` and `fullest_bucket` count what was refused too, so that they are above their limit where a client
    overran it. `refused` counts by limit: "concurrency" and "rate". Without a limit by rate the bucket stays empty.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.max_in_flight = 0
        self.fullest_bucket = 0.0
        self.refused: Counter[str] = Counter()

    def reset(self) -> None:
        """Start counting anew; what is in flight now stays counted as such."""
        self.max_in_flight = self.in_flight
        self.fullest_bucket = 0.0
        self.refused = Counter()

    def arrived(self) -> None:
        """Count a request, now in flight."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def left(self) -> None:
        """Count one request in flight less."""
        self.in_flight -= 1


class Stats:
    """Counters that are exact at any moment, and may be read from any thread.

    A request is in flight from its arrival until its answer was handed to the socket or its client has gone.
    `campaign` is about the host of the Campaign API and the KPI Service, `reports` about that of the Report Service.
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
        """How many requests arrived, whatever became of them."""
        return self.requests.total()

    @property
    def requests(self) -> Counter[str]:
        """The requests by method and route, as in `"GET /public/v1/apps/{app_token}/trackers"`.

        A path that no route has is counted as `"GET (unknown path)"`, a request for another host or from a page of
        another site as `"GET (foreign host)"`.
        """
        with self._lock:
            return self._requests.copy()

    @property
    def faults(self) -> Counter[str]:
        """The faults by `Fault`, which its text may stand for: `stats.faults["500"]`."""
        with self._lock:
            return self._faults.copy()

    def reset(self) -> None:
        """Start counting anew; what is open or in flight now stays counted as such."""
        with self._lock:
            self._requests.clear()
            self._faults.clear()
        self.reports.reset()
        self.campaign.reset()
        self.max_in_flight = self.in_flight
        self.connections_opened = self.connections_open

    def request_arrived(self, route: str) -> None:
        """Count a request of that route, now in flight."""
        with self._lock:
            self._requests[route] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def request_ended(self) -> None:
        """Count one request in flight less."""
        self.in_flight -= 1

    def fault_met(self, fault: str) -> None:
        """Count a fault that a request met."""
        with self._lock:
            self._faults[str(fault)] += 1

    def connection_opened(self) -> None:
        """Count a connection, now open."""
        self.connections_opened += 1
        self.connections_open += 1

    def connection_closed(self) -> None:
        """Count one open connection less."""
        self.connections_open -= 1

    def __repr__(self) -> str:
        return (
            f"Stats(total={self.total}, in_flight={self.in_flight}, max_in_flight={self.max_in_flight}, "
            f"connections_opened={self.connections_opened}, connections_open={self.connections_open}, "
            f"faults={self.faults.total()})"
        )
