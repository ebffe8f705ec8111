"""A scripted Report Service: documents as answers, and the requests that asked for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from adjust_async import AsyncAdjust
from tests.script import Script, client

QUERY: Any = {"dimensions": ["day"], "metrics": ["installs", "cost"], "date_period": ("2026-01-26", "2026-02-04")}


def report(*rows: Any, **more: Any) -> dict[str, Any]:
    """Compose a document of the service."""
    return {"rows": list(rows), "totals": {"installs": 5, "cost": 1.5}, "warnings": [], "pagination": None} | more


@asynccontextmanager
async def service(*answers: Any, **settings: Any) -> AsyncIterator[tuple[AsyncAdjust, Script]]:
    """Answer with these documents; `None` is 204, a number a status."""
    outcomes = [
        httpx.Response(204)
        if answer is None
        else httpx.Response(answer, json={"error_desc": "no"})
        if isinstance(answer, int)
        else httpx.Response(200, json=answer)
        for answer in answers
    ]
    async with client(*outcomes, **settings) as opened:
        yield opened


def sent(script: Script, *names: str) -> list[tuple[str | None, ...]]:
    """Return the parameters of all report requests, sorted."""
    reports = [request for request in script.requests if not request.url.path.endswith("filters_data")]
    params = [request.url.params for request in reports]
    return sorted((tuple(one.get(name) for name in names) for one in params), key=repr)
