from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.reports.results import PATH, question

pytestmark = pytest.mark.anyio

FILTERS = (
    "apps", "apps_network", "networks", "partners", "overview_metrics", "cohort_metrics", "event_metrics",
    "cost_metrics", "skad_metrics", "dimensions", "countries", "currencies", "os_names", "full_cohort_periods",
    "cohort_maturity", "attribution_types", "attribution_source", "ad_spend_mode", "iap_revenue_mode",
    "ad_revenue_sources", "utc_offset", "index", "period_over_period", "attribution_type", "attribution_status",
    "attributes", "cohort_metric_names", "etl_metrics", "store_type", "skad_time_adjustment",
)  # fmt: skip
FIELDS = ["id", "name", "short_name", "section", "formatting"]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with the default account and no limit by rate."""
    async with Emulator(report_rate=None) as emulator:
        yield emulator


async def lists(client: httpx.AsyncClient, *names: str, **parameters: str) -> dict[str, list[dict[str, Any]]]:
    """Request lists, which must succeed."""
    response = await client.get(f"{PATH}/filters_data", params={"required_filters": ",".join(names)} | parameters)
    assert response.status_code == 200, response.text
    found: dict[str, list[dict[str, Any]]] = response.json()
    return found


async def test_lists(client: httpx.AsyncClient) -> None:
    """Every list exists, in the requested order. Its items have the same fields and unique IDs."""
    found = await lists(client, *FILTERS)
    assert tuple(found) == FILTERS
    for name, items in found.items():
        assert items, name
        assert len({item["id"] for item in items}) == len(items)
        for item in items:
            assert list(item)[: len(FIELDS)] == FIELDS
            assert all(isinstance(item[field], str) for field in FIELDS)
            assert item["id"]
            assert item["name"]


async def test_ids_may_be_asked_for(client: httpx.AsyncClient) -> None:
    """Listed values are accepted: metrics and dimensions by reports, the others by their parameters."""
    found = await lists(client, *FILTERS)
    ids = {name: [item["id"] for item in items] for name, items in found.items()}
    questions = [{"metrics": ",".join(ids[name])} for name in ("overview_metrics", "cost_metrics", "skad_metrics")]
    questions += [{"metrics": ",".join(ids[name][::97])} for name in ("cohort_metrics", "event_metrics")]
    questions += [{"dimensions": ",".join(ids["dimensions"]), "index": ",".join(ids["index"])}]
    for name in (
        "cohort_maturity", "attribution_type", "attribution_types", "attribution_source", "ad_spend_mode",
        "iap_revenue_mode", "ad_revenue_sources", "utc_offset", "period_over_period",
    ):  # fmt: skip
        questions += [{name: value} for value in ids[name]]
    questions += [{"currency": code} for code in ids["currencies"]]
    questions += [{"os_names": ",".join(ids["os_names"]), "country_code__in": ",".join(ids["countries"])}]
    questions += [{"partner_id__in": ",".join(ids["partners"]), "app_token__in": ",".join(ids["apps"])}]
    questions += [{"network__in": ",".join(f'"{name}"' for name in ids["networks"])}]
    for parameters in questions:
        response = await client.get(f"{PATH}/report", params=question(date_period="-3d:-1d", **parameters))
        assert response.status_code in ({204} if "engaged_ad" in parameters.values() else {200})


async def test_section(client: httpx.AsyncClient) -> None:
    """Items may be narrowed down to a section, and by a text in their ids and names; case does not matter."""
    found = await lists(client, "overview_metrics", "cost_metrics", "dimensions", section="cost")
    assert {item["section"] for items in found.values() for item in items} == {"Cost"}
    assert found["dimensions"] == []
    assert {item["id"] for item in found["cost_metrics"]} >= {"network_cost", "network_cost_diff", "network_ecpi"}
    found = await lists(
        client, "overview_metrics", "cost_metrics", section="Cost", overview_metrics__contains="eCPI",
        cost_metrics__contains="NETWORK COST",
    )  # fmt: skip
    assert [item["id"] for item in found["overview_metrics"]] == ["ecpi", "ecpi_all"]
    assert [item["id"] for item in found["cost_metrics"]] == ["network_cost", "network_cost_diff"]
    response = await client.get(f"{PATH}/filters_data", params={"required_filters": "apps", "apps__contains": "zzz"})
    assert response.status_code == 204


async def test_account(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The lists are about the account: its apps with their stores, its networks and its partners."""
    found = await lists(client, "apps", "apps_network", "networks", "partners", "countries")
    assert [(item["id"], item["name"]) for item in found["apps"]] == [
        (app.token, app.name) for app in emulator.store.apps()
    ]
    assert [item["currency"] for item in found["apps"]] == ["EUR", "USD", "GBP", "JPY", "BRL"]
    assert all(item["default_store_app_id"] and item["platforms"] for item in found["apps"])
    stores = {store for item in found["apps_network"] for store in item["store_ids"]}
    answer = (await client.get(f"{PATH}/report", params=question(dimensions="store_id"))).json()
    assert {row["store_id"] for row in answer["rows"]} <= stores | {"unknown"}
    networks = {tracker.name for tracker in emulator.store.trackers() if tracker.level == 1}
    assert {item["id"] for item in found["networks"]} == networks
    assert len(found["partners"]) == len(emulator.store.partners()) + 1
    assert {"id": "-300", "name": "Organic"}.items() <= found["partners"][0].items()
    assert {"id": "de", "name": "Germany"}.items() <= found["countries"][4].items()


async def test_metrics(client: httpx.AsyncClient) -> None:
    """Metrics of cohorts have every base and period, those of events the tokens of their apps."""
    found = await lists(client, "cohort_metrics", "event_metrics", "full_cohort_periods", "overview_metrics")
    cohorts = {item["id"]: item for item in found["cohort_metrics"]}
    assert {"retention_rate_d0", "retention_rate_d120", "roas_ad_w52", "lifetime_value_m36"} <= cohorts.keys()
    assert len(cohorts) % len(found["full_cohort_periods"]) == 0
    assert len(found["full_cohort_periods"]) == 121 + 53 + 37
    formatting = {item["id"]: item["formatting"] for item in [*found["overview_metrics"], *cohorts.values()]}
    assert formatting["installs"] == formatting["retained_users_d7"] == "integer"
    assert formatting["cost"] == formatting["lifetime_value_d7"] == "money"
    assert formatting["ctr"] == formatting["retention_rate_d7"] == "percentage"
    events = {item["id"]: item for item in found["event_metrics"]}
    assert {"level up_events", "level up_revenue", "level up_d7_events_cohort"} <= events.keys()
    assert len(events["level up_events"]["app_token"]) == len(events["level up_events"]["tokens"]) > 1


async def events(client: httpx.AsyncClient, **parameters: str) -> list[dict[str, Any]]:
    """Request events. The list may be empty."""
    response = await client.get(f"{PATH}/events", params=parameters)
    if response.status_code == 204:
        return []
    assert response.status_code == 200
    found: list[dict[str, Any]] = response.json()
    return found


async def test_events(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Each event is listed once, with the apps that have it and its tokens. Revenue without a token is not one."""
    listed = await events(client, tokens_mapping="true")
    expected: dict[str, dict[str, list[str]]] = {}
    for app in emulator.facts.apps.values():
        for own in app.events[1:]:
            expected.setdefault(own.name, {}).setdefault(app.token, []).append(own.token)
    assert {event["name"]: event["app_token_x_event_tokens_mapping"] for event in listed} == expected
    for event in listed:
        mapping = event.pop("app_token_x_event_tokens_mapping")
        assert event == {
            "id": event["id"], "name": event["name"], "short_name": "", "section": "events",
            "formatting": "integer", "description": "", "app_token": list(mapping),
            "tokens": [token for tokens in mapping.values() for token in tokens], "is_skad_event": False,
            "increase_is_negative": False,
        }  # fmt: skip
        assert event["id"].replace(" ", "_") == event["name"].lower().replace(" ", "_")
    assert await events(client) == listed


async def test_narrowed_events(client: httpx.AsyncClient) -> None:
    """Events are narrowed by a text and by apps. Then only the tokens of these apps are listed."""
    (found,) = await events(client, events__contains="LEVEL")
    assert found["id"] == "level up"
    app = found["app_token"][0]
    own = await events(client, app_token__in=app, tokens_mapping="true")
    assert len(own) == 5
    assert all(event["app_token"] == [app] and len(event["tokens"]) == 1 for event in own)
    assert await events(client, app_token__in="nosuchapp") == []
    assert await events(client, events__contains="zzz") == []
    assert (await client.get(f"{PATH}/events", params={"tokens_mapping": "perhaps"})).status_code == 400
