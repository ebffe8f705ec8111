"""Listing partners, over real sockets against the emulator."""

from typing import Any

import pytest

from adjust_async import AsyncAdjust, Partner
from adjust_async.emulator import Emulator

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_all_partners_are_listed(version: Any) -> None:
    """Every partner of the account is listed once, over several pages, AdColony with the ID that Adjust documents."""
    async with (
        Emulator(partners=120) as emulator,
        AsyncAdjust(emulator.token, api_url=emulator.url, campaign_version=version) as adjust,
    ):
        partners = await adjust.partners.list().collect()
        assert await adjust.partners.list(page_size=7, prefetch=3).collect() == partners
    assert len({partner.id for partner in partners}) == len(partners) == 120
    assert all(isinstance(partner, Partner) for partner in partners)
    (adcolony,) = (partner for partner in partners if partner.id == 174)
    assert adcolony.display_name.lower() == "adcolony"
    assert {partner.supports_cost_data for partner in partners} == {True, False}
