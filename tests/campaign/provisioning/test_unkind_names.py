"""Services that store names in their own form."""

import html
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from adjust_async import PlanError, TrackerSpec
from adjust_async.campaign.provisioning.result import Status
from tests.campaign.provisioning.service import Service, assert_true, client_of, provision
from tests.clock import jumping_clock

pytestmark = pytest.mark.anyio
anyio_backend = jumping_clock

LONG = "A campaign with a name that is longer than a service may keep, number"

#: The forms in which services store names.
FORMS: dict[str, Callable[[str], str]] = {
    "nfc": lambda name: unicodedata.normalize("NFC", name),
    "nfd": lambda name: unicodedata.normalize("NFD", name),
    "nfkc": lambda name: unicodedata.normalize("NFKC", name),
    "lower": str.lower,
    "upper": str.upper,
    "trimmed": str.strip,
    "single spaces": lambda name: " ".join(name.split()),
    "html": html.escape,
    "percent": quote,
    "cut": lambda name: name[:24],
    "cut and trimmed": lambda name: name[:22].strip(),
    "all": lambda name: html.escape(unicodedata.normalize("NFD", " ".join(name.lower().split()))),
}
#: What the service answers to a name that is taken: a second tracker, or one of these statuses.
TAKEN = (None, 200, 400, 409, 422)
NAMES = ["Été & Co", "x  y", "Straße", "R&D <1>", "ﬁve Ⅷ", "PLAIN name", "quoted 'a'", f"1 {LONG}", "50% off"]


# Each form meets two of the answers, and each answer meets most forms.
@pytest.mark.parametrize(
    ("form", "taken"),
    [(form, TAKEN[(number + step) % len(TAKEN)]) for number, form in enumerate(FORMS) for step in (0, 2)],
)
async def test_a_plan_is_created_once_in_every_form_of_names(form: str, taken: int | None) -> None:
    """Whatever form the service stores and returns, the plan is created once, in one run or several."""
    service = Service(form=FORMS[form], taken=taken, rate=0.3, lag=1.0, late=2.0)
    plan = NAMES + [f"{first}::{second}" for first in NAMES[:3] for second in NAMES]
    adjust = client_of(service)
    first = await provision(adjust, plan)
    assert_true(first, service)
    second = await provision(adjust, plan)
    assert_true(second, service)
    if "cut" in form:
        # Before an answer has shown the cut, a create in doubt can't be distinguished from another one.
        assert all("cut or changed" in str(outcome.error) or outcome.not_tried for outcome in first.failed)
    else:
        assert first.counts["failed"] == 0
        assert set(service.tokens()) == {service.kept(path) for path in plan}
        assert second.counts["unchanged"] == len(plan)
    await adjust.aclose()
    await service.settle()
    service.rate = 0.0
    posts = service.requests["POST"]
    adjust = client_of(service)
    third = await provision(adjust, plan)
    if "cut" not in form:
        assert third.counts["unchanged"] == len(plan)
        for outcome in third.outcomes:
            label = outcome.path.rpartition("::")[2]
            assert bool(outcome.notes) == (service.form(label) != label)
    assert service.twice() == {}
    await adjust.aclose()
    assert service.requests["POST"] == posts or "cut" in form


@pytest.mark.parametrize("length", [6, 10, 11])
async def test_names_that_a_cut_makes_one_are_created_a_few_times_at_most(length: int) -> None:
    """Once answers have shown the cut, entries that would become the same are refused, in this run and later ones."""
    service = Service(form=lambda name: name[:length])
    plan = [f"Campaign 1{number:03}{'x' * 20}" for number in range(100)]
    for _ in range(3):
        adjust = client_of(service)
        result = await provision(adjust, plan)
        await adjust.aclose()
        assert result.counts["failed"] >= len(plan) - 16
    # As many as were under way when the first answer came.
    assert service.requests["POST"] <= 16


async def test_a_second_client_learns_of_a_cut_by_its_first_answer() -> None:
    """A cut that no list reveals is learned from the first creates. Then the other trackers are found."""
    service = Service(form=lambda name: name[:4], lag=1.0)
    plan = [f"{number:02}  A campaign" for number in range(10, 40)]
    for _ in range(2):
        adjust = client_of(service, max_concurrency=2)
        await provision(adjust, plan)
        await adjust.aclose()
        await service.settle()
    assert service.requests["POST"] <= len(plan) + 2


async def test_an_existing_tracker_with_another_name_is_not_the_answer() -> None:
    """A cache that mixes up tokens does not make an entry of another tracker, elsewhere or with another name."""

    class MixedUp(Service):
        def _item(self, row: Any, *, stale: bool = False) -> dict[str, Any]:
            item = super()._item(row, stale=stale)
            return {**item, "token": "t0"} if row.token in self.mixed_up else item

        mixed_up = frozenset({"t1", "t2", "t3"})

        def _list(self, parent: str | None, query: Any, fault: str | None) -> httpx.Response:
            self.mixed_up = frozenset()
            return super()._list(parent, query, fault)

    service = MixedUp()
    service.add("Zed")
    adjust = client_of(service)
    assert (await provision(adjust, ["Zed"])).counts["unchanged"] == 1
    service.mixed_up = frozenset({"t1", "t2", "t3"})
    result = await provision(adjust, ["A", "B"])
    assert result.counts["created"] == 2
    assert_true(result, service)
    await adjust.aclose()


async def test_an_update_answered_with_another_tracker_counts_as_updated() -> None:
    """It was looked up, and this run had sent it."""
    service = Service()
    for path in ("A", "B"):
        service.add(path)
    updated = service._update
    other = service.rows["t1"]
    service._update = lambda row, body, fault: (updated(row, body, fault), updated(other, {}, None))[1]  # type: ignore[method-assign]
    adjust = client_of(service)
    result = await provision(adjust, [TrackerSpec("A", partner_id=7)])
    assert result.counts["updated"] == 1
    assert service.rows["t0"].partner_id == 7
    await adjust.aclose()


async def test_a_cut_name_is_held_back_by_a_client_that_has_seen_no_cut() -> None:
    """A second client can't distinguish a cut name from another one: those entries fail, and nothing is created."""
    service = Service(form=lambda name: name[:20])
    plan = [f"{number} {LONG}" for number in range(3)]
    results = []
    for _ in range(2):
        adjust = client_of(service)
        results.append(await provision(adjust, plan))
        await adjust.aclose()
    assert [result.counts["created"] for result in results] == [3, 0]
    assert service.requests["POST"] == 3
    for outcome in results[1].outcomes:
        assert not outcome.in_doubt
        assert "may be this one in a cut or changed form" in str(outcome.error)


async def test_names_that_a_service_may_take_for_one_are_refused() -> None:
    """They are reported with their numbers before anything is created, unless the service keeps them apart."""
    service = Service()
    adjust = client_of(service)
    plan = ["Other", "Spring", "A::x", "spring ".strip(), "A::X::below", "Plain"]
    with pytest.raises(PlanError) as caught:
        await provision(adjust, plan)
    assert [number for number, _ in caught.value.problems] == [2, 3, 4, 5]
    assert "'Spring' and 'spring' differ only in form" in str(caught.value)
    assert service.requests["POST"] == 0
    assert [outcome.not_tried for outcome in caught.value.result.outcomes] == [True] * 6
    for path in ("Spring", "spring", "A", "A::x", "A::X"):
        service.add(path)
    result = await provision(adjust, plan)
    assert [outcome.status for outcome in result.outcomes] == [
        *("created", "unchanged", "unchanged", "unchanged", "created", "created"),
    ]
    assert_true(result, service)
    await adjust.aclose()


async def test_an_exact_name_a_near_one_and_several() -> None:
    """An exact match wins, a single near match is used, several are refused, and another entry's tracker is ignored."""
    service = Service()
    for path in ("a", "A", "b", "C c", "c  C"):
        service.add(path)
    adjust = client_of(service)
    result = await provision(adjust, ["A", "B", "c C", "c C::below"])
    assert [outcome.status for outcome in result.outcomes] == ["unchanged", "unchanged", "failed", "failed"]
    assert "'C c' (t3), 'c  C' (t4)" in str(result.outcomes[2].error)
    assert result.outcomes[3].not_tried
    assert service.requests["POST"] == 0
    again = await provision(adjust, ["c C", "C c"])
    assert [outcome.tracker and outcome.tracker.token for outcome in again.outcomes] == ["t4", "t3"]
    await adjust.aclose()


async def test_an_empty_label_falls_back_to_the_name() -> None:
    """A service that leaves labels empty receives nothing twice."""

    class Unlabelled(Service):
        def _item(self, row: Any, *, stale: bool = False) -> dict[str, Any]:
            return {**super()._item(row, stale=stale), "label": ""}

    service = Unlabelled(rate=0.3, late=1.0)
    expectations: tuple[Status, ...] = ("created", "unchanged")
    for expected in expectations:
        adjust = client_of(service)
        result = await provision(adjust, ["A::B::C", "A::D"])
        assert result.counts[expected] == 2
        assert service.twice() == {}
        await adjust.aclose()
        await service.settle()
