import csv
import io
from collections.abc import Callable, Iterator
from datetime import date

import httpx
import pytest

from adjust_async.emulator import Emulator
from adjust_async.emulator.reports.lists import read_list
from tests.emulator.kpis.results import serving
from tests.emulator.reports.results import Row, ask, columns, document, rows

SUFFIXES: dict[str, Callable[[str, str], bool]] = {
    "in": lambda text, value: text == value,
    "contains": lambda text, value: value.lower() in text.lower(),
    "starts_with": lambda text, value: text.lower().startswith(value.lower()),
    "ends_with": lambda text, value: text.lower().endswith(value.lower()),
}
OPPOSITES = {"in": "not_in", "contains": "exclude", "starts_with": "not_starts_with", "ends_with": "not_ends_with"}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
    "gt": lambda value, limit: value > limit,
    "gte": lambda value, limit: value >= limit,
    "eq": lambda value, limit: value == limit,
    "ne": lambda value, limit: value != limit,
}
FILTERED = (
    "campaign", "network", "country", "country_code", "partner_name", "partner_id", "campaign_id_network", "app",
    "region", "store_id", "os_name", "day", "week", "month", "quarter", "year", "hour",
)  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of an emulator with few apps and much variety."""
    emulator = Emulator(
        apps=2, trackers_per_app=60, facts_per_day=15, today=date(2026, 2, 10), seed=3, report_rate=None
    )
    with serving(emulator) as client:
        yield client


@pytest.mark.parametrize("dimension", FILTERED)
def test_values(client: httpx.Client, dimension: str) -> None:
    """A filter keeps the rows that its dimension would show, its opposite the others."""
    parameters = {"dimensions": dimension, "format_dates": "false", "date_period": "2025-12-29:2026-01-08"}
    whole = rows(client, **parameters)
    values = [row[dimension] for row in whole]
    chosen = f'"{values[0]}","{values[-1]}"'
    assert [row for row in whole if row[dimension] in {values[0], values[-1]}] == rows(
        client, **parameters, **{f"{dimension}__in": chosen}
    )
    assert [row for row in whole if row[dimension] not in {values[0], values[-1]}] == rows(
        client, **parameters, **{f"{dimension}__not_in": chosen}
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffixes(client: httpx.Client, suffix: str) -> None:
    """Each text comparison keeps the right rows, for any of several values, and its opposite the others."""
    whole = rows(client, dimensions="campaign,country")
    names = sorted({row["campaign"] for row in whole})
    lists = {"in": [names[1], names[2].upper()], "contains": ["SPRING", "off"], "starts_with": ["always", "B"]}
    values = lists.get(suffix, ["us", "Fr"])
    kept = [row for row in whole if any(SUFFIXES[suffix](row["campaign"], value) for value in values)]
    assert 0 < len(kept) < len(whole)
    text = ",".join(values)
    assert rows(client, dimensions="campaign,country", **{f"campaign__{suffix}": text}) == kept
    opposite = rows(client, dimensions="campaign,country", **{f"campaign__{OPPOSITES[suffix]}": text})
    assert opposite == [row for row in whole if row not in kept]


@pytest.mark.parametrize("suffix", COMPARISONS)
def test_metrics(client: httpx.Client, suffix: str) -> None:
    """A filter by metric keeps finished rows, and the totals stay those of all of them."""
    parameters = {"dimensions": "country", "metrics": "installs,cost"}
    whole = document(client, **parameters)
    limit = sorted(int(row["installs"]) for row in whole["rows"])[5]
    kept = [row for row in whole["rows"] if COMPARISONS[suffix](int(row["installs"]), limit)]
    filtered = document(client, **parameters, **{f"installs__{suffix}": str(limit)})
    assert filtered["rows"] == kept != whole["rows"]
    assert filtered["totals"] == whole["totals"]


def test_metrics_next_to_the_report(client: httpx.Client) -> None:
    """A filter may be by a metric that the report does not have, also one of cohorts or events."""
    shown = document(client, dimensions="country", metrics="installs,retention_rate_d1,level up_events")
    kept = [row for row in shown["rows"] if float(row["retention_rate_d1"]) > 0.42 and int(row["level up_events"]) > 0]
    filtered = document(
        client, dimensions="country", metrics="installs", retention_rate_D1__gt="0.42", **{"level up_events__gt": "0"}
    )
    assert columns(filtered["rows"], "country", "installs") == columns(kept, "country", "installs") != []
    assert list(filtered["rows"][0]) == ["attr_dependency", "country", "installs"]
    assert list(filtered["totals"]) == ["installs"]


def test_totals_of_filtered_dimensions(client: httpx.Client) -> None:
    """Filters by dimension hold for the totals too, whether the report has the dimension or not."""
    germany = next(
        row for row in rows(client, dimensions="country", metrics="installs,daus") if row["country"] == "Germany"
    )
    for dimensions in "country", "app_token,os_name":
        answer = document(client, dimensions=dimensions, metrics="installs,daus", country_code__in="de")
        assert answer["totals"] == {"installs": int(germany["installs"]), "daus": float(germany["daus"])}


def test_together(client: httpx.Client) -> None:
    """Several filters all hold."""
    whole = rows(client, dimensions="country_code,os_name,day")
    kept = rows(
        client, dimensions="country_code,os_name,day", country_code__in="us,de,jp", os_names="ios,android",
        os_name__not_in="ios", day__starts_with="2026-01-2", installs__gt="1",
    )  # fmt: skip
    assert kept == [
        row
        for row in whole
        if row["country_code"] in {"us", "de", "jp"}
        and row["os_name"] == "android"
        and row["day"].startswith("2026-01-2")
        and int(row["installs"]) > 1
    ]
    assert len(kept) > 2


def sort_key(row: Row) -> tuple[int, str]:
    """The sort keys of `-installs,country`."""
    return -int(row["installs"]), row["country"]


def test_sort(client: httpx.Client) -> None:
    """Rows are sorted by metrics as numbers, by dates in their order, and by other dimensions as texts."""
    whole = rows(client, dimensions="country,week")
    assert rows(client, dimensions="country,week", sort="-installs,country,week") == sorted(
        sorted(whole, key=lambda row: str(row["week"])[-4:]), key=sort_key
    )
    weeks = [row["week"] for row in rows(client, dimensions="week", date_period="2025-12-01:2026-02-08", sort="-week")]
    assert weeks == [row["week"] for row in rows(client, dimensions="week", date_period="2025-12-01:2026-02-08")][::-1]
    names = [row["country"] for row in rows(client, dimensions="country", sort="-country")]
    assert names == sorted(names, reverse=True)
    rates = [float(row["retention_rate_d1"]) for row in rows(
        client, dimensions="country", metrics="retention_rate_d1", sort="retention_rate_D1"
    )]  # fmt: skip
    assert rates == sorted(rates)


def test_limit(client: httpx.Client) -> None:
    """A limit keeps the first rows, after sorting and filtering, and does not affect the totals."""
    whole = document(client, dimensions="country,day", sort="-installs", installs__lt="9")
    limited = document(client, dimensions="country,day", sort="-installs", installs__lt="9", limit="7")
    assert limited["rows"] == whole["rows"][:7]
    assert limited["totals"] == whole["totals"]
    assert document(client, dimensions="day", limit="3")["rows"] == document(client, dimensions="day")["rows"][:3]
    table = list(csv.DictReader(io.StringIO(ask(client, "csv_report", dimensions="day", limit="3").text)))
    assert columns(table, "day") == columns(rows(client, dimensions="day", limit="3"), "day")


def test_unusual_values(client: httpx.Client) -> None:
    """Values with commas, quotes, breaks and percent signs are values like others."""
    for value in '"Nobody, at all"', 'a"b', "100%", "x\ny", "'; DROP TABLE facts; --", "é", "\x00", "_":
        response = ask(client, dimensions="campaign", campaign__starts_with=value)
        assert response.status_code == 204, value
    assert rows(client, dimensions="campaign", campaign__in=f'unknown,"{"a,b" * 50}"')


def test_values_in_quotes(client: httpx.Client) -> None:
    """A value in double quotes may hold commas, and double quotes that are doubled."""
    plain = rows(client, dimensions="country", country__in="Germany,Japan")
    assert rows(client, dimensions="country", country__in='"Germany" , "Japan"') == plain
    assert len(plain) == 2
    for text, items in (
        ('"a,b",c', ["a,b", "c"]),
        ('"say ""hi"", Bob"', ['say "hi", Bob']),
        ('a"b,c', ['a"b', "c"]),
        ('"a"b,c', ['"a"b', "c"]),
        ('"a,b', ['"a', "b"]),
        ('"",a,,a', ["a"]),
        ("", []),
    ):
        assert read_list(text) == items


def test_many_values(client: httpx.Client) -> None:
    """A list may be as long as a URL may be."""
    (everything,) = rows(client, dimensions="year")
    ids = ",".join(str(number) for number in range(4000))
    assert rows(client, dimensions="year", partner_id__in=f"{ids},-300") == [everything]
    assert ask(client, campaign__contains=ids).status_code == 400


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"planet__in": "mars"}, "planet__in"),
        ({"installs__in": "5"}, "installs__in"),
        ({"country__gt": "5"}, "country__gt"),
        ({"nosuch_d7__gt": "5"}, "nosuch_d7__gt"),
        ({"sort": "-clicks"}, "-clicks"),
        ({"sort": "installs,planet"}, "planet"),
        ({"index": "day,planet"}, "planet"),
        ({"dimensions": "day,planet,moon"}, "moon"),
        ({"metrics": "installs,nosuch_metric"}, "nosuch_metric"),
        ({"metrics": "retention_rate_d121"}, "retention_rate_d121"),
        ({"metrics": "retention_rate_w53"}, "retention_rate_w53"),
        ({"metrics": "retention_rate_m37"}, "retention_rate_m37"),
        ({"metrics": "retention_rate_d07"}, "retention_rate_d07"),
        ({"metrics": "retention_rate"}, "retention_rate"),
        ({"metrics": "nosuch_events"}, "nosuch_events"),
        ({"metrics": "purchase"}, "purchase"),
        ({"metrics": "purchase_revenue_events"}, "purchase_revenue_events"),
        ({"metrics": "purchase_d7_revenue"}, "purchase_d7_revenue"),
        ({"metrics": "Installs"}, "Installs"),
    ],
)
def test_unknown_names(client: httpx.Client, parameters: dict[str, str], text: str) -> None:
    """An unknown name is a request error that lists every such name."""
    response = ask(client, **parameters)
    assert response.status_code == 400
    error = response.json()
    assert set(error) == {"error_code", "error_desc", "error_desc_details"}
    assert error["error_code"] == "request_error"
    assert error["error_desc"].startswith("Unsupported metric" if "metrics" in parameters else "Unknown ")
    assert error["error_desc_details"][-1].endswith(f": {text}")


def test_ignored_parameters(client: httpx.Client) -> None:
    """Parameters that are neither documented nor filters do not matter, and neither do empty ones."""
    plain = rows(client)
    assert rows(client, full_data="true", fingerprint_status="all", channel_id="5", sort="", country__in="") == plain
    assert rows(client, period_over_period="previous_week", readable_names="true", index="app_token") == plain
