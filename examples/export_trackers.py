"""Write every tracker of the account to a CSV file as it arrives."""

import asyncio
import csv
import sys

from adjust_async import AsyncAdjust

COLUMNS = ("app_token", "token", "parent_token", "level", "name", "partner_id", "cost_data_enabled")


async def main(path: str) -> None:
    """Walk the trees of all apps in parallel."""
    async with AsyncAdjust() as adjust:
        tokens = [app.token async for app in adjust.apps.list()]
        with open(path, "w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230, PTH123 - writing one row is quick
            table = csv.writer(file)
            table.writerow(COLUMNS)
            count = 0
            async for tracker in adjust.trackers.walk(tokens):
                table.writerow([getattr(tracker, column) for column in COLUMNS])
                count += 1
    print(f"{count} trackers of {len(tokens)} apps written to {path}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "trackers.csv"))
