from datetime import date

import httpx
import pytest

from adjust_async.emulator import Emulator

pytestmark = pytest.mark.anyio

# The fields of the dataclasses of python-adjust 1.0.3, whose schemas refuse any other field.
REQUIRED = {
    "kpis", "start_date", "end_date", "sandbox", "grouping", "attribution_type", "utc_offset", "attribution_source",
}  # fmt: skip
OPTIONAL = {"countries", "events", "trackers", "period", "cohort_period_filter", "day_def"}
APP_REQUIRED = {
    "id", "name", "start_date", "default_attribution_platform", "app_token", "platforms", "permissions", "currency",
}  # fmt: skip
APP_OPTIONAL = {"token", "default_store_app_id", "integration_dates", "is_ctv"}


@pytest.mark.parametrize("report", ["", "/events", "/cohorts"])
@pytest.mark.parametrize("several", [False, True])
async def test_python_adjust(report: str, several: bool, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The default answers have the fields of python-adjust's model, and no other."""
    apps = ",".join(emulator.app_tokens[: 2 if several else 1])
    sent = {"start_date": "2026-01-01", "end_date": "2026-01-31", "kpis": "", "grouping": "", "countries": "us,de"}
    document = (await client.get(f"/kpis/v1/{apps}{report}", params=sent)).json()
    assert set(document) == {"result_parameters", "result_set"}
    parameters = document["result_parameters"]
    assert set(parameters) >= REQUIRED
    assert set(parameters) <= REQUIRED | OPTIONAL
    assert parameters["countries"] == ["us", "de"]
    assert parameters["sandbox"] is False
    assert date.fromisoformat(parameters["start_date"]) == date(2026, 1, 1)
    for tracker in parameters.get("trackers", ()):
        assert set(tracker) == {"token", "name", "has_subtrackers"}
    for event in parameters.get("events", ()):
        assert set(event) == {"token", "name"}


async def test_apps(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The list of apps has the fields of python-adjust's model, and no other."""
    document = (await client.get("/dashboard/api/apps")).json()
    assert set(document) == {"apps", "urls", "page"}
    assert [app["app_token"] for app in document["apps"]] == emulator.app_tokens
    for app in document["apps"]:
        assert APP_REQUIRED <= set(app) <= APP_REQUIRED | APP_OPTIONAL
        assert set(app["currency"]) == {"name", "symbol", "iso_code"}
        assert len(app["permissions"]) == 5


async def test_adjusty(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A cohort query from adjusty's documentation has the same keys, echoes and nesting."""
    sent = {
        "start_date": "2026-01-05", "end_date": "2026-01-18", "kpis": "sessions", "countries": "in",
        "user_token": emulator.token, "grouping": "network", "utc_offset": "+05:30", "period": "week",
    }  # fmt: skip
    del client.headers["Authorization"]
    emulator.today = date(2026, 3, 31)
    document = (await client.get(f"/kpis/v1/{emulator.app_tokens[0]}/cohorts", params=sent)).json()
    assert document["result_parameters"] == {
        "end_date": "2026-01-18", "period": "week", "start_date": "2026-01-05", "attribution_type": "click",
        "grouping": ["network", "periods"], "attribution_source": "dynamic", "countries": ["in"], "sandbox": False,
        "day_def": "24h", "utc_offset": "+05:30", "kpis": ["sessions"],
    }  # fmt: skip
    network = document["result_set"]["networks"][0]
    assert set(network) == {"token", "name", "periods"}
    assert [period["period"] for period in network["periods"]][:3] == ["0", "1", "2"]
