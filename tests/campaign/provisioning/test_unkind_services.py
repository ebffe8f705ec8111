"""Services that are less kind than the emulator: forms of names, certainty, memory, answers and lists."""

import asyncio
import html
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from adjust_async import (
    AdjustError,
    APIStatusError,
    AsyncAdjust,
    DecodeError,
    PlanError,
    ProvisionResult,
    TrackerSpec,
    WrongTrackerError,
)
from adjust_async.campaign.provisioning.result import Status
from tests.campaign.provisioning.service import APP, CREATE_FAULTS, Service, client_of
from tests.clock import JUMPING_CLOCK
from tests.provisioning_plans import THERE, with_parents

pytestmark = pytest.mark.anyio

GRACE = 5.0
LONG = "A campaign with a name that is longer than a service may keep, number"

#: What services do to names.
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
NAMES = ["Été & Co", "x  y", "Straße", "R&D <1>", "ﬁve Ⅷ", "PLAIN name", "quoted 'a'", f"1 {LONG}", "50% off"]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Let the time of every test here jump."""
    return JUMPING_CLOCK


async def provision(adjust: AsyncAdjust, plan: Iterable[str | TrackerSpec], **arguments: Any) -> ProvisionResult:
    """Provision with this module's time of grace."""
    return await adjust.trackers.provision(APP, plan, grace_time=GRACE, **arguments)


def assert_true(result: ProvisionResult, service: Service) -> None:
    """Hold every outcome against the service."""
    assert service.twice() == {}
    tokens = service.tokens()
    for outcome in (*result.outcomes, *result.implied):
        if outcome.status in THERE:
            assert outcome.tracker is not None
            assert tokens[service.kept(outcome.path)] == [outcome.tracker.token]
        else:
            assert outcome.error is not None


# Names.


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("taken", [None, 200, 400, 409, 422])
async def test_a_plan_is_there_once_in_every_form_of_names(form: str, taken: int | None) -> None:
    """Whatever the service makes of names, and whatever it answers, the plan is created once, in one run or many."""
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
    """Once answers have shown the cut, entries that it makes one are held back, in this run and the next ones."""
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


async def test_a_tracker_that_is_there_under_another_name_is_no_answer() -> None:
    """A cache that mixes tokens up makes no entry of a tracker that lists show elsewhere, or under another name."""

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


async def test_an_update_whose_answer_was_about_another_tracker_is_told_as_updated() -> None:
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


async def test_a_cut_name_is_held_back_by_a_client_that_knows_of_no_cut() -> None:
    """A second client can't tell a cut name from another one: those entries fail with words, and nothing is created."""
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
    """A service that leaves labels empty gets nothing twice."""

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


# Certainty.


@pytest.mark.parametrize("fault", CREATE_FAULTS)
async def test_each_failure_of_a_create_is_told_rightly(fault: str) -> None:
    """`create` raises with `in_doubt` if the tracker may exist, and sends the request again only if it can't."""
    service = Service(script=[fault], late=1.0)
    service.add("Other")
    adjust = client_of(service, timeout=1.0)
    work, _ = CREATE_FAULTS[fault]
    (outcome,) = await asyncio.gather(adjust.trackers.create(APP, "A"), return_exceptions=True)
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, AdjustError)
        assert outcome.in_doubt
        assert service.requests["POST"] == 1
    else:
        assert work == "undone"
    await service.settle()
    assert len(service.tokens().get("A", [])) <= 1
    again = await adjust.trackers.create(APP, "A") if "A" not in service.tokens() or work != "undone" else None
    if again is not None:
        assert service.tokens()["A"] == [again.token]
    result = await provision(adjust, ["A::B"])
    assert_true(result, service)
    await adjust.aclose()


@pytest.mark.parametrize("fault", CREATE_FAULTS)
@pytest.mark.parametrize("lag", [0.0, 2.0])
async def test_each_failure_is_looked_up(fault: str, lag: float) -> None:
    """`provision` overcomes each of them, whichever creates it hits, and leaves one tracker of each name."""
    plan = ["A::B::C", "A::D", "E"]
    for place in range(5):
        service = Service(script=[None, *[None] * place, fault], late=2.0, lag=lag)
        adjust = client_of(service)
        result = await provision(adjust, plan)
        assert result.counts["created"] == 3
        assert set(service.tokens()) == with_parents(plan)
        assert_true(result, service)
        await adjust.aclose()


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_refusal_in_adjusts_envelope_is_certain(status: int) -> None:
    """The tracker is reported as it is, without a second create."""
    posts = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal posts
        if request.method == "GET":
            return httpx.Response(200, json={"data": {"items": []}})
        posts += 1
        return httpx.Response(status, json={"error": {"message": "no"}})

    adjust = AsyncAdjust("token", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    with pytest.raises(APIStatusError) as caught:
        await adjust.trackers.create(APP, "A")
    assert not caught.value.in_doubt
    result = await provision(adjust, ["A"])
    assert not result.outcomes[0].in_doubt
    assert posts == 2
    await adjust.aclose()


# Memory.


@pytest.mark.parametrize("doubt", [False, True])
@pytest.mark.parametrize("lag", [0.0, 3.0])
async def test_a_create_is_remembered_by_provision_and_find(doubt: bool, lag: float) -> None:
    """What this client created, or may have created, is not created again where lists lag."""
    service = Service(lag=lag, late=1.0, script=["connection lost, late" if doubt else None])
    adjust = client_of(service)
    if doubt:
        with pytest.raises(AdjustError):
            await adjust.trackers.create(APP, "AdColony")
    else:
        await adjust.trackers.create(APP, "AdColony")
    result = await provision(adjust, ["AdColony::DE"])
    assert_true(result, service)
    assert set(service.tokens()) == {"AdColony", "AdColony::DE"}
    found = await adjust.trackers.find(APP, "AdColony::DE")
    assert found is not None
    assert found.token == service.tokens()["AdColony::DE"][0]
    await adjust.aclose()


async def test_a_cancelled_create_is_in_doubt() -> None:
    """A create that was cancelled when it had been sent is looked up, by `create`, `find` and `provision` alike."""
    calls: list[Callable[[AsyncAdjust], Awaitable[Any]]] = [
        lambda adjust: adjust.trackers.create(APP, "A"),
        lambda adjust: adjust.trackers.find(APP, "A"),
        lambda adjust: provision(adjust, ["A"]),
    ]
    for call in calls:
        service = Service(script=["no answer, done"], lag=3.0)
        adjust = client_of(service, timeout=None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await adjust.trackers.create(APP, "A")
        await call(adjust)
        assert len(service.tokens()["A"]) == 1
        await adjust.aclose()


async def test_a_create_after_a_doubt_waits_for_certainty() -> None:
    """It returns the tracker of the doubtful create if that succeeded, however late, and creates one otherwise."""
    for fault, posts in (("connection lost, late", 1), ("connection lost", 2)):
        service = Service(lag=1.5, late=3.0, script=[fault])
        adjust = client_of(service)
        with pytest.raises(AdjustError):
            await adjust.trackers.create(APP, "A")
        tracker = await adjust.trackers.create(APP, "A")
        assert service.tokens()["A"] == [tracker.token]
        assert service.requests["POST"] == posts
        await adjust.aclose()


async def test_a_create_in_doubt_that_can_not_be_told_apart_stays_in_doubt() -> None:
    """However often `create` is called again, it creates nothing while something listed may be that tracker."""
    service = Service(form=lambda name: name.replace(" ", "-"), script=["connection lost, done"])
    adjust = client_of(service)
    for _ in range(3):
        with pytest.raises(AdjustError):
            await adjust.trackers.create(APP, "A B")
    assert service.requests["POST"] == 1
    await adjust.aclose()


async def test_two_creates_without_doubt_are_two() -> None:
    """`create` creates: nothing is looked up, whatever is there."""
    service = Service()
    adjust = client_of(service)
    first, second = await adjust.trackers.create(APP, "A"), await adjust.trackers.create(APP, "A")
    assert sorted([first.token, second.token]) == sorted(service.tokens()["A"])
    assert service.requests == {"POST": 2}
    await adjust.aclose()


@pytest.mark.parametrize("fault", [None, "connection lost, done", "500", "no answer, done"])
async def test_a_create_under_way_is_waited_for(fault: str | None) -> None:
    """A run that needs a tracker which another task is just creating takes that one."""
    service = Service(script=[fault], lag=1.0)
    adjust = client_of(service)
    create = asyncio.create_task(adjust.trackers.create(APP, "A"))
    await asyncio.sleep(0)
    result, found = await asyncio.gather(provision(adjust, ["A::B", "A::C"]), adjust.trackers.find(APP, "A"))
    await asyncio.wait([create])
    create.exception()
    assert_true(result, service)
    assert set(service.tokens()) == {"A", "A::B", "A::C"}
    assert found is None or [found.token] == service.tokens()["A"]
    await adjust.aclose()


async def test_updates_are_remembered() -> None:
    """Settings that a list shows late are not sent again, whichever method sent them."""
    service = Service(lag=2.0)
    row = service.add("A")
    adjust = client_of(service)
    await adjust.trackers.update(APP, row.token, partner_id=5)
    row.partner_id = None  # as a list that lags shows it
    result = await provision(adjust, [TrackerSpec("A", partner_id=5)])
    assert result.counts["unchanged"] == 1
    await adjust.aclose()


async def test_the_memory_of_many_creates_is_bounded() -> None:
    """A client that creates without end keeps the last ones only, and those not for ever."""
    service = Service()
    adjust = client_of(service, max_concurrency=50)
    recent = adjust.trackers._requests.recent
    recent._most = 100
    result = await adjust.trackers.provision(APP, [f"N{number}" for number in range(500)], grace_time=0, verify=False)
    assert result.counts["created"] == 500
    assert len(recent) <= 100
    await asyncio.sleep(1000)
    await adjust.trackers.create(APP, "last")
    assert len(recent) == 1
    await adjust.aclose()


# Answers.


@pytest.mark.parametrize(
    "item",
    [
        {"name": "B", "label": "B", "level": 1},
        {"name": "X::A", "label": "A", "level": 2},
        {"name": "X::A", "label": "A"},
        {"name": "A", "label": "A", "level": 3},
        {"name": "A", "label": "A", "parent_token": "t9"},
    ],
)
async def test_an_answer_about_another_tracker_is_in_doubt(item: dict[str, Any]) -> None:
    """Name, level and parent of a created tracker are checked."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": {"items": [{"token": "t5", **item}]}})

    adjust = AsyncAdjust("token", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    with pytest.raises(WrongTrackerError) as caught:
        await adjust.trackers.create(APP, "A")
    assert caught.value.in_doubt
    assert isinstance(caught.value, DecodeError)
    assert caught.value.tracker_token == "t5"
    assert "but 'A' was created" in str(caught.value)
    await adjust.aclose()


async def test_an_update_of_another_tracker_is_in_doubt() -> None:
    """The token in the answer is compared with the one that was asked for; `provision` looks, and sends it again."""
    service = Service(script=[None, None, "another tracker", None])
    for path in ("A", "B"):
        service.add(path)
    service._source.seed(2)
    adjust = client_of(service)
    plan = [TrackerSpec("A", partner_id=7)]
    service.script = ["another tracker"] * 3
    updates = [adjust.trackers.update(APP, "t0", partner_id=5) for _ in range(3)]
    wrong = [
        outcome for outcome in await asyncio.gather(*updates, return_exceptions=True) if isinstance(outcome, Exception)
    ]
    assert wrong
    assert all(isinstance(error, WrongTrackerError) and error.in_doubt for error in wrong)
    service.script = [None, "another tracker", None, "another tracker"]
    result = await provision(adjust, plan)
    assert result.counts["updated"] == 1
    assert {row.name: row.partner_id for row in service.rows.values()} == {"A": 7, "B": None}
    await adjust.aclose()


async def test_nothing_is_sent_below_a_tracker_that_the_plan_does_not_mean() -> None:
    """If every answer to a create is about another tracker, lists show what was created."""
    service = Service(script=[None, *["another tracker"] * 40])
    service.add("Other")
    service.script = [None]
    service.rate = 0.0
    adjust = client_of(service)
    created = service._create

    async def mixed_up(body: Any, fault: str | None) -> httpx.Response:
        return await created(body, fault or "another tracker")

    service._create = mixed_up  # type: ignore[method-assign]
    plan: list[str | TrackerSpec] = [
        TrackerSpec("A", partner_id=5),
        "A::B::C",
        TrackerSpec("A::D", cost_data_enabled=True),
    ]
    result = await provision(adjust, plan)
    assert result.counts["created"] == 3
    assert_true(result, service)
    assert set(service.tokens()) == {"Other", "A", "A::B", "A::B::C", "A::D"}
    assert {row.name: row.partner_id for row in service.rows.values() if row.partner_id} == {"A": 5}
    await adjust.aclose()


@pytest.mark.parametrize("taken", [200, 400, 409, 422])
async def test_a_name_that_is_taken_is_adopted(taken: int) -> None:
    """If lists show an existing tracker late, it is found within the grace time, and reported as unchanged."""
    service = Service(taken=taken, lag=3.0)
    await asyncio.sleep(1)
    other = client_of(service)
    parent = await other.trackers.create(APP, "A")
    await other.trackers.create(APP, "B", parent_token=parent.token)
    await other.aclose()
    adjust = client_of(service)
    result = await provision(adjust, ["A::B", "A::C", "D"])
    assert [outcome.status for outcome in result.outcomes] == (
        ["unchanged", "created", "created"] if taken != 200 else [result.outcomes[0].status, "created", "created"]
    )
    assert_true(result, service)
    await adjust.aclose()


# Lists.


async def test_has_subtrackers_is_not_believed() -> None:
    """What is below a tracker is listed wherever the plan goes below, whatever the list above says."""
    service = Service(stale=True)
    for path in ("A", "A::B", "A::B::C"):
        service.add(path)
    adjust = client_of(service)
    result = await provision(adjust, ["A::B::C"])
    assert result.counts["unchanged"] == 1
    assert service.requests == {"GET": 3}
    await adjust.aclose()


@pytest.mark.parametrize("moves", [1, 2, 3])
@pytest.mark.parametrize("how", ["moved", "repeated"])
async def test_a_list_that_moved_is_read_again(moves: int, how: str) -> None:
    """As often as three times, and what any of the reads saw is there."""
    service = Service(page_size=5)
    plan = [f"N{number}" for number in range(12)]
    for path in plan:
        service.add(path)
    service.script = [how, None, None, None] * moves
    adjust = client_of(service)
    result = await provision(adjust, plan)
    assert result.counts["unchanged"] == 12
    assert service.requests["POST"] == 0
    assert service.requests["GET"] <= 4 * 4
    await adjust.aclose()


@pytest.mark.parametrize("totals", [lambda _: "1000", lambda _: 0, lambda _: None, lambda count: count + 1])
async def test_totals_that_count_something_else_hold_nothing_up(totals: Callable[[int], Any]) -> None:
    """A list that is the same at every read is believed after all, and only the first one is waited for."""
    service = Service(totals=totals)
    adjust = client_of(service)
    plan = ["A::B::C", "A::D", "E"]
    began = asyncio.get_running_loop().time()
    expectations: tuple[Status, ...] = ("created", "unchanged")
    for expected in expectations:
        result = await provision(adjust, plan)
        assert result.counts[expected] == 3
    assert asyncio.get_running_loop().time() - began < 3 * GRACE
    assert service.twice() == {}
    await adjust.aclose()


async def test_a_list_that_lags_behind_its_total_is_waited_for() -> None:
    """A total that counts more than the list shows may count what the list shows late."""

    class Lagging(Service):
        def _list(self, parent: str | None, query: Any, fault: str | None) -> httpx.Response:
            self.totals = lambda _: str(sum(row.parent == parent for row in self.rows.values()))
            return super()._list(parent, query, fault)

    service = Lagging(lag=3.0)
    other = client_of(service)
    await other.trackers.create(APP, "A")
    await other.aclose()
    adjust = client_of(service)
    result = await provision(adjust, ["A"])
    assert result.counts["unchanged"] == 1
    assert service.requests["POST"] == 1
    await adjust.aclose()


# The end.


@pytest.mark.parametrize(
    ("verify", "doubt", "expected"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
async def test_the_end_is_looked_at(verify: bool | None, doubt: bool, expected: bool) -> None:
    """The default after a doubt. Trackers that exist twice are reported, no matter who created them."""

    class Racing(Service):
        def _insert(self, label: str, parent: Any, listed_from: float = 0.0, **values: Any) -> Any:
            if label == "B" and parent is not None:
                super()._insert(label, parent, listed_from, **values)  # somebody else's, in the same moment
            return super()._insert(label, parent, listed_from, **values)

    service = Racing(script=[None, None, "connection lost, done" if doubt else None])
    adjust = client_of(service)
    result = await provision(adjust, ["A::B", "A::C"], verify=verify)
    assert result.verified is expected
    assert [tracker.token for tracker in result.duplicates] == (service.tokens()["A::B"] if expected else [])
    assert result.counts["created"] == 2
    await adjust.aclose()


@pytest.mark.parametrize(("leaves", "lists"), [(98, 1), (100, 12)])
async def test_the_end_is_looked_at_after_many_creates(leaves: int, lists: int) -> None:
    """From 1,000 creates on, each branch is listed once more."""
    service = Service(page_size=1000)
    adjust = client_of(service, max_concurrency=50)
    plan = [f"N{network}::C{leaf}" for network in range(10) for leaf in range(leaves)]
    result = await provision(adjust, plan)
    assert result.verified == (lists > 1)
    assert result.duplicates == ()
    assert service.requests["GET"] == lists
    await adjust.aclose()


# Finding.


async def test_find_asks_along_the_path_alone() -> None:
    """One list for each level, and the tracker or nothing."""
    service = Service(stale=True)
    for path in ("A", "B", "A::B", "A::B::C", "A::X", "B::Y"):
        service.add(path)
    adjust = client_of(service)
    found = await adjust.trackers.find(APP, "A::B::C")
    assert found is not None
    assert (found.token, found.name) == (service.tokens()["A::B::C"][0], "A::B::C")
    assert service.requests == {"GET": 3}
    assert await adjust.trackers.find(APP, "A::Z::C") is None
    assert service.requests == {"GET": 5}
    near = await adjust.trackers.find(APP, "a::b")
    assert near is not None
    assert near.name == "A::B"
    await adjust.aclose()


async def test_find_does_not_guess() -> None:
    """If several trackers match, the error names them."""
    service = Service()
    for path in ("SPRING", "spring"):
        service.add(path)
    adjust = client_of(service)
    with pytest.raises(
        AdjustError, match=r"'Spring' can't be distinguished from others: .*'SPRING' \(t0\), 'spring' \(t1\)"
    ):
        await adjust.trackers.find(APP, "Spring")
    await adjust.aclose()


@pytest.mark.parametrize("path", ["", "A::", "A::B::C::D::E", 5, None, " A"])
async def test_find_refuses_what_is_no_path(path: Any) -> None:
    """Nothing is sent for it."""
    service = Service()
    adjust = client_of(service)
    with pytest.raises(ValueError, match=r"the path is|levels|the network|the campaign"):
        await adjust.trackers.find(APP, path)
    assert not service.requests
    await adjust.aclose()
