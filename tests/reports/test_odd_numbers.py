"""Numbers that JSON decoders lose: they come through a report as the service meant them, in one request."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from adjust_async._http.documents import LARGE
from tests.script import client

pytestmark = pytest.mark.anyio

QUERY: Any = {"dimensions": ["app"], "metrics": ["installs", "ctr"], "date_period": "yesterday"}
PADDING = b',"padding":"\\ud83d\\ude00%b"' % (b"x" * LARGE)


@pytest.mark.parametrize("padding", [b"", PADDING], ids=["small", "large"])
async def test_odd_numbers_of_a_report(padding: bytes) -> None:
    """`NaN` does not count as a value, long whole numbers are exact, and `exact=True` keeps every digit."""
    body = (
        b'{"rows":[{"app":"A","installs":123456789012345678901234567890,"ctr":0.12345678901234567891},'
        b'{"app":"B","installs":"5","ctr":NaN},{"app":"C","installs":Infinity,"ctr":"NaN"}],"totals":{"ctr":-Infinity}%b}'
        % padding
    )
    async with client(httpx.Response(200, content=body)) as (adjust, script):
        report = await adjust.reports.fetch(**QUERY)
        assert len(script.requests) == 1
    first, second, third = report.rows()
    assert (first["installs"], first["ctr"]) == (123456789012345678901234567890, float("0.12345678901234567891"))
    assert (type(first["installs"]), type(first["ctr"])) == (int, float)
    assert second == {"app": "B", "installs": 5, "ctr": None}
    assert third == {"app": "C", "installs": None, "ctr": None}
    assert report.totals == {"ctr": None}
    exact, *_ = report.rows(exact=True)
    assert exact["installs"] == Decimal(123456789012345678901234567890)
    assert exact["ctr"] == Decimal("0.12345678901234567891")


@pytest.mark.parametrize("padding", [b"", PADDING], ids=["small", "large"])
async def test_odd_numbers_of_kpis(padding: bytes) -> None:
    """The same holds for the KPI Service, whose figures are floats and whole numbers."""
    body = (
        b'{"result_parameters":{"kpis":["clicks","revenue","ctr"]},"result_set":{"token":"app","name":"App",'
        b'"currency":"EUR","kpi_values":[123456789012345678901234567890,0.12345678901234567891,NaN]}%b}' % padding
    )
    async with client(httpx.Response(200, content=body)) as (adjust, script):
        report = await adjust.kpis.deliverables("app", start_date="2026-01-01", end_date="2026-01-02")
        assert len(script.requests) == 1
    (row,) = report.rows()
    assert (row["clicks"], row["revenue"], row["ctr"]) == (
        123456789012345678901234567890,
        float("0.12345678901234567891"),
        None,
    )
