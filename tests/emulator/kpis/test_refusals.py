from datetime import date

import httpx
import pytest

from adjust_async.emulator import AppState, Emulator
from tests.emulator.requests import connect, eventually

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("report", "parameters", "text"),
    [
        ("", {"start_date": "2026-1-1"}, "start_date"),
        ("", {"end_date": "2026-02-30"}, "end_date"),
        ("", {"start_date": "2026-02-02", "end_date": "2026-02-01"}, "2026-02-01 is before"),
        ("", {"grouping": "days,planets"}, "planets"),
        ("", {"grouping": "day,week"}, "dates more than once"),
        ("", {"grouping": "events"}, "events"),
        ("/skadnetwork", {"grouping": "periods"}, "periods"),
        ("", {"kpis": "clicks,clacks"}, "clacks"),
        ("/events", {"kpis": "clicks"}, "clicks"),
        ("", {"event_kpis": "nosuch_revenue"}, "nosuch_revenue"),
        ("", {"event_kpis": "all_events|clicks"}, "all_events|clicks"),
        ("", {"utc_offset": " 05:30"}, "percent-encoded"),
        ("", {"utc_offset": "+25:00"}, "utc_offset"),
        ("", {"sandbox": "perhaps"}, "sandbox"),
        ("", {"attribution_type": "view"}, "attribution_type"),
        ("", {"reattributed": "maybe"}, "reattributed"),
        ("", {"cohort_revenue_period": "week"}, "cohort_revenue_period"),
        ("/cohorts", {"period": "year"}, "period"),
        ("/events", {"partner_ids": "Facebook"}, "partner_ids"),
    ],
)
async def test_malformed(
    report: str, parameters: dict[str, str], text: str, emulator: Emulator, client: httpx.AsyncClient
) -> None:
    """A wrong parameter is 400, and the message names it."""
    response = await client.get(f"/kpis/v1/{emulator.app_tokens[0]}{report}", params=parameters)
    assert response.status_code == 400, response.text
    assert text in response.json()["error"]


async def test_parameters_of_other_reports(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Clients set parameters once and ask for all reports with them: those of another report are ignored."""
    path = f"/kpis/v1/{emulator.app_tokens[0]}"
    dates = {"start_date": "2026-01-01", "end_date": "2026-01-03"}
    for report, parameters in (
        ("", {"period": "week", "events": "abc", "day_def": "24h", "partner_ids": "x"}),
        (
            "/events",
            {"period": "century", "reattributed": "perhaps", "event_kpis": "nosuch_revenue"},
        ),
        ("/cohorts", {"attribution_source": "first", "cohort_revenue_period": "many"}),
        ("/skadnetwork", {"tracker_filter": "abc", "events": "abc", "period": "week"}),
    ):
        plain = await client.get(path + report, params=dates)
        asked = await client.get(path + report, params=dates | parameters)
        assert asked.status_code == 200, asked.text
        assert asked.json() == plain.json()


async def test_empty_parameters(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """An empty parameter counts as left out, as published clients send them."""
    path = f"/kpis/v1/{emulator.app_tokens[0]}"
    assert (await client.get(f"{path}?kpis=&grouping=&countries=")).json() == (await client.get(path)).json()


async def test_unknown(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """An app or tracker in the path that does not exist, or belongs to another app, is 404."""
    app, other = emulator.app_tokens[:2]
    foreign = emulator.store.trackers(other)[0].token
    for path in "nosuchapp", f"{app},nosuchapp", f"{app}/trackers/nosuch", f"{app}/trackers/{foreign}/events":
        response = await client.get(f"/kpis/v1/{path}")
        assert response.status_code == 404
        assert "not found" in response.json()["error"]
    assert (await client.get(f"/kpis/v1/{app}/nowhere")).status_code == 404
    assert (await client.post(f"/kpis/v1/{app}")).status_code == 405


async def test_authentication(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Without the API token it is 401 with an object as the error; in the query it is accepted."""
    path = f"/kpis/v1/{emulator.app_tokens[0]}"
    response = await client.get(path, headers={"Authorization": "Token token=wrong"})
    assert response.status_code == 401
    assert response.json() == {"error": {"message": "User not authenticated"}}
    del client.headers["Authorization"]
    assert (await client.get(path, params={"user_token": emulator.token})).status_code == 200
    assert (await client.get("/dashboard/api/apps")).status_code == 401


async def test_app_states() -> None:
    """Apps that are not well fail every request that names them, in the shape of their status, until they are well."""
    async with Emulator(today=date(2026, 3, 31)) as emulator, connect(emulator) as client:
        sick, healthy = emulator.app_tokens[:2]
        for state, status, shape in ("gone", 410, "<html>"), ("forbidden", 403, "The API"), ("broken", 500, "Internal"):
            emulator.app_states[sick] = state
            for path in sick, f"{healthy},{sick}/events", f"{sick}/cohorts.csv":
                response = await client.get(f"/kpis/v1/{path}")
                assert (response.status_code, response.text[: len(shape)]) == (status, shape)
            assert (await client.get(f"/kpis/v1/{healthy}")).status_code == 200
            assert (await client.get(f"/public/v1/apps/{sick}/trackers")).status_code == 200
        del emulator.app_states[sick]
        assert (await client.get(f"/kpis/v1/{sick}")).status_code == 200


async def test_slow_app() -> None:
    """A slow app never answers, and its request ends when the client disconnects."""
    async with Emulator() as first:
        token = first.app_tokens[0]
    async with Emulator(app_states={token: AppState.SLOW}) as emulator, connect(emulator) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"/kpis/v1/{token}", timeout=0.1)
        await eventually(lambda: emulator.stats.in_flight == 0)


def test_unknown_state() -> None:
    """An unknown state is refused with the list of existing ones."""
    with pytest.raises(ValueError, match="forbidden, gone, broken, slow"):
        Emulator(app_states={"abc": "tired"})
