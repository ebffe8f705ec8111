"""Partners that a plan names: found, or reported with the nearest names."""

from collections.abc import Sequence

import pytest

from adjust_async import Partner, PlanError, TrackerSpec
from adjust_async.campaign.provisioning.partner_names import find_partners
from adjust_async.campaign.provisioning.plan import Entry, read_plan
from tests.turns import Calls

pytestmark = pytest.mark.anyio

PARTNERS = [
    Partner(id=1, display_name="AppLovin"),
    Partner(id=2, display_name="AdColony"),
    Partner(id=3, display_name="Twice"),
    Partner(id=4, display_name="Twice"),
    Partner(id=5, display_name="Unity Ads"),
    Partner(id=6, display_name="Vungle"),
    Partner(id=7, display_name="VUNGLE"),
]


async def entries_of(*names: str) -> Sequence[Entry]:
    """Read a plan in which each entry names a partner."""
    return await read_plan([TrackerSpec(f"N{number}", partner=name) for number, name in enumerate(names)])


async def test_partners_are_found_by_name() -> None:
    """An exact name is replaced by its id; entries without a name, or with an id, are unchanged."""
    plan = [
        TrackerSpec("A"),
        TrackerSpec("B", partner="AppLovin"),
        TrackerSpec("C", partner_id=99),
        TrackerSpec("D", partner="AdColony"),
    ]
    entries = await read_plan(plan)
    found = await find_partners(entries, PARTNERS)
    assert [(entry.partner_id, entry.note) for entry in found] == [(None, None), (1, None), (99, None), (2, None)]
    assert [entry.spec for entry in found] == [entry.spec for entry in entries]


@pytest.mark.parametrize("name", ["applovin", "AppLovin ", " APPLOVIN", "App Lovin", "app\u00a0lovin"])
async def test_case_and_spaces_do_not_matter(name: str) -> None:
    """A name that differs from one partner's only in case or spaces matches it, with a note."""
    (entry,) = await find_partners(await entries_of(name), PARTNERS)
    assert entry.partner_id == 1
    assert entry.note == f"partner {name!r} was matched with 'AppLovin'"


async def test_an_exact_name_goes_first() -> None:
    """If two partners differ only in case, each is found by its exact name, and any other form is refused."""
    found = await find_partners(await entries_of("Vungle", "VUNGLE"), PARTNERS)
    assert [(entry.partner_id, entry.note) for entry in found] == [(6, None), (7, None)]
    with pytest.raises(PlanError, match="2 partners that 'vungle' may mean: pass partner_id, one of 6, 7"):
        await find_partners(await entries_of("vungle"), PARTNERS)


async def test_all_unknown_names_are_reported() -> None:
    """Unknown and ambiguous names are reported together, with the numbers of their entries."""
    with pytest.raises(PlanError) as caught:
        await find_partners(await entries_of("AppLovin", "AdColny", "Twice", "zzzzzz"), PARTNERS)
    assert caught.value.problems == (
        (2, "there is no partner called 'AdColny'. Did you mean 'AdColony'?"),
        (3, "there are 2 partners called 'Twice': pass partner_id, one of 3, 4"),
        (4, "there is no partner called 'zzzzzz': adjust.partners.list() lists them all"),
    )


async def test_an_account_without_partners() -> None:
    """A name without similar ones is reported without a suggestion."""
    with pytest.raises(PlanError, match=r"adjust.partners.list\(\) lists them all"):
        await find_partners(await entries_of("AppLovin"), [])


async def test_thousands_of_unknown_names_take_little_time() -> None:
    """Only the first five names are compared and come with a suggestion, however many partners there are."""
    partners = [Partner(id=number, display_name=f"Advertising Partner {number}") for number in range(1, 1001)]
    entries = await entries_of(*(f"Advertising Partner X{number}" for number in range(5000)))
    with Calls() as calls, pytest.raises(PlanError) as caught:
        await find_partners(entries, partners)
    assert calls.number < 100 * (len(entries) + len(partners))
    problems = [problem for _, problem in caught.value.problems]
    assert len(problems) == 5000
    assert sum("Did you mean" in problem for problem in problems) == 5
