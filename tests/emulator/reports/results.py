"""Asks the Report Service and reads its answers without any of the client's code."""

from typing import Any

import httpx

PATH = "/reports-service"
JANUARY = "2026-01-01:2026-01-31"

Row = dict[str, Any]


def question(**parameters: str) -> dict[str, str]:
    """Spell the parameters of a report about January, by default by app."""
    return {"dimensions": "app_token", "metrics": "installs", "date_period": JANUARY} | parameters


def ask(client: httpx.Client, kind: str = "report", **parameters: str) -> httpx.Response:
    """Ask for a report."""
    return client.get(f"{PATH}/{kind}", params=question(**parameters))


def document(client: httpx.Client, kind: str = "report", **parameters: str) -> dict[str, Any]:
    """Request a report, which must succeed."""
    response = ask(client, kind, **parameters)
    assert response.status_code == 200, response.text
    read: dict[str, Any] = response.json()
    return read


def rows(client: httpx.Client, **parameters: str) -> list[Row]:
    """Request rows. The report may be empty."""
    response = ask(client, **parameters)
    if response.status_code == 204:
        return []
    assert response.status_code == 200, response.text
    read: list[Row] = response.json()["rows"]
    return read


def columns(table: list[Row], *names: str) -> list[tuple[Any, ...]]:
    """Take some columns of rows."""
    return [tuple(row[name] for name in names) for row in table]


def total(table: list[Row], metric: str) -> int:
    """Add up a whole number over rows."""
    return sum(int(row[metric]) for row in table)
