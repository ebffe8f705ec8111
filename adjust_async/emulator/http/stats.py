"""What the emulator saw: requests by route, how many at once, connections and faults."""

from collections import Counter


class ReportStats:
    """What the limits of the Report Service's host saw; `in_flight` ends before a client can see an answer's end.

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
        self.refused.clear()

    def arrived(self) -> None:
        """Count a request, now in flight."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def left(self) -> None:
        """Count one request in flight less."""
        self.in_flight -= 1


class Stats:
    """Counters that are exact at any moment; plain attributes, to be read and compared.

    `requests` counts by method and route, as in `"GET /public/v1/apps/{app_token}/trackers"`; a path that no
    route has is counted as `"GET (unknown path)"`. A request is in flight from its arrival until its answer
    was handed to the socket or its client has gone. `faults` counts by `Fault`, and takes its text too:
    `stats.faults["500"]`. `reports` are about the Report Service alone.
    """

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.reports = ReportStats()
        self.in_flight = 0
        self.max_in_flight = 0
        self.connections_opened = 0
        self.connections_open = 0

    @property
    def total(self) -> int:
        """How many requests arrived, whatever became of them."""
        return self.requests.total()

    def reset(self) -> None:
        """Start counting anew; what is open or in flight now stays counted as such."""
        self.requests.clear()
        self.faults.clear()
        self.reports.reset()
        self.max_in_flight = self.in_flight
        self.connections_opened = self.connections_open

    def request_arrived(self, route: str) -> None:
        """Count a request of that route, now in flight."""
        self.requests[route] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def request_ended(self) -> None:
        """Count one request in flight less."""
        self.in_flight -= 1

    def connection_opened(self) -> None:
        """Count a connection, now open."""
        self.connections_opened += 1
        self.connections_open += 1

    def connection_closed(self) -> None:
        """Count one open connection less, whoever closed it."""
        self.connections_open -= 1

    def __repr__(self) -> str:
        return (
            f"Stats(total={self.total}, in_flight={self.in_flight}, max_in_flight={self.max_in_flight}, "
            f"connections_opened={self.connections_opened}, connections_open={self.connections_open}, "
            f"faults={self.faults.total()})"
        )
