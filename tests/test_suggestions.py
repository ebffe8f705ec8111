"""Suggestions for unknown names, and the errors that show them."""

import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from adjust_async import AdjustError, ConfigurationError, TrackerSpec
from adjust_async._suggestions import MOST_HINTS, near_names, near_names_in_thread
from tests.script import client, done
from tests.turns import FEW_CALLS, Turns

pytestmark = pytest.mark.anyio

REPORT: dict[str, Any] = {"dimensions": ["day"], "metrics": ["installs"], "date_period": "yesterday"}
DAYS: dict[str, Any] = {"start_date": "2026-11-01", "end_date": "2026-11-02"}

WORDS = ("installs", "clicks", "cost", "revenue", "retention", "rate", "sessions", "network", "organic", "events")


LISTS = ("overview_metrics", "dimensions", "cohort_metrics", "event_metrics", "cost_metrics")


def names(count: int) -> list[str]:
    """Return names like those of metrics, each once."""
    chance = random.Random(5)
    found: dict[str, None] = {}
    while len(found) < count:
        found["_".join(chance.choices(WORDS, k=chance.randint(2, 6))) + f"_d{chance.randint(0, 120)}"] = None
    return list(found)


def misspelt(known: list[str], count: int) -> list[str]:
    """Return known names with one letter missing."""
    chance = random.Random(6)
    wrong = [name[:3] + name[4:] for name in chance.sample(known, count * 2)]
    return [name for name in dict.fromkeys(wrong) if name not in known][:count]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("instals", ["installs"]),
        ("instalsl", ["installs"]),
        ("installs", ["installs"]),
        ("retention_rate_d77", ["retention_rate_d7"]),
        ("Installs", ["installs"]),
        ("xyz", []),
        ("", []),
        ("i" * 100_000, []),
    ],
)
def test_near_names_are_found(name: str, near: list[str]) -> None:
    """A name with a typo finds the one that was meant; another name finds nothing."""
    assert near_names(name, ["clicks", "installs", "retention_rate_d7", "cost"]) == near


@given(st.text(), st.lists(st.text()))
def test_near_names_are_known(name: str, known: list[str]) -> None:
    """Suggestions are always known names."""
    assert set(near_names(name, known)) <= set(known)


async def test_only_the_first_names_are_looked_up() -> None:
    """However many names are unknown, the first five get suggestions."""
    known = names(200)
    wrong = misspelt(known, 60)
    near = await near_names_in_thread(wrong, known)
    assert list(near) == wrong[:MOST_HINTS]
    assert all(near.values())
    assert await near_names_in_thread([], known) == await near_names_in_thread(wrong, []) == {}


CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "fetch": (lambda adjust: adjust.reports.fetch(**REPORT, app_token=["a"]), "did you mean app_tokens?"),
    "stream": (
        lambda adjust: adjust.reports.stream(**REPORT, app_tokens=["a"], on_fail=""),
        "did you mean on_failure?",
    ),
    "pivot": (lambda adjust: adjust.reports.pivot(**REPORT, index=["day"], filter={}), "did you mean filters?"),
    "csv": (lambda adjust: adjust.reports.iter_csv(**REPORT, readable_name=True), "did you mean readable_names?"),
    "download": (lambda adjust: adjust.reports.download_csv("x", **REPORT, dimension=[]), "did you mean dimensions?"),
    "parquet": (lambda adjust: adjust.reports.read_parquet(**REPORT, metric=["installs"]), "did you mean metrics?"),
    "other": (lambda adjust: adjust.reports.fetch(**REPORT, country="de"), r"filters=\{'country__in': ...\}"),
    "kpis": (lambda adjust: adjust.kpis.events(["a"], **DAYS, kpi=["x"]), "did you mean kpis?"),
    "kpis of apps": (lambda adjust: adjust.kpis.cohorts(["a"], **DAYS, app_token=1), "did you mean app_tokens?"),
    "kpis stream": (lambda adjust: adjust.kpis.stream(["a"], **DAYS, windows=1), "did you mean window?"),
    "listing": (lambda adjust: adjust.trackers.list("a", pagesize=5), "did you mean page_size?"),
    "listing of partners": (lambda adjust: adjust.partners.list(max_item=5), "did you mean max_items?"),
    "another listing": (lambda adjust: adjust.partners.list(xyz=5), "the arguments are page_size, after"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_misspelt_argument(call: str) -> None:
    """An unknown argument is refused with a suggestion, and nothing is sent."""
    ask, hint = CALLS[call]
    async with client(done()) as (adjust, script):
        with pytest.raises(ConfigurationError, match=hint):
            asked = ask(adjust)
            await (anext(asked) if hasattr(asked, "__anext__") else asked)
    assert not script.requests


@pytest.mark.parametrize(
    ("given", "value", "meant"),
    [
        ("country", "de", "country__in"),
        ("country", ["de", "at"], "country__in"),
        ("installs", 10, "installs__eq"),
        ("country_in", "de", "country__in"),
        ("country_not_in", "de", "country__not_in"),
        ("campaign__contain", "x", "campaign__contains"),
        ("campaign__startswith", "x", "campaign__starts_with"),
        ("campaign__like", "x", "campaign__in"),
        ("campaign__", "x", "campaign__in"),
        ("installs__>", 10, "installs__eq"),
    ],
)
async def test_a_filter_without_its_operator(given: str, value: object, meant: str) -> None:
    """A filter with a missing or unknown operator is refused with a suggestion."""
    async with client(done()) as (adjust, script):
        with pytest.raises(ConfigurationError, match=rf"did you mean {meant}\?"):
            await adjust.reports.fetch(**REPORT, filters={given: value})
    assert not script.requests


def of_an_account(known: list[str]) -> Callable[[httpx.Request], Any]:
    """Answer like an account with these metrics and partners, which refuses every report."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("filters_data"):
            lists: dict[str, Any] = {name: [] for name in LISTS}
            return httpx.Response(200, json=lists | {LISTS[0]: [{"id": name, "name": ""} for name in known]})
        if request.url.path.endswith("partners"):
            partners = [{"id": number, "display_name": name} for number, name in enumerate(known)]
            return httpx.Response(200, json={"data": {"items": partners}})
        return httpx.Response(400, json={"error_code": "validation_error", "error_desc": "Unknown metric"})

    return answer


async def test_unknown_metrics_do_not_stop_the_loop() -> None:
    """A refused report of sixty metrics that an account with thousands does not have does not block the loop."""
    known = names(3200)
    async with client(of_an_account(known)) as (adjust, _):
        await adjust.reports.filters(LISTS)
        async with Turns() as turns:
            with pytest.raises(AdjustError) as raised:
                await adjust.reports.fetch(**REPORT | {"metrics": misspelt(known, 60)})
    assert str(raised.value).count("did you mean") == MOST_HINTS
    assert turns.most_calls < FEW_CALLS


async def test_unknown_partners_do_not_stop_the_loop() -> None:
    """A plan with two hundred partners that an account with many does not have does not block the loop."""
    known = names(1500)
    plan = [TrackerSpec(f"t{number}", partner=name) for number, name in enumerate(misspelt(known, 200))]
    async with client(of_an_account(known)) as (adjust, script), Turns() as turns:
        with pytest.raises(ConfigurationError) as raised:
            await adjust.trackers.provision("app", plan)
    assert str(raised.value).count("Did you mean") == MOST_HINTS
    assert turns.most_calls < FEW_CALLS
    assert {request.method for request in script.requests} == {"GET"}
