import csv
import json
from io import StringIO

from tests.cli.shell import emulated


def test_apps_in_every_format() -> None:
    """The apps are the same in a table, JSON, JSON Lines and CSV."""
    with emulated() as shell:
        documents = json.loads(shell.invoke("apps", "--format", "json").out)
        lines = shell.invoke("apps", "--format", "jsonl").out.splitlines()
        cells = list(csv.DictReader(StringIO(shell.invoke("apps", "--format", "csv").out)))
        table = shell.invoke("apps").out
    assert [app["token"] for app in documents] == shell.apps
    assert [json.loads(line) for line in lines] == documents
    assert [(row["token"], row["name"]) for row in cells] == [(app["token"], app["name"]) for app in documents]
    assert all(app["token"] in table and app["name"] in table for app in documents)


def test_partners_page_by_page() -> None:
    """Partners are fetched from as many pages as needed, and `--max-items` ends them."""
    with emulated(page_size=3) as shell:
        everything = json.loads(shell.invoke("partners", "--format", "json").out)
        some = json.loads(shell.invoke("partners", "--max-items", "4", "--format", "json").out)
    assert len(everything) > 6
    assert some == everything[:4]


def test_events_of_apps() -> None:
    """`--app-tokens` takes a comma list or is repeated, with the same meaning."""
    with emulated() as shell:
        first, second = shell.apps
        joined = shell.invoke("events", "--app-tokens", f"{first}, {second}", "--format", "json")
        repeated = shell.invoke("events", "--app-tokens", first, "--app-tokens", second, "--format", "json")
        searched = shell.invoke("events", "--events-contains", "purchase", "--format", "json")
    assert joined == repeated
    assert {event["id"] for event in json.loads(searched.out)} == {"purchase"}


def test_filters_by_name() -> None:
    """The named lists are one table, with the list's name next to each value."""
    with emulated() as shell:
        finished = shell.invoke("filters", "dimensions,overview_metrics", "countries", "--format", "json")
        usual = json.loads(shell.invoke("filters", "--format", "json").out)
        found = shell.invoke("filters", "overview_metrics", "--contains", "overview_metrics=installs", "-f", "json")
    rows = json.loads(finished.out)
    assert {row["list"] for row in rows} == {"dimensions", "overview_metrics", "countries"}
    assert {"list": "dimensions", "id": "day"}.items() <= next(row for row in rows if row["id"] == "day").items()
    assert {row["list"] for row in usual} >= {"dimensions", "overview_metrics", "cohort_metrics"}
    assert all("install" in row["id"] or "install" in row["name"].lower() for row in json.loads(found.out))
