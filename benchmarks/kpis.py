"""The figures of 200 apps, one request each, at 100 ms of latency; and the rows of 200,000 leaf values.

python -m benchmarks.kpis [--apps 200] [--latency 0.1] [--rounds 3]
"""

import argparse
import asyncio
import json
import tracemalloc
from collections.abc import Callable
from datetime import date
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import requests

from adjust_async import AsyncAdjust, KpiReport
from adjust_async.emulator import Emulator
from benchmarks.measuring import Figure, Stopwatch, report
from benchmarks.processes import beside

START, END = date(2026, 1, 1), date(2026, 1, 31)
KPIS, GROUPING = ["installs", "sessions", "revenue"], ["networks", "day"]

Cells = list[tuple[Any, ...]]


class Account(NamedTuple):
    """An emulator in a process of its own."""

    url: str
    token: str
    app_tokens: list[str]


def _serve(ready: Connection, apps: int, latency: float) -> None:
    def started(emulator: Emulator) -> None:
        emulator.facts.make(START, END)
        emulator.latency = latency
        ready.send(Account(emulator.url, emulator.token, emulator.app_tokens))

    Emulator(apps=apps, trackers_per_app=20, facts_per_day=10).run(started)


def with_sdk(account: Account) -> Cells:
    """Ask with this SDK: side by side, checked, merged."""

    async def ask() -> KpiReport:
        async with AsyncAdjust(account.token, api_url=account.url) as adjust:
            return await adjust.kpis.deliverables(
                account.app_tokens, start_date=START, end_date=END, kpis=KPIS, grouping=GROUPING
            )

    return [tuple(row.values()) for row in asyncio.run(ask()).rows()]


def with_requests(account: Account) -> Cells:
    """Ask as adjusty's users do: a loop over the apps, and the rows by hand."""
    cells: Cells = []
    session = requests.Session()
    for token in account.app_tokens:
        response = session.get(
            f"{account.url}/kpis/v1/{token}",
            params={
                "start_date": START.isoformat(),
                "end_date": END.isoformat(),
                "kpis": ",".join(KPIS),
                "grouping": ",".join(GROUPING),
            },
            headers={"Authorization": f"Token token={account.token}"},
            timeout=60,
        )
        response.raise_for_status()
        cells += by_hand(response.json()["result_set"])
    return cells


def by_hand(app: dict[str, Any]) -> Cells:
    """Flatten one app whose levels are known beforehand, as a script does."""
    return [
        (
            app["token"],
            app["name"],
            app["currency"],
            network["token"],
            network["name"],
            date.fromisoformat(day["date"]),
            *day["kpi_values"],
        )
        for network in app["networks"]
        for day in network["dates"]
    ]


def with_python_adjust(account: Account) -> Cells:
    """Ask with python-adjust, app by app, which is what it does fast enough to compare."""
    from adjustapi.api import AdjustApi

    api = AdjustApi(account.token)
    api._base_url = account.url  # noqa: SLF001 - it has no argument for it
    cells: Cells = []
    for token in account.app_tokens:
        service = api.kpi_service(start_date=START, end_date=END, app_tokens=[token], kpis=KPIS, groups=GROUPING)
        cells += by_hand(service.fetch_kpi().result_set)
    return cells


def leaves() -> None:
    """Measure the rows of a document of 200,000 leaf values beside a loop that knows its shape."""
    apps = [
        {
            "token": f"app{app}",
            "name": f"App {app}",
            "currency": "EUR",
            "networks": [
                {
                    "token": f"n{network}",
                    "name": f"Network {network}",
                    "dates": [
                        {"date": f"2026-{month:02}-{day:02}", "kpi_values": [network, day, month + 0.5]}
                        for month in range(1, 11)
                        for day in range(1, 21)
                    ],
                }
                for network in range(50)
            ],
        }
        for app in range(20)
    ]
    document = json.dumps({"result_parameters": {"kpis": KPIS}, "result_set": {"apps": apps}}).encode()
    jobs: dict[str, Callable[[KpiReport], Any]] = {
        "by hand, to tuples": lambda _: [row for app in apps for row in by_hand(app)],
        "by hand, to dictionaries": lambda _: _dictionaries(apps),
        "report.rows(), to a list": lambda report: list(report.rows()),
        "report.rows(), one by one": lambda report: sum(1 for _ in report.rows()),
        "report.to_arrow()": lambda report: report.to_arrow(),
    }
    print("\n200,000 leaf values (fastest of three), and the peak of memory")
    for name, job in {"KpiReport.from_json": lambda _: KpiReport.from_json(document), **jobs}.items():
        seconds = min(_once(job, document) for _ in range(3))
        parsed = KpiReport.from_json(document)
        tracemalloc.start()
        job(parsed)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{name:32} {seconds:6.2f} s {peak / 2**20:8.1f} MiB")


def _once(job: Callable[[KpiReport], Any], document: bytes) -> float:
    parsed = KpiReport.from_json(document)
    with Stopwatch() as stopwatch:
        job(parsed)
    return stopwatch.figure.wall


def _dictionaries(apps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("app_token", "app_name", "currency", "network_token", "network_name", "date", *KPIS)
    return [dict(zip(names, row, strict=True)) for app in apps for row in by_hand(app)]


def main(arguments: list[str] | None = None) -> None:
    """Measure every contender side by side, round by round, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds before each answer")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    contenders = {
        "adjust_async": with_sdk,
        "requests, app by app": with_requests,
        "python-adjust, app by app": with_python_adjust,
    }
    figures: dict[str, list[Figure]] = {name: [] for name in contenders}
    with beside(_serve, options.apps, options.latency) as account:
        expected = with_sdk(account)
        for _ in range(options.rounds):
            for name, contender in contenders.items():
                with Stopwatch() as stopwatch:
                    found = contender(account)
                if found != expected:
                    raise SystemExit(f"{name} found other figures")
                figures[name].append(stopwatch.figure)
    title = f"{options.apps} apps, {options.latency * 1000:.0f} ms of latency, 50 at a time, {len(expected)} rows"
    report(title, figures, requests=options.apps, ideal=options.apps * options.latency / 50, unit="app")
    leaves()


if __name__ == "__main__":
    main()
