"""Settings of trackers that are provisioned, and trackers that look alike."""

import json
from typing import Any

import httpx
import pytest

from adjust_async import AsyncAdjust, BadRequestError, PlanError, TrackerSpec
from adjust_async.emulator import Emulator, Faults
from tests.campaign.provisioning import empty_account
from tests.campaign.provisioning.empty_account import app_of
from tests.provisioning_plans import assert_true, meddled, names, sent

pytestmark = pytest.mark.anyio
version, emulator, adjust = empty_account.version, empty_account.emulator, empty_account.adjust


# Settings.


async def test_only_differences_are_updated(emulator: Emulator) -> None:
    """Each tracker with different settings gets a PATCH, which has only the differences."""
    bodies: list[Any] = []

    def note(request: httpx.Request) -> None:
        if request.method == "PATCH":
            bodies.append(json.loads(request.content))

    async with meddled(emulator, note) as adjust:
        app = app_of(emulator)
        await adjust.trackers.provision(app, ["A", TrackerSpec("B", partner_id=174, cost_data_enabled=True), "C"])
        assert bodies == [{"partner_id": 174, "cost_data_enabled": True}]
        bodies.clear()
        plan = [
            TrackerSpec("A", partner_id=33),
            TrackerSpec("B", partner_id=33, cost_data_enabled=True),
            TrackerSpec("C", cost_data_enabled=False),
            TrackerSpec("D", cost_data_enabled=False),
            TrackerSpec("E", cost_data_enabled=True),
        ]
        result = await adjust.trackers.provision(app, plan)
        assert [outcome.status for outcome in result.outcomes] == [
            *("updated", "updated", "unchanged", "created", "created"),
        ]
        assert sorted(map(str, bodies)) == [
            *("{'cost_data_enabled': True}", "{'partner_id': 33}", "{'partner_id': 33}"),
        ]
        assert_true(result, emulator)
        set_up = {
            tracker.name: (tracker.partner_id, tracker.cost_data_enabled) for tracker in emulator.store.trackers()
        }
        assert set_up["B"] == (33, True)
        bodies.clear()
        again = await adjust.trackers.provision(app, plan)
        assert again.counts["unchanged"] == 5
        assert bodies == []


async def test_an_answer_that_does_not_keep_a_setting_is_a_failure(emulator: Emulator) -> None:
    """If the service accepts an update without effect, the outcome names what is not set."""

    def meddle(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        item = {"name": "A", "token": request.url.path.rpartition("/")[2], "partner_id": 174}
        return httpx.Response(200, json={"data": {"items": [item]}})

    async with meddled(emulator, meddle) as adjust:
        result = await adjust.trackers.provision(app_of(emulator), [TrackerSpec("A", partner_id=33), "A::B"])
    assert [outcome.status for outcome in result.outcomes] == ["failed", "created"]
    assert "did not keep partner_id=33" in str(result.outcomes[0].error)
    assert result.outcomes[0].tracker is not None


@pytest.mark.parametrize("on_failure", ["keep", "raise"])
async def test_an_update_that_is_refused(adjust: AsyncAdjust, emulator: Emulator, on_failure: Any) -> None:
    """A tracker with a failed update exists and has failed. Its children continue, unless the first failure ends it."""
    plan: list[Any] = [TrackerSpec("A", partner_id=999_999), "A::B", TrackerSpec("C", partner_id=33)]
    app = app_of(emulator)
    if on_failure == "raise":
        with pytest.raises(BadRequestError, match="999999") as caught:
            await adjust.trackers.provision(app, plan, on_failure="raise")
        result = caught.value.result
    else:
        result = await adjust.trackers.provision(app, plan)
        assert [outcome.status for outcome in result.outcomes] == ["failed", "created", "created"]
    assert isinstance(result.outcomes[0].error, BadRequestError)
    assert result.outcomes[0].tracker.name == "A"
    assert_true(result, emulator)
    assert result.retry_plan()[0] == plan[0]


@pytest.mark.parametrize("fault", ["500", "500-after", "drop-before", "drop-after", "truncated-json", "429", "503"])
async def test_an_update_that_fails_is_sent_again(adjust: AsyncAdjust, emulator: Emulator, fault: str) -> None:
    """An update is safe to repeat, and its tracker is not created again."""
    emulator.faults = Faults.script([fault, None, fault], match="PATCH")
    plan = [TrackerSpec(path, partner_id=33) for path in ("A", "A::B")]
    result = await adjust.trackers.provision(app_of(emulator), plan)
    assert_true(result, emulator)
    assert result.counts["created"] == 2
    assert {tracker.partner_id for tracker in emulator.store.trackers(app_of(emulator))} == {33}
    assert sent(emulator)["POST"] == 2


async def test_partners_by_name(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A partner is looked up by its display name, once for the whole plan, and its ID is sent."""
    plan = [
        TrackerSpec("A", partner="AdColony"),
        TrackerSpec("B", partner="Adroll", cost_data_enabled=True),
        TrackerSpec("C", partner_id=33),
    ]
    result = await adjust.trackers.provision(app_of(emulator), plan)
    assert [outcome.tracker and outcome.tracker.partner_id for outcome in result.outcomes] == [174, 33, 33]
    assert sum(count for route, count in emulator.stats.requests.items() if "partners" in route) == 3
    assert_true(result, emulator)
    emulator.stats.reset()
    await adjust.trackers.provision(app_of(emulator), ["A", TrackerSpec("C", partner_id=33)])
    assert not any("partners" in route for route in emulator.stats.requests)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_unknown_partners(adjust: AsyncAdjust, emulator: Emulator, dry_run: bool) -> None:
    """Unknown names end the call before the app is listed. All of them are reported, with similar names."""
    plan: list[Any] = ["A", TrackerSpec("B", partner="adcolny"), TrackerSpec("C", partner="Nobody at all, really")]
    with pytest.raises(PlanError) as caught:
        await adjust.trackers.provision(app_of(emulator), plan, dry_run=dry_run)
    assert [number for number, _ in caught.value.problems] == [2, 3]
    assert "Did you mean 'AdColony'" in str(caught.value)
    assert all("partners" in route for route in emulator.stats.requests)
    assert names(emulator) == set()


async def test_partners_that_share_a_name(emulator: Emulator) -> None:
    """An ambiguous name is an error that lists the IDs, and nothing is created."""

    def meddle(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/partners"):
            return None
        items = [{"id": number, "display_name": "Twice"} for number in (5, 6)]
        return httpx.Response(200, json={"data": {"items": items}})

    async with meddled(emulator, meddle) as adjust:
        with pytest.raises(PlanError, match="there are 2 partners called 'Twice': pass partner_id, one of 5, 6"):
            await adjust.trackers.provision(app_of(emulator), [TrackerSpec("A", partner="Twice")])
    assert emulator.stats.total == 0


# Existing trackers with similar names.


async def test_archived_trackers_count_as_existing(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """An archived tracker keeps its name: it is not created again, and the outcome's tracker shows its state."""
    app = app_of(emulator)
    await adjust.trackers.provision(app, ["A::B"])
    with emulator.store.transaction() as connection:
        connection.execute("UPDATE trackers SET archived = 1")
    result = await adjust.trackers.provision(app, ["A::B", "A::C"])
    assert [outcome.status for outcome in result.outcomes] == ["unchanged", "created"]
    assert result.outcomes[0].tracker is not None
    assert result.outcomes[0].tracker.archived is True
    assert [outcome.notes for outcome in result.outcomes] == [("it is archived",), ()]
    assert [outcome.notes for outcome in result.implied] == [("it is archived",)]
    assert_true(result, emulator)


async def test_an_active_tracker_is_preferred_to_an_archived_one(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Of an active and an archived tracker, the active one is used, children go below it, and the other is noted."""
    app = app_of(emulator)
    old = await adjust.trackers.create(app, "A")
    new = await adjust.trackers.create(app, "A")
    with emulator.store.transaction() as connection:
        connection.execute("UPDATE trackers SET archived = 1 WHERE token = ?", (old.token,))
    result = await adjust.trackers.provision(app, ["A", "A::B"])
    assert result.outcomes[0].tracker is not None
    assert result.outcomes[0].tracker.token == new.token
    assert any(old.token in note for note in result.outcomes[0].notes)
    assert result.outcomes[1].tracker is not None
    assert result.outcomes[1].tracker.parent_token == new.token


async def test_names_that_differ_in_case_or_unicode_form(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A tracker in another form is used, with a note. An exact name wins, with a note about the other one."""
    app = app_of(emulator)
    there = ["spring", "e\u0301", "A::x"]
    await adjust.trackers.provision(app, there)
    result = await adjust.trackers.provision(app, ["Spring", "\u00e9", "A::x", "Plain"])
    assert [outcome.status for outcome in result.outcomes] == ["unchanged"] * 3 + ["created"]
    tokens = emulator.store.tokens_by_name(app)
    for outcome, name in zip(result.outcomes[:2], there, strict=False):
        assert outcome.tracker is not None
        assert [outcome.tracker.token] == tokens[name]
        assert outcome.notes == (f"the service calls it {name!r}, which differs only in form",)
    assert [outcome.notes for outcome in result.outcomes[2:]] == [(), ()]
    assert set(tokens) == {*there, "A", "Plain"}
    assert {row["path"] for row in result.rows() if row["notes"]} == {"Spring", "\u00e9"}
    twin = await adjust.trackers.create(app, "Spring")
    again = await adjust.trackers.provision(app, ["Spring"])
    assert again.outcomes[0].tracker is not None
    assert again.outcomes[0].tracker.token == twin.token
    assert tokens["spring"][0] in again.outcomes[0].notes[0]
