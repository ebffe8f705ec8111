import re
from collections import Counter

import pytest

from adjust_async.emulator import Emulator, Tracker
from tests.turns import Calls

pytestmark = pytest.mark.anyio


async def test_same_seed_same_account() -> None:
    """A seed decides the apps and trackers, their tokens and names, and everything else but the API token."""
    accounts = []
    for seed in 5, 5, 6:
        async with Emulator(seed=seed, trackers_per_app=80) as emulator:
            accounts.append((emulator.app_tokens, emulator.store.apps(), emulator.store.trackers()))
    assert accounts[0] == accounts[1]
    assert all(first != second for first, second in zip(accounts[0], accounts[2], strict=True))


@pytest.mark.parametrize("trackers_per_app", [0, 1, 2, 3, 5, 17, 400, 1001])
async def test_exact_numbers(trackers_per_app: int) -> None:
    """Every app has the requested number of trackers, with unique tokens and names."""
    async with Emulator(apps=3, trackers_per_app=trackers_per_app) as emulator:
        assert len(set(emulator.app_tokens)) == 3
        assert all(re.fullmatch("[a-z0-9]{12}", token) for token in emulator.app_tokens)
        for app_token in emulator.app_tokens:
            found = emulator.store.trackers(app_token)
            assert len(found) == emulator.store.count_trackers(app_token) == trackers_per_app
            assert len({tracker.name for tracker in found}) == trackers_per_app
        assert len({tracker.token for tracker in emulator.store.trackers()}) == 3 * trackers_per_app


async def test_consistent_trees() -> None:
    """Parents exist, one level up in the same app, and `has_subtrackers` marks exactly the parents."""
    async with Emulator() as emulator:
        by_token = {tracker.token: tracker for tracker in emulator.store.trackers()}
        parents = {tracker.parent_token for tracker in by_token.values()}
        for tracker in by_token.values():
            assert tracker.has_subtrackers == (tracker.token in parents)
            assert tracker.name.count("::") == tracker.level - 1
            if tracker.parent_token is not None:
                parent = by_token[tracker.parent_token]
                assert (parent.app_token, parent.level) == (tracker.app_token, tracker.level - 1)
                assert tracker.name.startswith(f"{parent.name}::")


async def test_variety() -> None:
    """Each app has four levels, archived trackers, sublinks without a partner, unusual names, and lists over 50."""
    async with Emulator() as emulator:
        for app_token in emulator.app_tokens:
            found = emulator.store.trackers(app_token)
            assert {tracker.level for tracker in found} == {1, 2, 3, 4}
            children = Counter(tracker.parent_token for tracker in found)
            assert children[None] > 100
            assert sum(count > 50 for count in children.values()) >= 2
            assert len(set(children.values())) > 4
            assert any(tracker.archived for tracker in found)
            assert any(tracker.cost_data_enabled for tracker in found)
            assert any(tracker.partner_id is None for tracker in found if tracker.level > 1)
            names = "".join(tracker.name for tracker in found)
            assert all(character in names for character in "%/ é")
            assert_special_networks(found)


def assert_special_networks(found: list[Tracker]) -> None:
    """Assert that the networks without a partner exist, without partner and subtrackers."""
    networks = {tracker.name: tracker for tracker in found if tracker.level == 1}
    for name in "Organic", "Untrusted Devices", "Google Organic Search":
        assert networks[name].partner_id is None
        assert not networks[name].has_subtrackers
    assert networks["AppLovin"].partner_id is not None


async def test_partners_option() -> None:
    """The account has the requested number of partners, with unique names."""
    async with Emulator(partners=7, trackers_per_app=90) as emulator:
        partners = emulator.store.partners()
        assert len({partner.display_name for partner in partners}) == 7
        used = {tracker.partner_id for tracker in emulator.store.trackers()}
        assert used == {partner.id for partner in partners} | {None}


async def test_large_accounts_start_fast() -> None:
    """Ten thousand trackers are generated with a few calls for each."""
    with Calls() as calls:
        async with Emulator(apps=5, trackers_per_app=2000) as emulator:
            assert emulator.store.count_trackers() == 10_000
    assert calls.number < 40 * 10_000
