"""Create a season's campaigns in every app and link them to their partners; safe to run again."""

import asyncio

from adjust_async import AsyncAdjust, TrackerSpec

NETWORKS = ("AppLovin", "AdColony")


def plan() -> list[TrackerSpec]:
    """Return the networks with their settings, and their campaigns."""
    networks = [TrackerSpec(name, partner=name, cost_data_enabled=True) for name in NETWORKS]
    return [*networks, *TrackerSpec.product(NETWORKS, ["DE", "FR", "US"], ["Spring", "Summer"])]


async def main() -> None:
    """Compare first, then roll out, and print the results."""
    async with AsyncAdjust() as adjust:
        async for app in adjust.apps.list():
            planned = await adjust.trackers.provision(app.token, plan(), dry_run=True)
            result = await adjust.trackers.provision(app.token, plan())
            print(f"{app.name}: planned {planned.counts}, done {result.counts}")
            for outcome in result.failed:
                print(f"  {outcome.path}: {outcome.error}")


if __name__ == "__main__":
    asyncio.run(main())
