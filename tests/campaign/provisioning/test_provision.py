"""Provisioning over real sockets against the emulator: a plan is compared, and what is missing is created."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from adjust_async import (
    AsyncAdjust,
    ConfigurationError,
    NotFoundError,
    NotTriedError,
    TrackerSpec,
)
from adjust_async.emulator import Emulator
from tests.campaign.provisioning import empty_account
from tests.campaign.provisioning.empty_account import NOTHING, app_of
from tests.provisioning_plans import (
    Progress,
    assert_in_order,
    assert_true,
    left_over,
    names,
    parents_of,
    patient,
    plan_of,
    sent,
    statuses,
)

pytestmark = pytest.mark.anyio
version, emulator, adjust = empty_account.version, empty_account.emulator, empty_account.adjust


async def test_a_plan_is_made_true(emulator: Emulator, version: Any) -> None:
    """In the end the whole plan exists, each tracker once, and every entry has its outcome in the plan's order."""
    plan, progress = plan_of(200), Progress()
    random.Random(5).shuffle(plan)
    async with patient(emulator, campaign_version=version) as adjust:
        result = await adjust.trackers.provision(app_of(emulator), plan, on_progress=progress)
        assert left_over(adjust) == NOTHING
    assert names(emulator) == set(plan)
    assert_in_order(result, plan)
    assert_true(result, emulator)
    progress.assert_whole(result)
    assert result.counts == {"created": 200, "updated": 0, "unchanged": 0, "failed": 0}
    assert sent(emulator) == {"GET": 1, "POST": 200}
    assert result.app_token == app_of(emulator)
    assert not result.dry_run
    assert result.retry_plan() == []


async def test_a_second_run_writes_nothing(emulator: Emulator, version: Any) -> None:
    """If everything is as planned, branches are listed and nothing else is sent."""
    plan = [TrackerSpec(path, partner="AppLovin", cost_data_enabled=path.endswith("1")) for path in plan_of(120)]
    async with patient(emulator, campaign_version=version) as adjust:
        first = await adjust.trackers.provision(app_of(emulator), plan)
        assert_true(first, emulator)
        assert set(statuses(first).values()) == {"created"}
        emulator.stats.reset()
        second = await adjust.trackers.provision(app_of(emulator), plan, page_size=1000)
    assert second.counts == {"created": 0, "updated": 0, "unchanged": 120, "failed": 0}
    assert_true(second, emulator)
    branches = 1 + len(parents_of(spec.path for spec in plan))
    assert sent(emulator) == {"GET": branches + 3}  # the partners are on three pages


async def test_only_the_branches_of_the_plan_are_listed(version: Any) -> None:
    """In an app with hundreds of trackers, only the networks and the branches of the plan are listed."""
    async with Emulator(apps=1, trackers_per_app=600) as emulator:
        app = app_of(emulator)
        trackers = emulator.store.trackers(app)
        inner = [tracker for tracker in trackers if tracker.level == 2 and tracker.has_subtrackers]
        leaf = next(tracker for tracker in trackers if tracker.level == 1 and not tracker.has_subtrackers)
        plan = [f"{inner[0].name}::New", f"{leaf.name}::New", "New::New", inner[1].name, f"{inner[0].name}::New 2"]
        async with patient(emulator, campaign_version=version) as adjust:
            result = await adjust.trackers.provision(app, plan, page_size=1000)
        assert [outcome.status for outcome in result.outcomes] == ["created"] * 3 + ["unchanged", "created"]
        assert_true(result, emulator)
        # The leaf is looked at too: `has_subtrackers` may be stale.
        listed = parents_of([inner[0].name, inner[1].name]) | {inner[0].name, leaf.name}
        assert sent(emulator) == {"GET": 1 + len(listed), "POST": 5}
        assert len(names(emulator)) == 605


@pytest.mark.slow
async def test_long_lists_are_read_to_their_end(emulator: Emulator, version: Any) -> None:
    """Trackers on later pages are found on every level."""
    plan = [f"N{number}" for number in range(120)] + [f"N0::C{number}" for number in range(120)]
    async with patient(emulator, campaign_version=version) as adjust:
        await adjust.trackers.provision(app_of(emulator), plan)
        result = await adjust.trackers.provision(app_of(emulator), plan, page_size=7)
    assert result.counts["unchanged"] == 240
    assert_true(result, emulator)


async def test_a_dry_run_reports_the_difference_and_sends_nothing(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A dry run predicts exactly what a run then does, and only sends lists."""
    app = app_of(emulator)
    await adjust.trackers.provision(app, ["A::B", TrackerSpec("C", partner_id=174)])
    plan: list[str | TrackerSpec] = [
        "A::B::C",
        "A::B",
        TrackerSpec("A", cost_data_enabled=True),
        TrackerSpec("C", partner_id=174),
        "D::E",
        "D::E",
    ]
    emulator.stats.reset()
    progress = Progress()
    planned = await adjust.trackers.provision(app, plan, dry_run=True, on_progress=progress)
    assert sent(emulator).keys() == {"GET"}
    assert names(emulator) == {"A", "A::B", "C"}
    assert [outcome.status for outcome in planned.outcomes] == [
        *("created", "unchanged", "updated", "unchanged", "created", "unchanged"),
    ]
    assert planned.dry_run
    assert planned.outcomes[0].tracker is None
    progress.assert_whole(planned)
    done = await adjust.trackers.provision(app, plan)
    assert statuses(done) == statuses(planned)
    assert [outcome.status for outcome in done.outcomes] == [outcome.status for outcome in planned.outcomes]
    assert_true(done, emulator)


async def test_parents_of_an_entry_are_implied(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Parents without an entry are created, and reported separately from the outcomes."""
    result = await adjust.trackers.provision(app_of(emulator), ["A::B::C::D", "A::B::E", "F"])
    assert [outcome.path for outcome in result.outcomes] == ["A::B::C::D", "A::B::E", "F"]
    assert {outcome.path: outcome.status for outcome in result.implied} == {
        "A": "created",
        "A::B": "created",
        "A::B::C": "created",
    }
    assert_true(result, emulator)
    again = await adjust.trackers.provision(app_of(emulator), ["A::B::C::D", "A::X"])
    assert {outcome.path: outcome.status for outcome in again.implied} == dict.fromkeys(
        ["A", "A::B", "A::B::C"], "unchanged"
    )


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_entries_does_not_matter(adjust: AsyncAdjust, emulator: Emulator, seed: int) -> None:
    """Entries above, below and next to each other may have any order, with the same result."""
    plan = plan_of(60)
    random.Random(seed).shuffle(plan)
    result = await adjust.trackers.provision(app_of(emulator), plan)
    assert_in_order(result, plan)
    assert_true(result, emulator)
    assert names(emulator) == set(plan)


async def test_the_same_entry_many_times_is_one_tracker(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Repeated entries never race: one is created, and the others find it."""
    emulator.latency = 0.005
    plan = [path for _ in range(20) for path in ("A", "A::B", "C::D")]
    progress = Progress()
    result = await adjust.trackers.provision(app_of(emulator), plan, on_progress=progress)
    assert sent(emulator)["POST"] == 4
    assert [outcome.status for outcome in result.outcomes] == ["created"] * 3 + ["unchanged"] * 57
    assert_true(result, emulator)
    progress.assert_whole(result)


async def test_an_empty_plan_does_nothing(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Without entries there are no outcomes, and nothing is written."""
    result = await adjust.trackers.provision(app_of(emulator), [])
    assert (result.outcomes, result.implied) == ((), ())
    assert sent(emulator).keys() <= {"GET"}


async def test_plans_arrive_in_every_way(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """Generators, async generators, sets and cross products are plans, and are read completely first."""
    app = app_of(emulator)

    async def arriving() -> AsyncIterator[str | TrackerSpec]:
        for spec in TrackerSpec.product(["A"], ["1", "2"]):
            await asyncio.sleep(0)
            yield spec
        assert emulator.stats.total == 0

    await adjust.trackers.provision(app, arriving())
    for plan in (iter(["B"]), {"C"}, TrackerSpec.product(["D"], ["1"], ["x", "y"]), (path for path in ["E"])):
        result = await adjust.trackers.provision(app, plan)
        assert result.counts["created"] == len(result.outcomes)
    assert names(emulator) == {"A", "A::1", "A::2", "B", "C", "D", "D::1", "D::1::x", "D::1::y", "E"}


async def test_an_exception_of_a_plan_is_raised_before_anything_is_sent(
    adjust: AsyncAdjust, emulator: Emulator
) -> None:
    """An iterator that fails, at once or late, ends the call with its own error."""

    def failing() -> Iterator[str]:
        yield from plan_of(100)
        raise KeyError("mine")

    async def failing_later() -> AsyncIterator[str]:
        for path in plan_of(100):
            yield path
        raise KeyError("mine")

    for plan in (failing(), failing_later()):
        with pytest.raises(KeyError, match="mine"):
            await adjust.trackers.provision(app_of(emulator), plan)
    assert emulator.stats.total == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"app_token": "a/b"}, "app_token is 'a/b'"),
        ({"app_token": ""}, "app_token is empty"),
        ({"plan": "A::B"}, "plan is 'A::B'"),
        ({"plan": ["A", "A::"]}, "entry 2"),
        ({"dry_run": 1}, "dry_run is 1"),
        ({"on_failure": "ignore"}, "on_failure is 'ignore'"),
        ({"on_failure": None}, "on_failure is None"),
        ({"on_failure": ["keep"]}, "on_failure is"),
        ({"on_progress": 5}, "on_progress is 5"),
        ({"grace_time": -1}, "grace_time is -1"),
        ({"grace_time": float("nan")}, "grace_time is nan"),
        ({"grace_time": float("inf")}, "grace_time is inf"),
        ({"grace_time": "5"}, "grace_time is '5'"),
        ({"grace_time": True}, "grace_time is True"),
        ({"grace_time": 601}, "grace_time is 601"),
        ({"page_size": 0}, "page_size is 0"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    adjust: AsyncAdjust, emulator: Emulator, arguments: dict[str, Any], message: str
) -> None:
    """Each argument is checked, and the message names it."""
    given: dict[str, Any] = {"app_token": app_of(emulator), "plan": ["A"], **arguments}
    with pytest.raises(ConfigurationError, match=message):
        await adjust.trackers.provision(given.pop("app_token"), given.pop("plan"), **given)
    assert emulator.stats.total == 0


async def test_a_coroutine_function_is_refused_for_progress(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """A coroutine function is refused, since its result would never be awaited."""

    async def tell(*_: object) -> None:
        raise AssertionError

    with pytest.raises(ConfigurationError, match="pass a plain function"):
        await adjust.trackers.provision(app_of(emulator), ["A"], on_progress=tell)


async def test_an_unknown_app(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """The service's 404 is raised by the comparison, with a result in which nothing was tried."""
    with pytest.raises(NotFoundError) as caught:
        await adjust.trackers.provision("nosuchapp", ["A", "B::C"])
    result = caught.value.result
    assert [type(outcome.error) for outcome in result.outcomes] == [NotTriedError, NotTriedError]
    assert sent(emulator) == {"GET": 1}
