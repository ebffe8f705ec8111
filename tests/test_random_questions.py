"""Three hundred random queries: the rows are those of an independent flattening of the raw answers, defined here."""

import itertools
import random
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import httpx
import orjson
import pytest

from adjust_async import AsyncAdjust
from adjust_async.emulator import Emulator

pytestmark = [pytest.mark.anyio, pytest.mark.account(apps=4, trackers_per_app=12, facts_per_day=6)]

Row = dict[str, Any]


class Answers:
    """Collects the raw answers of a client, each with its query and path."""

    def __init__(self, adjust: AsyncAdjust) -> None:
        self.found: list[tuple[httpx.URL, Any]] = []
        adjust.http_client.event_hooks = {"response": [self._gather]}

    async def _gather(self, response: httpx.Response) -> None:
        body = await response.aread()
        self.found.append((response.request.url, orjson.loads(body) if body else {"rows": []}))

    def take(self) -> list[tuple[httpx.URL, Any]]:
        """Return what was collected since the last time."""
        found, self.found = self.found, []
        return found


def figure(text: object) -> object:
    """Read a metric."""
    if not isinstance(text, str):
        return text
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def dimension(column: str, text: Any) -> object:
    """Read a dimension."""
    if column == "day":
        return date.fromisoformat(text[:10])
    return datetime.fromisoformat(text) if column == "hour" else text


def flat_report(row: Row, dimensions: list[str], metrics: list[str], above: Row) -> Row:
    """Read a row of the Report Service."""
    cells = {**above, **row}
    return {name: dimension(name, cells[name]) for name in dimensions} | {
        name: figure(cells.get(name)) for name in metrics
    }


def hanging(rows: list[Any], index: list[str], above: Row) -> Iterator[tuple[Row, Row]]:
    """Yield the rows below the values of an index, each with these values."""
    for row in rows:
        if not index:
            yield row, above
            continue
        for value, inner in row.items():
            yield from hanging(inner["rows"], index[1:], {**above, index[0]: value})


DIMENSIONS = ["day", "hour", "week", "month", "app", "network", "campaign", "country", "country_code", "os_name",
              "device_type", "partner_name", "partner_id", "currency_code"]  # fmt: skip
METRICS = ["installs", "clicks", "sessions", "cost", "revenue", "ctr", "daus", "retention_rate_d7", "roas_ad_d30"]
WORDS = ["this_month", "2026-01-05:2026-01-09", "2026-02-01:2026-02-02", "2026-03-28:2026-03-30"]


@pytest.mark.parametrize("seed", range(5))
async def test_reports(seed: int, adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A hundred and fifty queries to the Report Service: flat, by app, and pivots."""
    rng, answers, seen = random.Random(seed), Answers(adjust), 0
    for _ in range(30):
        dimensions = rng.sample(DIMENSIONS, rng.randint(1, 4))
        metrics = rng.sample(METRICS, rng.randint(1, 5))
        apps = rng.sample(emulator.app_tokens, rng.randint(1, 4))
        question: Any = {"dimensions": dimensions, "metrics": metrics, "date_period": rng.choice(WORDS)}
        kind: Any = rng.choice(["none", "app", "pivot"])
        index: list[str] = []
        report: Any
        answers.take()
        if kind == "pivot":
            index = rng.sample(dimensions, rng.randint(1, min(2, len(dimensions))))
            report = await adjust.reports.pivot(**question, index=index, app_tokens=apps)
        else:
            report = await adjust.reports.fetch(**question, app_tokens=apps, fan_out=kind)
        expected: list[Row] = []
        asked = [(url, document) for url, document in answers.take() if "filters_data" not in url.path]
        if kind == "app":
            asked.sort(key=lambda pair: apps.index(pair[0].params["app_token__in"]))
        for url, document in asked:
            token = {"app_token": url.params["app_token__in"]} if kind == "app" else {}
            rows = hanging(document["rows"], index, {})
            expected += [token | flat_report(row, dimensions, metrics, above) for row, above in rows]
        assert [{name: row[name] for name in (expected or [{}])[0]} for row in report.rows()] == expected
        assert all(type(a) is type(b) for row, other in zip(report.rows(), expected, strict=True)
                   for name in other for a, b in [(row[name], other[name])])  # fmt: skip
        seen += len(expected)
    assert seen > 500


SINGULAR = {"trackers": "tracker", "networks": "network", "campaigns": "campaign", "adgroups": "adgroup",
            "creatives": "creative", "events": "event"}  # fmt: skip
PLAIN = {"dates": "date", "countries": "country", "os_names": "os_name", "device_types": "device_type",
         "partners": "partner", "periods": "period", "regions": "region"}  # fmt: skip


def flat_kpis(element: Row, parameters: Row, above: Row) -> Iterator[Row]:
    """Yield a row for each `kpi_values` below an element."""
    if "kpi_values" in element:
        yield {**above, **dict(zip(parameters["kpis"], element["kpi_values"], strict=True))}
    for level, inner in element.items():
        for one in inner if isinstance(inner, list) and level != "kpi_values" else []:
            if level == "apps":
                own = {}  # the app itself, if nothing is grouped by
            elif level in SINGULAR:
                names = {named["token"]: named["name"] for named in parameters.get(level) or []}
                name = one.get("name", names.get(one["token"]))
                own = {f"{SINGULAR[level]}_token": one["token"], f"{SINGULAR[level]}_name": name}
            else:
                own = {PLAIN[level]: one[PLAIN[level]]}
            yield from flat_kpis(one, parameters, {**above, **own})


def when(text: Any) -> object:
    """Read a date of the KPI Service, as in its rows."""
    return text.isoformat() if isinstance(text, date) else text


GROUPINGS = ["trackers", "networks", "campaigns", "day", "week", "countries", "os_names", "device_types"]
KPIS = ["clicks", "installs", "sessions", "revenue", "daus", "click_conversion_rate"]


@pytest.mark.parametrize("seed", range(5))
async def test_kpis(seed: int, adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A hundred and fifty queries to the KPI Service, for one app and for several."""
    rng, answers, seen = random.Random(100 + seed), Answers(adjust), 0
    for _ in range(30):
        apps = rng.sample(emulator.app_tokens, rng.randint(1, 4))
        grouping = rng.sample(GROUPINGS, rng.randint(0, 3))
        times = [name for name in grouping if name in {"day", "week"}]
        grouping = [name for name in grouping if name not in times[1:]]
        endpoint = rng.choice(["deliverables", "events"])
        kpis = rng.sample(KPIS, 3) if endpoint == "deliverables" else ["revenue_events", "revenue"]
        answers.take()
        report = await getattr(adjust.kpis, endpoint)(
            apps, start_date="2026-01-05", end_date="2026-01-09", kpis=kpis, grouping=grouping or None
        )
        asked = sorted(answers.take(), key=lambda pair: apps.index(pair[0].path.split("/")[3]))
        expected: list[Row] = []
        for _, document in asked:
            app = document["result_set"]
            above = {"app_token": app["token"], "app_name": app["name"], "currency": app["currency"]}
            expected += flat_kpis(app, document["result_parameters"], above)
        rows = [{name: when(cell) for name, cell in row.items()} for row in report.rows()]
        assert [{name: row[name] for name in other} for row, other in zip(rows, expected, strict=True)] == [
            {name: when(cell) for name, cell in row.items()} for row in expected
        ]
        assert {key for row in rows for key in row if row[key] is not None} <= set(itertools.chain(*expected))
        seen += len(rows)
    assert seen > 500
