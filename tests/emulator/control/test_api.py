from typing import Any

import httpx
import pytest

from adjust_async.emulator import EmulatedApp, Emulator, Fault
from tests.emulator.requests import connect, trackers_path

pytestmark = pytest.mark.anyio

PARTNERS = "/public/v1/partners"
APP = "yxs12pfewq"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/stats"), ("GET", "/requests"), ("GET", "/apps"), ("GET", f"/apps/{APP}/trackers"), ("GET", "/faults"),
        ("PUT", "/faults"), ("POST", "/figures"), ("POST", "/reset"),
    ],
)  # fmt: skip
async def test_the_token_is_needed(method: str, path: str, emulator: Emulator) -> None:
    """Without the API token nothing can be read or changed."""
    async with httpx.AsyncClient(base_url=emulator.url, verify=False, trust_env=False) as client:
        for headers in {}, {"Authorization": "Bearer guess"}:
            assert (await client.request(method, f"/_emulator{path}", headers=headers)).status_code == 401


async def test_stats_and_requests(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Statistics and requests are those of the emulator, without the requests of the control API itself."""
    emulator.faults = ["500"]
    for _ in range(2):
        await client.post(trackers_path(emulator), json={"name": "X"})
    await client.get("/_emulator/stats")
    stats = (await client.get("/_emulator/stats")).json()
    found = (await client.get("/_emulator/requests")).json()
    assert stats["requests"] == emulator.stats.requests == {"POST /public/v1/apps/{app_token}/trackers": 2}
    assert (stats["total"], stats["faults"], stats["in_flight"]) == (2, {"500": 1}, 0)
    assert stats["campaign"]["max_in_flight"] == 1
    assert [(request["status"], request["fault"]) for request in found] == [(500, "500"), (200, None)]
    assert found[1]["body"] == '{"name":"X"}'
    chosen = await client.get("/_emulator/requests", params={"method": "GET", "path": "/trackers"})
    assert chosen.json() == []
    assert (await client.get("/_emulator/requests", params={"last": 1})).json() == found[1:]
    assert (await client.get("/_emulator/requests", params={"last": "x"})).status_code == 400


async def test_faults(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Faults are set as a rate over kinds or as a script, shown, and switched off. They spare the control API."""
    response = await client.put("/_emulator/faults", json={"rate": 1, "only": ["429"], "seed": 4})
    assert response.json() == {"faults": {"rate": 1, "only": ["429"]}, "kinds": list(Fault)}
    assert [(await client.get(PARTNERS)).status_code for _ in range(2)] == [429, 429]
    await client.put("/_emulator/faults", json={"script": ["503-retry-after", None, "500"], "retry_after": 7})
    answers = [await client.get(PARTNERS) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 200, 500, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert (await client.get("/_emulator/faults")).json()["faults"] == {"script": True}
    for off in {"rate": 0}, {}:
        assert (await client.put("/_emulator/faults", json=off)).json()["faults"] is None
    assert emulator.faults is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"rate": 2}, "from 0 to 1"),
        ({"rate": "0.2"}, ""),
        ({"only": ["418"]}, "the faults are"),
        ({"only": "429"}, "list of faults"),
        ({"script": "500"}, "list"),
        ({"script": ["500"], "only": ["429"]}, ""),
        ({"kinds": ["429"]}, "kinds: faults have"),
        (["500"], "JSON object"),
    ],
)
async def test_bad_faults(body: Any, words: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Faults that make no sense are refused with words, and the old ones stay."""
    response = await client.put("/_emulator/faults", json=body)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]
    assert emulator.faults is None


async def test_figures() -> None:
    """Figures can be added, and mistakes in them are named."""
    emulator = Emulator(apps=[EmulatedApp(APP)], trackers={APP: ["AppLovin"]})
    async with emulator, connect(emulator) as client:
        figures = {"app_token": APP, "tracker": "AppLovin", "day": "2026-11-01", "installs": 3, "country": "de"}
        assert (await client.post("/_emulator/figures", json=figures)).status_code == 200
        document = await client.get(f"/kpis/v1/{APP}", params={"start_date": "2026-11-01", "kpis": "installs"})
        assert document.json()["result_set"]["trackers"][0]["kpi_values"] == [3]
        for wrong, words in (
            ({"tracker": "Nobody"}, "Nobody"),
            ({"installs": -1}, "installs"),
            ({"country": 4}, "are strings"),
            ({"day": None}, "are strings"),
        ):
            response = await client.post("/_emulator/figures", json=figures | wrong)
            assert response.status_code == 400
            assert words in response.json()["error"]["message"]
        del figures["day"]
        assert "'day' is missing" in (await client.post("/_emulator/figures", json=figures)).text


async def test_reset(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """A reset brings the account and the conditions of the start back."""
    await client.post(trackers_path(emulator), json={"name": "X"})
    await client.put("/_emulator/faults", json={"rate": 1})
    assert (await client.post("/_emulator/reset")).status_code == 200
    assert (emulator.store.count_trackers(), emulator.faults, emulator.stats.total) == (2000, None, 0)
    assert (await client.get(trackers_path(emulator))).status_code == 200


async def test_apps_and_trackers() -> None:
    """Apps are listed with their number of trackers and their state, and trackers with all their fields."""
    emulator = Emulator(apps=[EmulatedApp(APP, "My Game", "EUR")], trackers={APP: ["AppLovin::DE"]})
    async with emulator, connect(emulator) as client:
        emulator.app_states[APP] = "gone"
        (app,) = (await client.get("/_emulator/apps")).json()
        assert app == {"token": APP, "name": "My Game", "currency": "EUR", "trackers": 2, "state": "gone"}
        trackers = (await client.get(f"/_emulator/apps/{APP}/trackers")).json()
        assert [tracker["name"] for tracker in trackers] == ["AppLovin", "AppLovin::DE"]


async def test_unknown_paths(client: httpx.AsyncClient) -> None:
    """An unknown path is 404, and a wrong method 405."""
    assert (await client.get("/_emulator/nowhere")).status_code == 404
    assert (await client.get("/_emulatorx")).status_code == 404
    assert (await client.delete("/_emulator/faults")).status_code == 405
