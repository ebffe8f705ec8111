from datetime import date
from itertools import pairwise

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.kpis.results import leaves

pytestmark = pytest.mark.anyio

KPIS = "retention_rate,retained_users,cohort_size,sessions,sessions_per_user,revenue,revenue_total,lifetime_value"
RANGE = {"start_date": "2026-01-01", "end_date": "2026-01-07"}


async def test_retention(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """All users are active on day 0, then fewer and fewer return, and rates match the numbers next to them."""
    emulator.today = date(2026, 3, 31)
    path = f"/kpis/v1/{emulator.app_tokens[0]}/cohorts"
    rows = leaves((await client.get(path, params={"kpis": KPIS, "grouping": "periods", **RANGE})).json())
    assert [path for path, _ in rows] == [(str(period),) for period in range(31)]
    retained = [row[1] for _, row in rows]
    assert retained[0] == rows[0][1][2] > 0
    assert retained == sorted(retained, reverse=True)
    assert 0.3 < retained[1] / retained[0] < 0.55
    assert 0.03 < retained[30] / retained[0] < 0.15
    for _, (rate, users, size, sessions, per_user, _, total, lifetime_value) in rows:
        assert rate == round(users / size, 6)
        assert per_user == round(sessions / users, 6)
        assert lifetime_value == pytest.approx(total / size, abs=1e-6)
    assert all(before[6] < after[6] for (_, before), (_, after) in pairwise(rows))
    assert sum(row[5] for _, row in rows) == pytest.approx(rows[-1][1][6])


@pytest.mark.parametrize(("period", "last"), [("day", 10), ("week", 1), ("month", 0)])
async def test_periods_to_come(period: str, last: int, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A cohort has no period that has not begun yet, so earlier dates have more periods than later ones."""
    emulator.today = date(2026, 1, 11)
    path = f"/kpis/v1/{emulator.app_tokens[0]}/cohorts"
    document = (await client.get(path, params={"grouping": "day", "period": period, **RANGE})).json()
    rows = [path for path, _ in leaves(document)]
    assert max(int(number) for day, number in rows if day == "2026-01-01") == last
    assert max(int(number) for day, number in rows if day == "2026-01-07") == {"day": 4}.get(period, 0)
    assert document["result_parameters"]["period"] == period
    assert document["result_parameters"]["grouping"] == ["day", "periods"]


async def test_passed_through(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Undocumented parameters are echoed, and `day_def` has a value without being requested."""
    path = f"/kpis/v1/{emulator.app_tokens[0]}/cohorts"
    assert (await client.get(path)).json()["result_parameters"]["day_def"] == "24h"
    sent = {"day_def": "calendar", "cohort_period_filter": "7", "impression_based": "true"}
    assert sent.items() <= (await client.get(path, params=sent)).json()["result_parameters"].items()
