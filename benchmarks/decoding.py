"""Decoding from bytes: a page of trackers, and an answer of the KPI Service with 200,000 elements."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

import orjson

from adjust_async import KpiReport, Tracker
from benchmarks import trackers
from benchmarks.measuring import Contender, Measurement, Options, digest, side_by_side

T = TypeVar("T")

KPIS = ["installs", "sessions", "revenue"]
COLUMNS = ("app_token", "app_name", "currency", "network_token", "network_name", "date", *KPIS)


# A page, decoded again and again. The last result is compared.


def page_with_sdk(body: bytes, times: int) -> Sequence[Tracker]:
    """Decode with this SDK into records, with every field checked."""
    from adjust_async._http.messages import Answer
    from adjust_async.campaign.pages import decode_page

    known = {"app_token": "app", "parent_token": None}

    def decode(body: bytes) -> Sequence[Tracker]:
        answer = Answer(method="GET", path="/", status=200, headers={}, body=body)
        return decode_page(answer, Tracker, known, "https://api.adjust.com", None).items

    return _last(decode, body, times)


def page_by_orjson(body: bytes, times: int) -> list[dict[str, Any]]:
    """Decode into dictionaries."""
    return _last(lambda body: _items(orjson.loads(body)), body, times)


def page_by_orjson_to_records(body: bytes, times: int) -> list[Tracker]:
    """Decode into unchecked records."""
    return _last(lambda body: _records(orjson.loads(body)), body, times)


def page_by_json_to_records(body: bytes, times: int) -> list[Tracker]:
    """Decode into unchecked records with the standard library."""
    return _last(lambda body: _records(json.loads(body)), body, times)


def _last(decode: Callable[[bytes], T], body: bytes, times: int) -> T:
    for _ in range(times - 1):
        decode(body)
    return decode(body)


def _items(document: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = document["data"]["items"]
    return items


def _records(document: dict[str, Any]) -> list[Tracker]:
    return [Tracker(**item, app_token="app") for item in _items(document)]


def fields(page: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the fields to compare of a page of records or dictionaries."""
    names = ("token", "name", "level", "partner_id", "impression_url")
    return [tuple(one[name] if isinstance(one, dict) else getattr(one, name) for name in names) for one in page]


PAGES = (
    Contender("adjust_async, checked records", page_with_sdk),
    Contender("orjson, dictionaries", page_by_orjson),
    Contender("orjson, records by hand", page_by_orjson_to_records),
    Contender("json, records by hand", page_by_json_to_records),
)


def page(options: Options) -> Measurement:
    """Measure a page of trackers."""
    times = 10 if options.quick else 2_000
    items = [trackers.tracker(f"t{number:05}", f"Network {number}") for number in range(trackers.PAGE_SIZE)]
    _, whole = next(trackers.pages("/", items))
    body = whole.partition(b"\r\n\r\n")[2]
    runs = side_by_side(
        PAGES,
        lambda _: (body, times),
        rounds=options.rounds,
        expected=lambda _: fields(items),
        warm_up=(body, 1),
        summary=fields,
    )
    title = f"A page of {len(items)} trackers decoded, {times:,} times"
    return Measurement("small", title, "page", times, None, None, runs)


# A large answer of the KPI Service, decoded and flattened.


def answer_of(apps: int, networks: int) -> bytes:
    """Make an answer with some apps and networks, with 200 days for each network."""
    result_set = [
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
                for network in range(networks)
            ],
        }
        for app in range(apps)
    ]
    return orjson.dumps({"result_parameters": {"kpis": KPIS}, "result_set": {"apps": result_set}})


def checked(document: bytes) -> KpiReport:
    """Decode with this SDK."""
    return KpiReport.from_json(document)


def rows_kept(document: bytes) -> list[dict[str, Any]]:
    """Decode with this SDK, and keep all rows."""
    return list(KpiReport.from_json(document).rows())


def arrow(document: bytes) -> Any:
    """Decode with this SDK into an Arrow table."""
    return KpiReport.from_json(document).to_arrow()


def rows_by_orjson(document: bytes) -> list[dict[str, Any]]:
    """Flatten with a loop for this one structure."""
    return _flat(orjson.loads(document))


def _flat(document: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for app in document["result_set"]["apps"]:
        of_app = (app["token"], app["name"], app["currency"])
        for network in app["networks"]:
            of_network = (*of_app, network["token"], network["name"])
            for day in network["dates"]:
                row = (*of_network, date.fromisoformat(day["date"]), *day["kpi_values"])
                rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def cells(found: Any) -> str:
    """Return the cells to compare of a report, a table, or rows."""
    rows = found.rows() if isinstance(found, KpiReport) else found if isinstance(found, list) else found.to_pylist()
    return digest(tuple(row.values()) for row in rows)


ANSWERS = (
    Contender("adjust_async, KpiReport.from_json", checked),
    Contender("adjust_async, rows() to a list", rows_kept),
    Contender("adjust_async, to_arrow()", arrow, needs="pyarrow"),
    Contender("orjson, a loop by hand to a list", rows_by_orjson),
)


def elements(options: Options) -> Measurement:
    """Measure an answer of the KPI Service."""
    apps, networks = (1, 2) if options.quick else (20, 50)
    document = answer_of(apps, networks)
    expected = cells(_flat(json.loads(document)))
    runs = side_by_side(
        ANSWERS,
        lambda _: (document,),
        rounds=options.rounds,
        expected=lambda _: expected,
        warm_up=(answer_of(1, 1),),
        summary=cells,
    )
    count = apps * networks * 200
    title = f"An answer of the KPI Service with {count:,} elements of three figures, to typed rows"
    return Measurement("large", title, "element", count, None, None, runs)
