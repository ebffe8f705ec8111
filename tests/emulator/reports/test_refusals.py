from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest

from adjust_async.emulator import AppState, Emulator, Faults
from tests.emulator.reports.results import PATH, question
from tests.emulator.requests import connect, eventually

pytestmark = pytest.mark.anyio

KINDS = ("report", "pivot_report", "csv_report", "parquet_report")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with a small account."""
    async with Emulator(apps=2, trackers_per_app=20, partners=20, facts_per_day=5) as emulator:
        yield emulator


async def refusal(client: httpx.AsyncClient, path: str, status: int, **parameters: str) -> dict[str, Any]:
    """Request something that must be refused with that status."""
    response = await client.get(path, params=parameters)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    read: dict[str, Any] = response.json()
    return read


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("root", ["", "/control-center"])
async def test_required(kind: str, root: str, client: httpx.AsyncClient) -> None:
    """Missing required parameters are reported together, parameter by parameter."""
    error = await refusal(client, f"{root}{PATH}/{kind}", 400, metrics="installs", date_period=" ", dimensions=",")
    assert error["error_code"] == "validation_error"
    assert error["error_desc_details"] == [
        {"loc": [name], "msg": "field required", "type": "value_error.missing"}
        for name in ("dimensions", "date_period")
    ]


async def test_required_elsewhere(client: httpx.AsyncClient) -> None:
    """A pivot report needs an index, and `filters_data` the names of filters."""
    for kind, name in ("pivot_report", "index"), ("filters_data", "required_filters"):
        error = await refusal(client, f"{PATH}/{kind}", 400, **question())
        assert error == {
            "error_code": "validation_error",
            "error_desc": "Required parameters are missing",
            "error_desc_details": [{"loc": [name], "msg": "field required", "type": "value_error.missing"}],
        }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date_period", "last_7_days"), ("utc_offset", "+25:00"), ("timezone_id", "Nowhere"), ("sandbox", "perhaps"),
        ("attribution_type", "view"), ("attribution_types", "click,view"), ("attribution_source", "last"),
        ("reattributed", "maybe"), ("cohort_maturity", "ripe"), ("ad_spend_mode", "both"),
        ("iap_revenue_mode", "NET"), ("ad_revenue_sources", "piggy_bank"), ("period_over_period", "eternity"),
        ("currency", "XYZ"), ("limit", "0"), ("limit", "many"), ("format_dates", "iso"), ("readable_names", "1"),
        ("include_attr_dependency", "no"), ("full_data", "yes"), ("hour__between", "night"), ("installs__gt", "few"),
        ("installs__lt", "nan"), ("country__in", ","), ("metrics", ",".join(map(str, range(501)))),
    ],
)  # fmt: skip
async def test_values_without_sense(name: str, value: str, client: httpx.AsyncClient) -> None:
    """A value that makes no sense is a validation error that names its parameter."""
    error = await refusal(client, f"{PATH}/report", 400, **question(**{name: value}))
    assert error["error_code"] == "validation_error"
    assert error["error_desc"] == f"{name} is not valid"
    (detail,) = error["error_desc_details"]
    assert (detail["loc"], detail["type"]) == ([name], "value_error")


async def test_unknown_filter_lists(client: httpx.AsyncClient) -> None:
    """An unknown filter is named."""
    error = await refusal(client, f"{PATH}/filters_data", 400, required_filters="apps,planets,moons")
    assert error == {
        "error_code": "request_error",
        "error_desc": "Unknown filters",
        "error_desc_details": ["Unknown filters: planets", "Unknown filters: moons"],
    }


async def test_authentication(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Without the API token it is 401, before anything else is looked at."""
    for kind in (*KINDS, "filters_data", "events"):
        response = await client.get(f"{PATH}/{kind}", headers={"Authorization": "Bearer wrong"})
        assert response.status_code == 401
        assert response.json() == {"error_code": "auth_error", "error_desc": "User not authenticated"}
    response = await client.get(f"{PATH}/events", headers={"Authorization": f"Bearer {emulator.token}"})
    assert response.status_code == 200


async def test_unknown_paths(client: httpx.AsyncClient) -> None:
    """An unknown path and a wrong method are refused in the words of this service."""
    error = await refusal(client, f"{PATH}/json_report", 404)
    assert error == {"error_code": "request_error", "error_desc": "Not found"}
    response = await client.post(f"{PATH}/report")
    assert (response.status_code, response.json()["error_code"]) == (405, "request_error")


async def test_nothing(client: httpx.AsyncClient) -> None:
    """A report without rows is 204 without a body, of whatever kind."""
    empty: tuple[dict[str, str], ...] = (
        {"app_token__in": "nosuchapp"},
        {"date_period": "2020-01-01:2020-01-31"},
        {"country__in": "Atlantis"},
        {"installs__gt": "1000000"},
    )
    for kind in KINDS:
        for parameters in empty:
            response = await client.get(f"{PATH}/{kind}", params=question(index="app_token", **parameters))
            assert (response.status_code, response.content) == (204, b"")
            assert "content-length" not in response.headers
            assert "transfer-encoding" not in response.headers


async def test_no_facts() -> None:
    """An account without any figures has empty reports."""
    async with Emulator(apps=1, trackers_per_app=0, facts_per_day=0) as emulator, connect(emulator) as client:
        response = await client.get(f"{PATH}/report", params=question(metrics="installs,daus"))
        assert response.status_code == 204


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [("forbidden", 403, "auth_error"), ("gone", 410, "request_error"), ("broken", 500, "service_error")],
)
async def test_app_states(state: str, status: int, code: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Apps that are not well fail the reports that name them, and no other."""
    sick, healthy = emulator.app_tokens[:2]
    emulator.app_states[sick] = state
    for kind in KINDS:
        for apps in sick, f'{healthy},"{sick}"':
            error = await refusal(client, f"{PATH}/{kind}", status, **question(app_token__in=apps, index="app_token"))
            assert error["error_code"] == code
    for named in {"app_token__in": healthy}, {}:
        assert (await client.get(f"{PATH}/report", params=question(**named))).status_code == 200


async def test_slow_app(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A slow app never answers, and its request ends when the client disconnects."""
    emulator.app_states[emulator.app_tokens[0]] = AppState.SLOW
    with pytest.raises(httpx.ReadTimeout):
        await client.get(f"{PATH}/report", params=question(app_token__in=emulator.app_tokens[0]), timeout=0.1)
    await eventually(lambda: emulator.stats.reports.in_flight == emulator.stats.in_flight == 0)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("429", 429, "request_error"),
        ("429-retry-after", 429, "request_error"),
        ("500", 500, "service_error"),
        ("503", 503, "service_error"),
        ("503-retry-after", 503, "service_error"),
    ],
)
async def test_faults(fault: str, status: int, code: str, client: httpx.AsyncClient, emulator: Emulator) -> None:
    """Injected refusals are worded as the service words its own."""
    emulator.faults = Faults.script([fault])
    error = await refusal(client, f"{PATH}/report", status, **question())
    assert error["error_code"] == code
    assert set(error) == {"error_code", "error_desc"}
    assert emulator.stats.faults[fault] == 1


async def test_today(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Words and days ago count from the emulator's today."""
    for today in date(2026, 5, 31), date(2025, 3, 1):
        emulator.today = today
        answer = (await client.get(f"{PATH}/report", params=question(dimensions="day", date_period="today"))).json()
        assert [row["day"] for row in answer["rows"]] == [str(today)]


async def test_restart(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """After a restart reports are unchanged."""
    before = (await client.get(f"{PATH}/report", params=question(metrics="cost,level up_events"))).json()
    await emulator.restart(pause=0)
    after = await client.get(f"{PATH}/report", params=question(metrics="cost,level up_events"))
    assert after.json() == before
